"""The referee: arrays in, numbers out.

It knows no files, tables, films or nets, and needs numpy, scipy and OpenCV alone, so that anybody's maps are judged
by the code that judges ours. Conventions of the whole package:

- maps are `(rows, cols)`; a point is `(row, col)`, zero-based, pixel centres at integers; a box is half-open;
- films, lesions, marks and patients are numbered from 0, and arrays that belong together stand in that order;
- a figure that the data cannot give is NaN, never 0 or 0.5; wrong shapes, dtypes and numbers are `ValueError`;
- results are frozen dataclasses; lengths end in `_px`.
"""

REFEREE_VERSION = 2
"""Goes up whenever any figure of this package changes for the same input."""
