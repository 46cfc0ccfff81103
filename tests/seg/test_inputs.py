"""What samplers are given of films is what the whole film would be, kept or not."""

from __future__ import annotations

import numpy as np
import pytest

from mammomap.errors import ImageError
from mammomap.masks.intensity import IntensitySettings, net_input
from mammomap.masks.store import Store
from mammomap.seg import inputs
from mammomap.seg.inputs import FilmInputs

WHERE = slice(20, 70), slice(5, 40)


@pytest.mark.parametrize("local", [0.0, 6.0])
@pytest.mark.parametrize("room", [0, 1 << 30])
def test_it_is_the_film_as_every_verb_sees_it(
    drawn_store: Store, monkeypatch: pytest.MonkeyPatch, local: float, room: int
) -> None:
    monkeypatch.setattr(inputs, "KEPT_BYTES", room)
    settings, ids = IntensitySettings(local=local), list(drawn_store.films["image_id"])[:3]
    given = FilmInputs(drawn_store, ids, settings)
    for image_id in [*ids, *ids]:
        whole = net_input(drawn_store[image_id].pixels, settings)
        assert np.array_equal(given(image_id), whole)
        assert np.array_equal(given(image_id, WHERE), whole[WHERE])


def test_surroundings_are_worked_out_once_as_far_as_memory_is_given(
    drawn_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = list(drawn_store.films["image_id"])[:3]
    monkeypatch.setattr(inputs, "KEPT_BYTES", 2 * 4 * max(drawn_store[image_id].pixels.size for image_id in ids))
    made: list[str] = []

    def counted(pixels: np.ndarray, *rest: object) -> np.ndarray:
        made.append("a film")
        return net_input(pixels, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(inputs, "net_input", counted)
    given = FilmInputs(drawn_store, ids, IntensitySettings(local=6.0))
    for _ in range(3):
        for image_id in ids:
            given(image_id, WHERE)
    assert len(made) == 2 + 3  # two are kept, the third is made each time
    with pytest.raises(ValueError, match="read-only"):
        given(ids[0])[0, 0] = 1


def test_an_empty_film_is_refused_before_anything_is_drawn(drawn_store: Store) -> None:
    pixels = drawn_store[drawn_store.films["image_id"][0]].pixels

    class Empty:
        def __getitem__(self, _: str) -> object:
            return type("Film", (), {"pixels": np.zeros_like(pixels)})

    with pytest.raises(ImageError, match="empty"):
        FilmInputs(Empty(), ["one"], IntensitySettings())  # type: ignore[arg-type]
