"""Nets that map a film to per-pixel lesion probabilities: built, trained, applied.

A net takes float32 `(batch, 1, rows, cols)` in [0, 1] and gives logits `(batch, classes, rows, cols)`; channel 0 is
background, the others are the classes that its training set could show, in the order of `mammomap.masks.targets`.
"""
