"""Results of `segment` as DICOM objects, each on the pixels of its film.

One file a kind of object (`sc`, `sr`, `segmentation`, `parametric_map`, `presentation`), what they share in `findings`
(places and outlines) and `identity` (patient, study, UIDs, dates), the verb in `export`. Points are `(row, col)`,
zero-based, pixel centres at integers, as everywhere in mammomap; DICOM's own convention, `(col + 0.5, row + 0.5)`,
is made in one place (`findings.in_dicom`). Nothing here imports torch.
"""
