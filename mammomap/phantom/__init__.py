"""A phantom: film mammograms with lesions whose place, outline and pathology are known, drawn from a seed.

In: a `PhantomConfig`. Out: films in memory (`draw.draw_woman`) or a folder in the classic CBIS-DDSM layout
(`tree.write_tree`). Everything is drawn in millimetres on a film 240 mm high, so that 1200 rows mean 0.2 mm a pixel.

Pathology acts on a film only through one number per lesion, its suspicion: normal with standard deviation 1 and means
`SUSPICION_GAP` apart for benign and malignant lesions. Shape, margins, contrast, specks and assessment follow from the
suspicion and from noise. No reader, however good, can therefore beat an AUC of Phi(gap / sqrt 2) per lesion.
The breasts are plausible, not true: figures on phantom films say that a chain works, nothing about women.
"""

from mammomap.phantom.config import FILM_HEIGHT_MM, SUSPICION_GAP, PhantomConfig, PhantomFilm, PhantomLesion

__all__ = ["FILM_HEIGHT_MM", "SUSPICION_GAP", "PhantomConfig", "PhantomFilm", "PhantomLesion"]
