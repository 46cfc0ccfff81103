"""The study of how hard phantoms are: each figure measures what it says; the bounds themselves are slow."""

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mammomap.eval.matching import FilmMarks
from mammomap.phantom import PhantomConfig
from mammomap.phantom.films import draw_woman, patient_name, woman_rng

STUDY = str(Path(__file__).resolve().parents[2] / "study")
BRIGHT = ("bright", (6.0,))


@pytest.fixture(scope="module")
def study():
    """study/phantom_bounds.py; behind the libraries on the path, so that none of their names is taken."""
    sys.path.append(STUDY)
    yield importlib.import_module("phantom_bounds")
    sys.path.remove(STUDY)


@pytest.fixture(scope="module")
def films(study):
    return study.drawn((21, 22), 6, (BRIGHT,), rows=256)


def labelled(films, rng):
    """The films with lesions of a class drawn by woman, whatever they look like."""
    bad = {woman: bool(rng.random() < 0.5) for woman in sorted({film.woman for film in films})}
    return [
        replace(
            film,
            malignant=bad[film.woman],
            lesions=tuple(replace(lesion, malignant=bad[film.woman]) for lesion in film.lesions),
        )
        for film in films
    ]


def many(films, times=12):
    """The films again and again as films of other women."""
    return [
        replace(film, woman=f"{film.woman}-{k}", image_id=f"{film.image_id}-{k}")
        for k in range(times)
        for film in films
    ]


def test_films_are_those_that_the_seeds_draw(study, films):
    config = PhantomConfig(seed=21, rows=256)
    first = draw_woman(woman_rng(21, 1), config, patient_name(1))
    for seen, film in zip(films, first, strict=False):
        assert seen.woman == "21-P_00001" and seen.malignant == film.malignant
        assert seen.kinds == tuple(lesion.kind for lesion in film.lesions)
        assert [x.region.area_px for x in seen.lesions] == [x.mask.sum() for x in film.lesions]
    assert len({film.woman for film in films}) == 12 and len({film.image_id for film in films}) == len(films)


def test_numbers_follow_the_film(study):
    looked_at = sys.modules["phantom_films"].looked_at
    film = draw_woman(woman_rng(21, 1), PhantomConfig(seed=21, rows=256), "P_00001")[0]
    mask = np.zeros(film.image.shape, bool)
    rows, cols = np.nonzero(film.image > np.percentile(film.image, 80))
    centre = int(np.median(rows)), int(np.median(cols))
    mask[centre[0] - 5 : centre[0] + 5, centre[1] - 5 : centre[1] + 5] = True
    lesion = replace(film.lesions[0], mask=mask)
    marked = np.where(mask, 65535, film.image).astype(np.uint16)
    dull, bright = (
        looked_at(replace(film, image=image, lesions=(lesion,)), "w", (BRIGHT,)) for image in (film.image, marked)
    )
    assert bright.plain[2] == bright.plain[3] == pytest.approx(100 / 256**2, rel=0.2)
    assert bright.plain[4] == bright.plain[5] > dull.plain[5] + 0.2
    assert bright.plain[0] > dull.plain[0] and bright.plain[1] == pytest.approx(dull.plain[1], rel=0.05)
    best = bright.blobs[BRIGHT].places[0]
    assert bright.lesions[0].region.contains(best)[0], "the blob detector's best mark is the planted square"


def test_contrast_is_against_a_ring_that_other_lesions_and_air_are_no_part_of():
    contrast = sys.modules["phantom_films"].lesion_contrast
    scaled = np.full((60, 60), 0.3, np.float32)
    mask, other, breast = (np.zeros((60, 60), bool) for _ in range(3))
    mask[20:30, 20:30], other[20:30, 31:40], breast[:, 15:] = True, True, True
    scaled[mask], scaled[other], scaled[~breast] = 0.5, 0.9, 0.0
    assert contrast(scaled, breast, mask, [mask, other], 8) == pytest.approx(0.2)
    assert contrast(scaled, mask, mask, [mask], 8) == 0, "no ring"


