"""Losses worked by hand, and what they leave out."""

import math
from pathlib import Path

import pytest
import segmentation_models_pytorch as smp
import torch

from mammomap.errors import ConfigError
from mammomap.masks.store import Store
from mammomap.seg.config import LOSSES, TrainConfig
from mammomap.seg.crops import VOID
from mammomap.seg.losses import FALSE, MISSED, label_loss, make_loss, overlap
from mammomap.seg.train_run import train

CLASSES = (0, 3, 4)
PROBABILITIES = torch.tensor([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2], [0.1, 0.8, 0.1], [0.4, 0.4, 0.2]])
TARGETS = torch.tensor([[[0, 0, 1, VOID]]])


def logits_of(probabilities: torch.Tensor) -> torch.Tensor:
    """`(pixels, classes)` as logits `(1, classes, 1, pixels)`."""
    return probabilities.log().T[None, :, None]


def of(name: str, probabilities: torch.Tensor = PROBABILITIES, targets: torch.Tensor = TARGETS) -> float:
    return float(make_loss(name, CLASSES, 4.0)(logits_of(probabilities), targets))


def test_cross_entropy_and_focal_by_hand() -> None:
    """Two background pixels of weight 1 and a benign one of weight 4."""
    assert of("ce") == pytest.approx(-(math.log(0.7) + math.log(0.5) + 4 * math.log(0.8)) / 6, rel=1e-5)
    focal = -(0.3**2 * math.log(0.7) + 0.5**2 * math.log(0.5) + 4 * 0.2**2 * math.log(0.8)) / 6
    assert of("focal") == pytest.approx(focal, rel=1e-5)


def test_dice_and_tversky_by_hand() -> None:
    """Benign alone is shown: 0.8 of it hit, 0.2 missed, 0.2 + 0.3 false; everything is smoothed by 1."""
    hit, false, missed = 0.8, 0.5, 0.2
    assert of("dice") == pytest.approx(1 - (hit + 1) / (hit + 0.5 * false + 0.5 * missed + 1), rel=1e-5)
    assert of("tversky") == pytest.approx(1 - (hit + 1) / (hit + FALSE * false + MISSED * missed + 1), rel=1e-5)
    assert MISSED + FALSE == pytest.approx(1)


def test_lovasz_by_hand() -> None:
    """Errors, largest first, times the growth of the Jaccard loss.

    background: 0.2 (false), then 0.1 (missed) and 0.1 (false); the loss grows from 0 to 1/2 and 1
    benign: 0.4 (missed), 0.3 (missed), 0.05 (false); it grows from 0 to 1/2 and 1
    """
    probabilities = torch.tensor([[0.9, 0.05, 0.05], [0.2, 0.7, 0.1], [0.1, 0.6, 0.3]])
    background, benign = 0.2 / 2 + 0.1 / 2, 0.4 / 2 + 0.3 / 2
    made = of("lovasz", probabilities, torch.tensor([[[0, 1, 1]]]))
    assert made == pytest.approx((background + benign) / 2, rel=1e-5)


def test_the_label_counts_by_its_weight() -> None:
    logits = logits_of(PROBABILITIES)
    none, half, whole = (
        float(make_loss("lesion", CLASSES, 4.0, weight)(logits, TARGETS)) for weight in (0.0, 0.5, 1.0)
    )
    label = float(label_loss(logits, TARGETS))
    assert label == pytest.approx(-math.log(0.8 / 0.9), rel=1e-5)
    assert (half - none, whole - none) == pytest.approx((label / 2, label), rel=1e-5)


def test_the_label_loss_by_hand() -> None:
    """Three benign pixels and one malignant in one crop, void and background in the other: the mean of both classes."""
    logits = torch.zeros(2, 3, 1, 4)
    logits[0, 1, 0, :3] = torch.tensor([1.0, 2.0, 3.0])
    logits[0, 2, 0, 3] = 1.0
    logits[:, 0] = torch.randn(2, 1, 4)
    targets = torch.tensor([[[1, 1, 1, 2]], [[0, 0, VOID, 0]]])
    wanted = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-1))) / 2
    assert float(label_loss(logits, targets)) == pytest.approx(wanted, rel=1e-5)
    assert float(label_loss(logits[1:], targets[1:])) == 0


def test_dice_is_that_of_another_implementation() -> None:
    random = torch.Generator().manual_seed(3)
    found = torch.rand(2, 3, 8, 8, generator=random)
    wanted = torch.rand(2, 3, 8, 8, generator=random) < 0.3
    wanted[:, 2] = False
    known = torch.rand(2, 8, 8, generator=random) < 0.9
    theirs = smp.losses.DiceLoss("multilabel", from_logits=False, smooth=1.0, ignore_index=VOID)
    marked = torch.where(known[:, None], wanted.float(), torch.full(wanted.shape, float(VOID)))
    by_layer, shown = overlap(found, wanted, known, 0.5, 0.5)
    assert shown.tolist() == [True, True, False]
    # theirs smooths the numerator 2 hit + 1, ours hit + 1: half a pixel of lesion
    assert float(by_layer.mean()) == pytest.approx(float(theirs(found, marked)), abs=0.02)
    other = smp.losses.TverskyLoss(
        "multilabel", from_logits=False, smooth=1.0, ignore_index=VOID, alpha=FALSE, beta=MISSED
    )
    by_layer, _ = overlap(found, wanted, known, FALSE, MISSED)
    assert float(by_layer.mean()) == pytest.approx(float(other(found, marked)), rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
class TestEveryLoss:
    def test_void_pixels_count_for_nothing(self, name: str) -> None:
        other = PROBABILITIES.clone()
        other[3] = torch.tensor([0.01, 0.01, 0.98])
        assert of(name) == pytest.approx(of(name, other), abs=1e-7)
        logits = logits_of(PROBABILITIES).requires_grad_()
        make_loss(name, CLASSES, 4.0)(logits, TARGETS).backward()
        assert logits.grad is not None and not logits.grad[..., 3].any() and logits.grad[..., 2].any()

    def test_it_falls_towards_the_truth(self, name: str) -> None:
        right = torch.tensor([[1 - 2e-6, 1e-6, 1e-6], [1 - 2e-6, 1e-6, 1e-6], [1e-6, 1 - 2e-6, 1e-6], [0.3, 0.3, 0.4]])
        wrong = right[:, [1, 0, 2]]
        assert of(name, right) < 1e-4 < of(name) < of(name, wrong)

    def test_a_batch_without_lesions_or_with_nothing_known_is_finite(self, name: str) -> None:
        assert math.isfinite(of(name, targets=torch.zeros(1, 1, 4, dtype=torch.long)))
        if name != "lesion":
            assert of(name, targets=torch.full((1, 1, 4), VOID)) == 0

    def test_training_takes_it(self, name: str, drawn_store: Store, tmp_path: Path) -> None:
        settings = TrainConfig(encoder="tu-resnet10t", loss=name, crops=8, crop=32, batch=4, validate_every=8, seed=2)
        assert train(drawn_store, tmp_path / "run", settings)[0].config.loss == name


def test_another_loss_is_refused() -> None:
    with pytest.raises(ConfigError, match="loss 'l2': none of lesion, ce"):
        TrainConfig(loss="l2")
