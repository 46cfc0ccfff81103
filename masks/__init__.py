"""Films, outlines and tables: everything between a folder of mammograms and arrays that a net can take.

Conventions that hold in the whole package:

- readers and the store give `uint16` arrays `(rows, cols)`; 8-bit pictures are multiplied by 257; after
  `mammomap.masks.intensity` an image is `float32` in [0, 1] with air at 0;
- a point is `(row, col)`, zero-based, pixel centres at integers; (0, 0) is the centre of the top left pixel;
- boxes are half-open `(row0, col0, row1, col1)`: a pixel r is inside when row0 <= r < row1, so the box of one
  pixel at 5 is 5..6, and its centre in point coordinates is (row0 + row1 - 1) / 2;
- lengths end in `_mm` or `_px`;
- nothing flips, resizes or rescales unless its name says so.
"""
