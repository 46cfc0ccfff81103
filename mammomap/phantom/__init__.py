"""A phantom: film mammograms with lesions whose place, outline and pathology are known, drawn from a seed.

In: a `PhantomConfig`. Out: films in memory (`draw`) or a folder in the classic CBIS-DDSM layout
(`tree.write_tree`). Everything is drawn in millimetres on a film 240 mm high, so that 1200 rows mean 0.2 mm a pixel.

Pathology acts on a film only through the words of a lesion's description, which are drawn together as often as they
stand together in CBIS-DDSM's lists (`descriptors`); shape, edge, specks and contrast follow from words and noise.
The breasts are plausible, not true: figures on phantom films say that a chain works, nothing about women.
"""

from mammomap.phantom.config import FILM_HEIGHT_MM, PhantomConfig, PhantomFilm, PhantomLesion
from mammomap.phantom.films import draw

__all__ = ["FILM_HEIGHT_MM", "PhantomConfig", "PhantomFilm", "PhantomLesion", "draw"]
