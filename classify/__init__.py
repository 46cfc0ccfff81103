"""From maps to labels of whole images: features of the map, a small head, calibration, operating points."""
