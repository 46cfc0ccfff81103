"""Twelve cases in words and drawings, with every number worked by hand.

Truth: A and B are malignant lesions, a and b benign ones, x is a place that counts for nothing. Answer: # is found; a
digit is found too, and is the place of a mark with that many tenths as its score. Points are (score, lesions found,
false positives) with all marks at or above the score; the Dice is that of all films' pixels together, any lesion.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pytest

from mammomap.eval.froc import froc
from mammomap.eval.matching import FilmMarks, Lesion, match
from mammomap.eval.overlap import OverlapCounts, film_overlap
from mammomap.eval.regions import cut


@dataclass
class Case:
    words: str
    films: list[tuple[str, str]]
    tp: int
    fp: int
    fn: int
    points: list[tuple[float, int, int]]
    dice: Fraction | None
    which: str = "any"


CASES = [
    Case(
        "One lesion, marked once, found to the pixel: nothing is better.",
        [("""......
             .AAA..
             .AAA..""",
          """......
             .###..
             .#9#..""")],
        tp=1, fp=0, fn=0, points=[(0.9, 1, 0)],
        dice=Fraction(2 * 6, 6 + 6),
    ),
    Case(
        "The mark stands one pixel beside the lesion: it is false, the lesion is missed, although two of its six "
        "pixels are found.",
        [(""".AAA..
             .AAA..""",
          """...#7.
             ...##.""")],
        tp=0, fp=1, fn=1, points=[(0.7, 0, 1)],
        dice=Fraction(2 * 2, 6 + 4),
    ),
    Case(
        "Two marks in one lesion: it is found once, at the better score, and the other mark is not false.",
        [("""AAAA..
             AAAA..""",
          """8..5..
             #..#..""")],
        tp=1, fp=0, fn=0, points=[(0.8, 1, 0), (0.5, 1, 0)],
        dice=Fraction(2 * 4, 8 + 4),
    ),
    Case(
        "Two lesions, of which one is found at 0.6 and one missed, and a false mark that scores higher.",
        [("""AA..BB
             AA..BB
             ......""",
          """6.....
             #.....
             ..9...""")],
        tp=1, fp=1, fn=1, points=[(0.9, 0, 1), (0.6, 1, 1)],
        dice=Fraction(2 * 2, 8 + 3),
    ),
    Case(
        "A second film has no lesion: its two marks are false, and it halves the false positives per film.",
        [("""AA....
             AA....""",
          """#4....
             ##...."""),
         ("""......
             ......""",
          """5....3
             ......""")],
        tp=1, fp=2, fn=0, points=[(0.5, 0, 1), (0.4, 1, 1), (0.3, 1, 2)],
        dice=Fraction(2 * 4, 4 + 6),
    ),
    Case(
        "A hit and two false marks of one score enter together: the lesion is never found without both.",
        [("""AA....
             AA....""",
          """5..5..
             .....5""")],
        tp=1, fp=2, fn=0, points=[(0.5, 1, 2)],
        dice=Fraction(2 * 1, 4 + 3),
    ),
    Case(
        "Malignant lesions are asked for, and a mark in a benign one is false.",
        [("""AA..bb
             AA..bb""",
          """6...9#
             ....##""")],
        which="malignant",
        tp=1, fp=1, fn=0, points=[(0.9, 0, 1), (0.6, 1, 1)],
        dice=Fraction(2 * 5, 8 + 5),
    ),
    Case(
        "The same film, benign hits ignored: the mark is nothing, and 0.9 is no threshold.",
        [("""AA..bb
             AA..bb""",
          """6...9#
             ....##""")],
        which="malignant, benign hits ignored",
        tp=1, fp=0, fn=0, points=[(0.6, 1, 0)],
        dice=Fraction(2 * 5, 8 + 5),
    ),
    Case(
        "A mark in a place that counts for nothing is neither hit nor false, and its found pixels are no error.",
        [("""AA..xx
             AA..xx
             ......""",
          """##..8#
             #3....
             ....2.""")],
        tp=1, fp=1, fn=0, points=[(0.3, 1, 0), (0.2, 1, 1)],
        dice=Fraction(2 * 4, 4 + 5),
    ),
    Case(
        "Nothing is marked and nothing found: no points, every lesion missed, Dice 0.",
        [("""AA.B..
             AA.B..""",
          """......
             ......""")],
        tp=0, fp=0, fn=2, points=[],
        dice=Fraction(0),
    ),
    Case(
        "No lesion anywhere, nothing found: no sensitivity, and no Dice to speak of.",
        [("""......
             ......""",
          """......
             ......""")],
        tp=0, fp=0, fn=0, points=[],
        dice=None,
    ),
    Case(
        "A ring around the lesion with its peak on the rim: half of the lesion is found, and still it is missed; the "
        "second lesion is hit by one pixel of it, which is enough.",
        [("""......BB
             .AAA..BB
             .AAA..BB""",
          """8####..6
             #...#...
             #####...""")],
        tp=1, fp=1, fn=1, points=[(0.8, 0, 1), (0.6, 1, 1)],
        dice=Fraction(2 * 4, 12 + 13),
    ),
]  # fmt: skip


def rows_of(drawing):
    return np.array([list(line.strip()) for line in drawing.splitlines()])


def read(truth, answer):
    """Lesions, marks and the found mask of one film."""
    letters, signs = rows_of(truth), rows_of(answer)
    lesions = [
        Lesion(cut(letters == letter), malignant=letter.isupper(), ignored=letter == "x")
        for letter in np.unique(letters)
        if letter != "."
    ]
    rows, cols = np.nonzero(np.char.isdigit(signs))
    marks = FilmMarks(np.stack([rows, cols], axis=1), signs[rows, cols].astype(float) / 10)
    return lesions, marks, signs != "."


def test_there_are_twelve():
    assert len(CASES) == 12


@pytest.mark.parametrize("case", CASES, ids=[case.words.split(":")[0] for case in CASES])
def test_every_number_is_the_one_worked_by_hand(case):
    films = [read(*film) for film in case.films]
    found = match([f[1] for f in films], [f[0] for f in films], which=case.which)
    curve = froc(found.marks, found.lesion_film, len(films))
    n = len(found.lesion_film)
    tp, fp = np.rint(curve.sensitivity * n), np.rint(curve.fp_per_film * len(films))
    assert list(zip(curve.thresholds, tp, fp, strict=True)) == case.points
    last = (tp[-1], fp[-1], n - tp[-1]) if len(tp) else (0, 0, n)
    assert last == (case.tp, case.fp, case.fn)
    pooled = OverlapCounts()
    for lesions, _, mask in films:
        kept = [lesion.region for lesion in lesions if not lesion.ignored]
        pooled += film_overlap(mask, kept, [lesion.region for lesion in lesions if lesion.ignored]).film
    assert np.isnan(pooled.dice) if case.dice is None else pooled.dice == float(case.dice)
