"""From picture to working film: the breast found whichever way it lies, and nothing else taken for one."""

import numpy as np
import pytest

from mammomap.errors import ImageError
from mammomap.masks.breast import find_breast
from mammomap.masks.intensity import IntensitySettings, net_input
from mammomap.masks.working import working_film


def half_ellipse(rows: int = 300, cols: int = 200, left: bool = True) -> tuple[np.ndarray, np.ndarray]:
    down, across = np.mgrid[:rows, :cols]
    inside = ((down - rows / 2) / (rows * 0.4)) ** 2 + (across / (cols * 0.7)) ** 2 < 1
    film = np.where(inside, 30_000, 1_000) + np.random.default_rng(0).normal(0, 300, (rows, cols))
    film = np.clip(film, 0, 65_535).astype(np.uint16)
    return (film, inside) if left else (film[:, ::-1].copy(), inside[:, ::-1].copy())


@pytest.mark.parametrize("left", [True, False])
def test_the_breast_is_found_and_faces_one_way(left: bool) -> None:
    film, inside = half_ellipse(left=left)
    breast = find_breast(film)
    assert breast.chest_wall_left == left
    rows, cols = np.nonzero(inside)
    truth = np.array([rows.min(), cols.min(), rows.max() + 1, cols.max() + 1])
    assert (breast.box[:2] <= truth[:2]).all() and (breast.box[2:] >= truth[2:]).all()
    assert np.abs(np.array(breast.box) - truth).max() <= 8  # the margin of air
    made = working_film(film, 150)
    assert made.grid.mirrored is not left
    middle = made.pixels[made.pixels.shape[0] // 2]
    assert middle[2] > 20_000 and middle[-1] < 2_000 and made.pixels[0, -1] == 0


def test_both_directions_give_the_same_working_film() -> None:
    film, _ = half_ellipse(left=True)
    one, other = working_film(film, 150), working_film(film[:, ::-1].copy(), 150)
    assert one.pixels.shape == other.pixels.shape
    both = (one.pixels > 0) & (other.pixels > 0)
    assert ((one.pixels > 0) == (other.pixels > 0)).mean() > 0.99
    assert np.abs(one.pixels.astype(int) - other.pixels)[both].max() <= 1


@pytest.mark.parametrize("mirrored", [False, True])
def test_an_impulse_in_the_film_stands_at_its_own_pixel(mirrored: bool) -> None:
    film, _ = half_ellipse(left=not mirrored)
    col = 150 if mirrored else 50
    film[140, col] = 65_535
    made = working_film(film, 300)
    place = np.array([np.unravel_index(int(made.pixels.argmax()), made.pixels.shape)])
    assert np.abs(made.grid.to_film(place) - [[140, col]]).max() <= 0.5
    assert np.unravel_index(int(made.grid.to_film_picture(made.pixels).argmax()), film.shape) == (140, col)


def test_a_tag_off_the_breast_stays_outside() -> None:
    film, _ = half_ellipse()
    film[10:30, 160:190] = 65_000
    made = working_film(film, 300)
    tag = made.grid.to_working(np.array([[20, 175]]))[0].round().astype(int)
    inside_grid = (tag >= 0).all() and tag[0] < made.pixels.shape[0] and tag[1] < made.pixels.shape[1]
    assert not inside_grid or made.pixels[tag[0], tag[1]] == 0


@pytest.mark.parametrize("kind", ["black", "noise", "white", "speck"])
def test_no_breast_no_film(kind: str) -> None:
    rng = np.random.default_rng(1)
    film = {
        "black": np.zeros((200, 150)),
        "noise": rng.normal(5_000, 400, (200, 150)),
        "white": np.full((200, 150), 60_000.0),
        "speck": np.where(np.hypot(*np.mgrid[-100:100, -75:75]) < 8, 50_000, 500),
    }[kind]
    with pytest.raises(ImageError, match="no breast found"):
        working_film(np.clip(film, 0, 65_535).astype(np.uint16), 100, name="film.dcm")


def test_intensity_goes_by_ranks_in_the_breast() -> None:
    """An 8-bit copy and any stretch of the grey scale give the same net input."""
    film, _ = half_ellipse()
    rng = np.random.default_rng(2)
    film = np.where(film > 10_000, film + rng.integers(0, 20_000, film.shape), film).astype(np.uint16)
    made = working_film(film, 150).pixels
    one = net_input(made, IntensitySettings())
    assert one.dtype == np.float32 and one.min() == 0 and one.max() == 1 and (one[made == 0] == 0).all()
    stretched = np.where(made > 0, made // 2 + 100, 0).astype(np.uint16)
    assert np.abs(net_input(stretched, IntensitySettings()) - one).max() < 1e-3
    copy = (made // 257).astype(np.uint16) * 257
    assert (
        np.corrcoef(
            net_input(np.where(made > 0, np.maximum(copy, 1), 0).astype(np.uint16), IntensitySettings()).ravel(),
            one.ravel(),
        )[0, 1]
        > 0.999
    )


def test_an_empty_film_is_refused() -> None:
    with pytest.raises(ImageError, match="empty"):
        net_input(np.zeros((5, 5), np.uint16), IntensitySettings())


@pytest.mark.parametrize("local", [0.0, 4.0])
def test_a_part_of_a_film_is_what_it_is_of_the_whole(local: float) -> None:
    film = np.random.default_rng(0).integers(1, 60_000, (60, 50)).astype(np.uint16)
    film[:, :9] = 0
    settings, where = IntensitySettings(local=local), (slice(20, 45), slice(3, 50))
    assert np.array_equal(net_input(film, settings, where=where), net_input(film, settings)[where])


def test_local_input_is_the_difference_from_the_surroundings() -> None:
    """A slope of brightness goes, and a spot stays where it was."""
    film = np.zeros((60, 60), np.uint16)
    film[5:55, 5:55] = 1000 + 20 * np.arange(50)[None]
    film[30, 20] = 3000
    plain = IntensitySettings(low_percentile=0, high_percentile=100)
    local = IntensitySettings(low_percentile=0, high_percentile=100, local=4.0)
    made = net_input(film, local)
    assert made.dtype == np.float32 and not made[film == 0].any() and made.max() <= 1 and made.min() >= 0
    assert np.unravel_index(made.argmax(), made.shape) == (30, 20)
    inside = np.s_[20:26, 15:45]
    assert np.ptp(net_input(film, plain)[inside]) > 0.2 and np.ptp(made[inside]) < 0.05
    assert np.abs(made[inside] - 0.5).max() < 0.05
    with pytest.raises(ValueError, match="local -1"):
        IntensitySettings(local=-1)
