"""Pooled features of the encoder."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from mammomap.classify.net_features import NetFeatures, pooled
from mammomap.errors import ConfigError
from mammomap.masks.working import WorkingFilm
from mammomap.seg.device import choose_hardware


def test_features_are_the_encoders_mean_over_the_film(drawn_store, trained_run) -> None:
    stored = drawn_store[drawn_store.films["image_id"].iloc[0]]
    features = NetFeatures(trained_run)
    made = features(WorkingFilm(stored.pixels, stored.grid))
    assert made.shape == (512,) and np.isfinite(made).all() and made.std() > 0
    other = drawn_store[drawn_store.films["image_id"].iloc[1]]
    assert not np.array_equal(made, features(WorkingFilm(other.pixels, other.grid)))
    own = dataclasses.replace(trained_run)
    object.__setattr__(own, "net", lambda hardware: nn.Conv2d(1, 2, 1))
    with pytest.raises(ConfigError, match="has no encoder"):
        NetFeatures(own)


def test_the_mean_is_over_the_places_that_a_film_touches() -> None:
    class Means(nn.Module):
        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            return [torch.nn.functional.avg_pool2d(x, 32)]

    image = np.ones((64, 40), np.float32)  # the second column of places is a quarter film, three quarters air
    assert pooled(Means(), image, 32, choose_hardware()) == pytest.approx((1 + 0.25) / 2)
    assert pooled(Means(), image[:, :32], 32, choose_hardware()) == pytest.approx(1)
