"""The classifier of whole images: its sizes, what it sees, one batch by heart, the whole way from films to labels."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from torch.nn.functional import cross_entropy

from mammomap.classify.image_config import ImageConfig
from mammomap.classify.image_films import FilmSampler, labels_of, together
from mammomap.classify.image_mapper import ImageMapper, read_any_run, spread_out
from mammomap.classify.image_run import read_image_run, train_image
from mammomap.classify.max_pool_fcn import SEES, STEP, MaxPoolFCN, places_along
from mammomap.cli import main
from mammomap.errors import ConfigError, ModelError
from mammomap.masks.grid import Grid
from mammomap.masks.store import Store
from mammomap.masks.working import WorkingFilm
from mammomap.seg.run import read_run

SHORT = {"films": 16, "batch": 4, "validations": 2}


def test_parameters_and_the_size_of_its_map() -> None:
    assert sum(p.numel() for p in MaxPoolFCN(channels=3).parameters()) == 10_377_286
    net = MaxPoolFCN().eval()
    for rows, cols in [(263, 263), (442, 263), (443, 622), (1152, 896)]:
        wanted = (1, 2, places_along(rows), places_along(cols))
        with torch.inference_mode():
            assert net.places(torch.zeros(1, 1, rows, cols)).shape == wanted
        assert wanted[2:] == ((rows - SEES) // STEP + 1, (cols - SEES) // STEP + 1)
    assert (places_along(1152), places_along(896)) == (5, 4)
    with pytest.raises(ConfigError, match="262 x 300 pixels; this net needs at least 263"):
        net(torch.zeros(1, 1, 262, 300))


def test_a_place_sees_263_pixels_and_no_more() -> None:
    net = MaxPoolFCN().eval()
    film = torch.rand(1, 1, 443, 263, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        plain = net.places(film)
        for row, places in [(0, [0]), (179, [0]), (180, [0, 1]), (262, [0, 1]), (263, [1]), (442, [1])]:
            marked = film.clone()
            marked[0, 0, row, 130] = torch.nan
            changed = net.places(marked).isnan().any(1)[0, :, 0].nonzero()[:, 0].tolist()
            assert changed == places, row
    assert plain.shape[2:] == (2, 1)


def test_padding_a_batch_changes_no_film() -> None:
    rng = np.random.default_rng(0)
    films = [(rng.random(size).astype(np.float32), bad) for size, bad in [((300, 450), True), ((500, 263), False)]]
    images, labels, sizes = together(films, SEES)
    assert images.shape == (2, 1, 500, 450) and labels.tolist() == [1, 0] and sizes.tolist() == [[300, 450], [500, 263]]
    net = MaxPoolFCN().eval()
    with torch.inference_mode():
        both, _ = net(images, sizes)
        for k, film in enumerate(films):
            assert torch.allclose(both[k], net(together([film], SEES)[0])[0][0], atol=1e-5)
    assert together([(np.ones((10, 300), np.float32), True)], SEES)[0].shape == (1, 1, 263, 300)


def test_it_learns_one_batch_by_heart(drawn_store: Store) -> None:
    labels = labels_of(drawn_store.tables, list(drawn_store.films["image_id"])[:40])
    sampler = FilmSampler(drawn_store, labels, ImageConfig().intensity, batch=6, least=SEES, share=0.5, seed=2)
    images, truth, sizes = next(sampler.batches(0, 1, range(1), 1))[0]
    assert set(truth.tolist()) == {0, 1}
    torch.manual_seed(0)
    net = MaxPoolFCN(dropout=0.0)
    optimiser = torch.optim.Adam(net.parameters(), lr=2e-4)
    for _ in range(25):
        optimiser.zero_grad()
        loss = cross_entropy(net(images, sizes)[0], truth)
        loss.backward()
        optimiser.step()
    # batch norm behind the last layer keeps the two logits about 2 apart, and the loss from falling below 0.12
    assert float(loss.detach()) < 0.15 and bool((net(images, sizes)[0].argmax(1) == truth).all())


def test_film_n_is_always_the_same(drawn_store: Store) -> None:
    labels = labels_of(drawn_store.tables, list(drawn_store.films["image_id"])[:20])
    made = [
        FilmSampler(drawn_store, labels, ImageConfig().intensity, batch=4, least=SEES, share=0.5, seed=seed)
        for seed in (1, 1, 2)
    ]
    whole = next(made[0].batches(3, 4, range(1), 1))[0]
    parts = next(made[1].batches(3, 4, range(2), 2))
    assert torch.equal(whole[1], torch.cat([part[1] for part in parts]))
    threaded = FilmSampler(
        drawn_store, labels, ImageConfig().intensity, batch=4, least=SEES, share=0.5, seed=1, threads=3
    )
    for one, other in zip(made[0].batches(0, 7, range(1), 1), threaded.batches(0, 7, range(1), 1), strict=True):
        assert all(torch.equal(mine, its) for mine, its in zip(one[0], other[0], strict=True))
    image, bad = made[1].film(13)
    assert np.array_equal(image, made[0].film(13)[0]) and bad == made[0].film(13)[1]
    assert not np.array_equal(image, made[2].film(13)[0])
    bads = [made[0].film(number)[1] for number in range(60)]
    assert 15 < sum(bads) < 45
    bad = drawn_store.tables.films.query("malignant")["image_id"].tolist()
    with pytest.raises(ConfigError, match="one label only"):
        labels_of(drawn_store.tables, bad)


def test_a_stopped_run_ends_as_an_undisturbed_one(drawn_store: Store, tmp_path: Path) -> None:
    config = ImageConfig(**SHORT, seed=3, precision="32-true")

    class Stop(Exception):
        pass

    def stopping(steps, **_):
        for number, step in enumerate(steps):
            if number == 3:
                raise Stop
            yield step

    whole, done = train_image(drawn_store, tmp_path / "whole", config)
    assert done and not train_image(drawn_store, tmp_path / "whole", config)[1]
    with pytest.raises(Stop):
        train_image(drawn_store, tmp_path / "parts", config, progress=stopping)
    parts, _ = train_image(drawn_store, tmp_path / "parts", config)
    assert parts.weights_hash == whole.weights_hash
    logs = [
        [json.loads(line)["step_loss"] for line in (run.folder / "log.jsonl").read_text().splitlines()]
        for run in (whole, parts)
    ]
    assert logs[0] == logs[1]
    with pytest.raises(ConfigError, match="training.dropout"):
        train_image(drawn_store, tmp_path / "whole", ImageConfig(**SHORT, seed=3, precision="32-true", dropout=0.2))


@pytest.fixture(scope="module")
def image_run(drawn_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images") / "run"
    words = ["--films", "64", "--set", "validations=2", "--seed", "3"]
    done = CliRunner().invoke(main, ["train-image", str(drawn_store.folder), "-o", str(folder), *words])
    assert done.exit_code == 0 and "max-pool-fcn; women" in done.stdout, done.stderr
    return folder


def test_from_films_to_labels(image_run: Path, drawn_store: Store, tmp_path: Path) -> None:
    """Maps and scores by the same verbs, a head that calibrates the score, and the referee."""
    call, tables, maps = CliRunner().invoke, str(drawn_store.folder / "tables"), str(tmp_path / "maps")
    done = call(main, ["segment", tables, "--part", "test", "--model", str(image_run), "-o", maps])
    assert done.exit_code == 0, done.stderr
    films = pd.read_csv(tmp_path / "maps" / "films.csv")
    given = films["score"].to_numpy(float)
    assert given.min() >= 0 and given.max() <= 1 and len(np.unique(given)) > 3
    head = str(tmp_path / "head.json")
    words = ["train-head", str(drawn_store.folder), "--model", str(image_run), "--kind", "score", "-o", head]
    assert call(main, words).exit_code == 0
    done = call(main, ["classify", maps, "--head", head])
    assert done.exit_code == 0, done.stderr
    scores = pd.read_csv(tmp_path / "maps" / "scores.csv")
    answer = scores["probability"].to_numpy(float)  # calibrated: all in the scores' order
    low, high = (np.array([pick(answer[given == one]) for one in np.unique(given)]) for pick in (np.min, np.max))
    assert (high[:-1] <= low[1:]).all()
    assert len(np.unique(answer)) > 3 and {"probability_breast", "because"} <= set(scores)
    split, report = str(image_run / "split.csv"), tmp_path / "report"
    words = ["benchmark", tables, f"a={maps}", "--split", split, "--no-trivial", "--no-pictures", "-o", str(report)]
    done = call(main, words)
    assert done.exit_code == 0, done.stderr
    entries = json.loads((report / "report.json").read_text())["systems"][0]["images"]
    assert ("submitted score", "image") in {(entry["score"], entry["level"]) for entry in entries}


def test_a_map_shows_where_the_score_comes_from(image_run: Path) -> None:
    mapper = ImageMapper(read_image_run(image_run))
    pixels = np.random.default_rng(0).integers(1, 60_000, (500, 300)).astype(np.uint16)
    made = mapper(WorkingFilm(pixels, Grid.whole(500, 300)))
    assert made.score is not None and np.array_equal(made.lesion, made.malignancy)
    assert len(np.unique(made.malignancy)) == places_along(500) * places_along(300) == 2


def test_flips_are_averaged(image_run: Path) -> None:
    run = read_image_run(image_run)
    pixels = np.random.default_rng(0).integers(1, 60_000, (460, 300)).astype(np.uint16)
    films = [np.ascontiguousarray(np.flip(pixels, axes)) for axes in ((), (0,), (1,), (0, 1))]
    alone = [ImageMapper(run)(WorkingFilm(film, Grid.whole(460, 300))) for film in films]
    made = ImageMapper(run, flips=True)(WorkingFilm(pixels, Grid.whole(460, 300)))
    assert made.score == pytest.approx(np.mean([one.score for one in alone]), abs=1e-6)
    back = [np.flip(one.lesion, axes) for one, axes in zip(alone, ((), (0,), (1,), (0, 1)), strict=True)]
    assert np.allclose(made.lesion, np.mean(back, axis=0), atol=1e-6)


def test_places_lie_where_they_see() -> None:
    places = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    made = spread_out(places, (600, 500), MaxPoolFCN.first, MaxPoolFCN.step)
    assert made[131, 131] == 1 and made[131, 311] == 2 and made[311, 131] == 3 and made[599, 499] == 4
    assert made[131 + 89, 0] == 1 and made[131 + 91, 0] == 3


def test_what_cannot_be(image_run: Path, trained_run, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="marks no lesions"):
        read_run(image_run)
    with pytest.raises(ModelError, match="no classifier of images"):
        read_image_run(trained_run.folder)
    assert read_any_run(trained_run.folder).name == trained_run.name
    film = tmp_path / "film.png"
    film.write_bytes(b"")
    for words in (["--tile", "256"], ["--rows", "96"]):
        done = CliRunner().invoke(
            main, ["segment", str(film), "--model", str(image_run), *words, "-o", str(tmp_path / "m")]
        )
        assert done.exit_code == 1 and "has its own rows, and takes no --tile" in done.stderr
    for wrong in ({"net": "other"}, {"films": 0}, {"malignant_share": 1.0}, {"precision": "fp16"}):
        with pytest.raises(ConfigError):
            ImageConfig(**wrong)
    with pytest.raises(ConfigError, match="unknown setting 'crops'"):
        ImageConfig.from_json({"crops": 3})
