"""From maps to labels of images, breasts and women: heads, calibration, reasons; and classifiers of whole images."""
