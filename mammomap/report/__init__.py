"""Reports for reading: one self-contained page with tables, charts and films.

In: the numbers of `report.json`, pictures, the curves of training. Out: HTML, SVG, PNG. Nothing here judges anything or
knows a net: figures come as they are and go where they are read.
"""