def test_marks_on_lesions_are_found_and_marks_elsewhere_are_not(study, films):
    women = [film.woman for film in films]
    lesions = [study.asked(film, "any") for film in films]
    on = [
        FilmMarks(np.array([np.argwhere(x.region.mask)[0] + x.region.box[:2] for x in film.lesions]), np.ones(n))
        for film in films
        if (n := len(film.lesions))
    ]
    off = [FilmMarks(np.array([[0.0, 0.0]]), np.ones(1)) for _ in films]
    assert study.found_at(on, lesions, women).value == 1
    assert study.found_at(off, lesions, women).value == 0
    planted = [
        replace(film, blobs={("bright", (1.0,)): b, ("dark", (2.0,)): a})
        for film, a, b in zip(films, on, off, strict=True)
    ]
    assert study.best_blob(planted, "any") == ("dark", (2.0,))


def test_lesions_of_the_other_kind_count_for_nothing(study, films):
    for film in films:
        told = study.asked(film, "mass")
        assert [lesion.ignored for lesion in told] == [kind != "mass" for kind in film.kinds]


def test_plain_numbers_give_chance_on_shuffled_labels_and_tell_a_planted_giveaway(study, films):
    rng = np.random.default_rng(0)
    crowd = labelled(many(films), rng)
    shuffled = [replace(film, plain=tuple(rng.normal(size=6))) for film in crowd]
    assert abs(study.plain(shuffled).value - 0.5) < 0.1
    planted = [replace(film, plain=(*film.plain[:5], film.malignant + 0.3 * float(rng.normal()))) for film in shuffled]
    assert study.plain(planted).value > 0.95


def test_the_oracle_gives_chance_on_shuffled_labels_and_tells_a_planted_word(study, films):
    rng = np.random.default_rng(1)
    crowd = study.lesion_rows(labelled(many(films), rng))
    assert abs(study.oracle(crowd).value - 0.5) < 0.12
    crowd["words"] = [
        words | {"odd"} if bad else words for words, bad in zip(crowd.words, crowd.malignant, strict=True)
    ]
    assert study.oracle(crowd).value > 0.99


def test_a_film_is_as_suspicious_as_its_worst_lesion(study):
    plain, odd = frozenset({"mass"}), frozenset({"mass", "odd"})
    rows = [
        (f"i{k}", f"w{k}", words, words == odd) for k in range(40) for words in ((odd, plain) if k % 2 else (plain,))
    ]
    lesions = pd.DataFrame(rows, columns=["image_id", "woman", "words", "malignant"])
    assert study.oracle(lesions).value == 1


def test_the_oracle_sees_neither_assessment_nor_pathology(study, films):
    for film in films:
        for told, kind in zip(film.descriptors, film.kinds, strict=True):
            assert kind in told and all(word == kind or word.startswith(f"{kind} ") for word in told)
            assert not any("BENIGN" in word or "MALIGNANT" in word for word in told)
    assert study.words("mass", "IRREGULAR-ARCHITECTURAL_DISTORTION", "SPICULATED") == {
        "mass", "mass shape IRREGULAR", "mass shape ARCHITECTURAL_DISTORTION", "mass margins SPICULATED"
    }  # fmt: skip


def test_models_never_see_a_woman_of_their_fold(study):
    rng = np.random.default_rng(2)
    women = [f"w{k}" for _ in range(4) for k in range(60)]
    labels = np.tile(rng.random(60) < 0.5, 4)
    scores = study.out_of_fold(np.tile(np.eye(60), (4, 1)), labels, women)
    assert study.auc_of(labels, scores, women).value < 0.6, "who she is tells her label, unless folds are by woman"


def test_lists_give_the_same_columns_and_the_assessment_ranks(study, films, tmp_path):
    rows = study.lesion_rows(films)
    ranked = rows.assign(
        assessment=[5.0 if bad else 2.0 for bad in rows.groupby("image_id").malignant.transform("max")]
    )
    assert study.assessment(ranked).value == 1
    assert study.grade(0) == study.grade(None) == 3.5 and study.grade(4) == 4


def test_real_lists_are_read(study, real_data):
    listed = study.listed_rows(real_data / "cbis_ddsm_tables")
    assert len(listed) == 3568 and listed["image_id"].nunique() == 3032
    assert 0.80 < study.oracle(listed).value < 0.90


