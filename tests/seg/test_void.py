"""What counts for nothing changes nothing: void pixels in loss and crops, ignored lesions in FROC."""

import numpy as np
import torch

from mammomap.eval.froc import froc
from mammomap.masks.grid import Grid
from mammomap.masks.outlines import Outline
from mammomap.masks.targets import IGNORE, classes_shown, draw_target
from mammomap.seg.candidates import MarkList
from mammomap.seg.crops import VOID, channel_targets
from mammomap.seg.losses import LesionLoss

SIZE = (40, 30)


def outline(box: tuple[float, float, float, float], kind: str = "mass", bad: bool = False, ignored: bool = False):
    return Outline(lesion_id="1", kind=kind, malignant=bad, shape="box", film_size=SIZE, box=box, ignored=ignored)


def test_an_ignored_lesion_is_void_and_lies_below_the_others() -> None:
    grid = Grid.whole(*SIZE, rows=40, cols=30)
    target = draw_target([outline((5, 5, 15, 15)), outline((8, 8, 30, 25), ignored=True)], grid)
    assert target[10, 10] == 3 and target[20, 17] == IGNORE and target[0, 0] == 0


def test_the_kind_that_a_net_does_not_learn_is_void_and_the_loss_does_not_see_it() -> None:
    grid = Grid.whole(*SIZE, rows=40, cols=30)
    shapes = [outline((2, 2, 12, 12), bad=True), outline((20, 10, 36, 26), kind="calcification")]
    classes = classes_shown(["mass"])
    targets = torch.from_numpy(channel_targets(draw_target(shapes, grid), classes))[None]
    void = targets == VOID
    assert void[0, 28, 18] and not void[0, 6, 6] and int(targets[0, 6, 6]) == 2
    loss, rng = LesionLoss(classes, 3.0), torch.Generator().manual_seed(1)
    logits = torch.randn(1, 3, *SIZE, generator=rng)
    other = torch.where(void[:, None], torch.randn(1, 3, *SIZE, generator=rng) * 9, logits)
    assert not torch.equal(logits, other)
    assert abs(float(loss(logits, targets)) - float(loss(other, targets))) < 1e-6
    logits.requires_grad_()
    loss(logits, targets).backward()
    assert logits.grad is not None and float(logits.grad[:, :, void[0]].abs().max()) == 0


def test_marks_in_an_ignored_lesion_are_neither_hits_nor_false() -> None:
    counted, ignored = outline((5, 5, 15, 15)), outline((12, 12, 30, 25), ignored=True)
    plain, beside = MarkList(), MarkList()
    assert plain.add(0, np.array([[8, 8], [2, 28]]), [0.5, 0.9], [counted]) == [True, False]
    places = np.array([[8, 8], [2, 28], [20, 20], [13, 13]])
    assert beside.add(0, places, [0.5, 0.9, 0.95, 0.4], [counted, ignored]) == [True, False, False, True]
    curves = [froc(marks.marks(), marks.lesions(), 1) for marks in (plain, beside)]
    assert [curve.at(rate) for curve in curves for rate in (0.5, 1.0)] == [0, 1, 0, 1]
    assert curves[0].n_lesions == curves[1].n_lesions == 1
    assert curves[0].fp_per_film[-1] == curves[1].fp_per_film[-1] == 1
