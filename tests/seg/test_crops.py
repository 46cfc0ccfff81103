"""Crops: the same for a seed and number, near lesions, film and truth varied together and only as far as asked."""

import dataclasses

import albumentations
import numpy as np
import pytest

from mammomap.masks.store import Store
from mammomap.seg.config import TrainConfig
from mammomap.seg.crops import ELASTIC, VOID, CropSampler, _stretched, channel_targets

QUICK = TrainConfig(encoder="resnet18", crops=24, crop=32, batch=4, warmup_crops=8, validate_every=12, seed=2)


def test_crops_depend_on_seed_and_number_alone(drawn_store: Store) -> None:
    ids = drawn_store.films["image_id"].tolist()[:10]
    one, other = (CropSampler(drawn_store, ids, (0, 3, 4), QUICK) for _ in range(2))
    other.crop(3)
    for number in (0, 7):
        for a, b in zip(one.crop(number), other.crop(number), strict=True):
            assert np.array_equal(a, b)
    assert not np.array_equal(one.crop(0)[0], one.crop(1)[0])
    another = CropSampler(drawn_store, ids, (0, 3, 4), dataclasses.replace(QUICK, seed=9))
    assert not np.array_equal(one.crop(0)[0], another.crop(0)[0])


@pytest.mark.parametrize("varied", [{}, {"proportion": 0.5}, {"elastic": 1.0}])
def test_crops_show_lesions_and_never_empty_film(drawn_store: Store, varied: dict[str, float]) -> None:
    config = TrainConfig(crop=32, lesion_share=0.75, malignant_share=0.4, seed=1, **varied)
    sampler = CropSampler(drawn_store, drawn_store.films["image_id"].tolist(), (0, 3, 4), config)
    crops = [sampler.crop(number) for number in range(120)]
    with_lesion = np.mean([(target > 0).any() for _, target in crops])
    assert with_lesion > (0.4 if varied else 0.6)  # bending moves the smallest discs out of so small a crop
    assert all((image > 0).any() for image, _ in crops)
    assert all(
        image.shape == target.shape == (32, 32) and 0 <= image.min() <= image.max() <= 1 for image, target in crops
    )
    agree = []
    for image, target in crops:
        disc, lesion = image > 0.75, target == 2
        if lesion.sum() > 60 and not (target == 1).any():
            agree.append((disc & lesion).sum() / (disc | lesion).sum())
    assert len(agree) > 15 and np.median(agree) > 0.8, "image and mask have moved apart"


def test_crops_are_stretched_and_bent_as_far_as_asked() -> None:
    film, target = np.zeros((256, 256), np.float32), np.zeros((256, 256), np.uint8)
    target[64:192, 64:192] = 1
    ratios = []
    for number in range(60):
        _, drawn = _stretched(film, target, 0.25, np.random.default_rng(number))
        height, width = (int(drawn.any(axis).sum()) for axis in (1, 0))
        ratios.append(height / width)
        assert abs(height * width / 128**2 - 1) < 0.03
        assert abs(height - (drawn[:128].any(1).sum() * 2)) <= 2, "not about the centre"
    assert 0.79 < min(ratios) < 0.84 and 1.19 < max(ratios) < 1.27

    ramp = np.tile(np.arange(256, dtype=np.float32), (256, 1))
    bend = albumentations.ElasticTransform(**ELASTIC, p=1)
    moved = np.stack([bend(image=ramp)["image"] - ramp for _ in range(20)])[:, 40:-40, 40:-40]
    assert 1.6 < moved.std() < 2.4 and np.abs(np.diff(moved)).max() < 0.6


def test_channel_targets_by_hand() -> None:
    codes = np.array([[0, 3, 4, 255, 1]], np.uint8)
    assert channel_targets(codes, (0, 3, 4)).tolist() == [[0, 1, 2, VOID, VOID]]