def test_committed_marks_give_the_figures_that_were_written(study, films, tmp_path):
    marks = [film.blobs[BRIGHT] for film in films]
    marks[3] = FilmMarks(np.zeros((0, 2)), np.zeros(0))
    two = next(k for k, film in enumerate(films) if len(film.lesions) > 1)
    places = [np.argwhere(x.region.mask)[0] + x.region.box[:2] for x in films[two].lesions]
    marks[two] = FilmMarks(np.array(places, float), np.linspace(0.9, 0.8, len(places)))
    scores = [max(its.scores, default=0.0) for its in marks]
    study.write_marks(tmp_path / "marks-blob.csv", films, marks, scores)
    found, ranked = study.committed(tmp_path / "marks-blob.csv")
    women = [film.woman for film in films]
    assert found.value == study.found_at(marks, [film.lesions for film in films], women).value > 0
    assert ranked.value == pytest.approx(study.auc_of([film.malignant for film in films], scores, women).value)
    assert (found.films, found.women, found.lesions) == (len(films), 12, sum(len(film.lesions) for film in films))
    rows = study.table(films, films, folder=tmp_path)
    assert [row.what for row in rows][-2:] == ["blob", "blob"] and "| blob |" in study.show(rows)
    pd.DataFrame(rows).to_csv(tmp_path / "bounds.csv", index=False)
    assert study.show(study.rows_of(tmp_path / "bounds.csv")) == study.show(rows)
    assert pd.DataFrame(rows)["what"].str.startswith("blob detector").sum() == 3


@pytest.mark.slow
def test_phantoms_are_neither_easy_nor_hopeless(study):
    """The four bounds, pooled over five seeds that nothing was chosen on."""
    choice = study.drawn(study.CHOICE_SEEDS, study.WOMEN, study.SETTINGS)
    best = list(dict.fromkeys(study.best_blob(choice, kind) for kind in study.KINDS))
    test = study.drawn(study.TEST_SEEDS, study.WOMEN, best)
    assert len({film.woman for film in test}) >= 300
    asked = {row.what: row for row in study.table(choice, test) if row.holds}
    assert len(asked) == 4
    assert [f"{row.what}: {row.value:.3f}" for row in asked.values() if row.holds != "yes"] == []


def test_kinds_are_told_apart_and_the_blind_oracle_knows_no_shape_of_grains(study, films, tmp_path):
    """Labels that the shapes of calcifications alone decide: the oracle has them all, the blind one does not."""
    kinds = importlib.import_module("phantom_kinds")
    shapes = sorted(
        {word for film in films for its in film.descriptors for word in its if word.startswith(kinds.GRAIN)}
    )
    bad = set(shapes[::2])
    assert len(shapes) > 2

    def decided(film):
        told = [bool(words & bad) for words in film.descriptors]
        lesions = [replace(lesion, malignant=ill) for lesion, ill in zip(film.lesions, told, strict=True)]
        return replace(film, malignant=any(told), lesions=tuple(lesions))

    test = many([decided(film) for film in films], 4)
    study.write_marks(
        tmp_path / "marks-net.csv",
        test,
        [FilmMarks(np.zeros((0, 2)), np.zeros(0))] * len(test),
        [float(film.malignant) for film in test],
    )
    backwards = [(film.image_id, film.woman, film.malignant, -float(film.malignant)) for film in test[::-1]]
    handed = pd.DataFrame(backwards, columns=["image_id", "woman", "malignant", "score"])
    handed.astype({"malignant": int}).to_csv(tmp_path / "told-99.csv", index=False)
    found = kinds.table(test, tmp_path).set_index(["who", "among"])
    whole, blind, given, net = found.index.unique("who")
    assert given.endswith("99 rows") and found.loc[(given, "films of calcifications alone"), "value"] == 0
    calcified, massive = "films of calcifications alone", "films of masses alone"
    assert net == "net" and found.loc[(net, calcified), "value"] == 1
    assert found.loc[(whole, calcified), "value"] == 1 > found.loc[(blind, calcified), "value"]
    for name, kind in ((calcified, "calcification"), (massive, "mass")):
        its = [film for film in test if set(film.kinds) == {kind}]
        assert found.loc[(net, name), ["films", "malignant"]].tolist() == [len(its), sum(f.malignant for f in its)]
    assert found.loc[(net, massive), "malignant"] == 0
