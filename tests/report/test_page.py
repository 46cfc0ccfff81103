import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mammomap.report import sections
from mammomap.report.page import Picture, page, write_page

SECTIONS = ["headline", "differences", "froc", "roc", "yardsticks", "dice", "calibration", "strata", "failures"]
SECTIONS += ["training", "cases", "paper", "run"]


class Reader(HTMLParser):
    """Tags with their attributes, ids of sections, text, and whether every tag is closed in order."""

    VOID = frozenset(["meta", "img", "br", "link", "input", "hr"])

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += f" {data}"

    @property
    def sections(self) -> list[str | None]:
        return [attributes.get("id") for tag, attributes in self.tags if tag == "section"]


def words(html: str) -> str:
    return re.sub(r"\s+", " ", Reader(html).text)


def test_every_section_stands_in_order_and_every_tag_is_closed(report, pictures, curves):
    reader = Reader(page(report, pictures, curves))
    assert reader.sections == [*SECTIONS, "limits"]
    assert reader.open == []


def test_without_a_split_all_films_are_judged(report, pictures, curves):
    assert "part of split" in words(page(report, pictures, curves))
    report["data"] |= {"split": "none", "part": "all films"}
    told = words(page(report, pictures, curves))
    assert "; all films." in told and "of split none" not in told and "Split none" not in told


def test_the_page_needs_nothing_from_outside(report, pictures, curves):
    for tag, attributes in Reader(page(report, pictures, curves)).tags:
        assert tag not in ("script", "link", "iframe", "object")
        for name in ("src", "href", "xlink:href", "srcset"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:image/png;base64,")), (tag, name, value[:60])
    html = page(report, pictures, curves)
    assert "@import" not in html and not re.search(r"url\((?!#)", html)


def test_the_headline_names_level_counts_split_and_interval(report):
    told = words(page(report, [], None))
    assert "62 women, 128 films, 61 malignant films, 141 lesions, 66 malignant lesions" in told
    assert "Test part of split official" in told and "95 % interval by patient" in told
    first_row = "net 0.718 (0.648–0.788) 0.638 (0.568–0.708) 0.600 (0.530–0.670) 0.740 (0.670–0.810) 0.760 "
    assert first_row in told


def test_each_figure_of_froc_stands_in_the_page(report):
    told = words(page(report, [], None))
    for system in report["systems"]:
        for which in ("any", "malignant"):
            for at in system["froc"][which]["at"]:
                assert f"{at['value']:.3f} ({at['low']:.3f}–{at['high']:.3f})" in told


def test_the_gap_of_training_is_named(report, curves):
    told = words(page(report, [], curves))
    assert "0.050 above the 0.300" in told and "0.090 above the 0.260" in told


def test_a_report_without_anything_is_a_page(pictures):
    assert Reader(page({}, [], None)).sections == ["run", "limits"]
    assert Reader(page({"title": "x", "systems": []}, pictures, {})).sections == ["cases", "run", "limits"]


@pytest.mark.parametrize(
    "key",
    ["made", "data", "differences", "ranks", "strata", "yardsticks", "failures", "differing", "warnings", "lacking"]
    + ["runs", "title", "case_rule"],
)
def test_any_key_may_be_absent(report, pictures, curves, key):
    del report[key]
    Reader(page(report, pictures, curves))


@pytest.mark.parametrize("key", ["froc", "images", "dice", "kinds_trained", "origin", "in_sample"])
def test_any_key_of_a_system_may_be_absent(report, key):
    for system in report["systems"]:
        del system[key]
    Reader(page(report, [], None))


def test_figures_that_do_not_exist_are_dashes(report):
    nothing = {"value": None, "low": None, "high": None}
    for system in report["systems"]:
        for entry in system["images"]:
            entry["auc"] = nothing
            entry["roc"] = [[None, None]]
        for at in (at for one in system["froc"].values() for at in one["at"]):
            at.update(nothing)
        for curve in system["froc"].values():
            curve["points"] = [[x, None] for x, _ in curve["points"]]
            curve["band"] = [[x, None, None] for x, _, _ in curve["band"]]
    for row in report["differences"]:
        row.update(nothing)
    told = words(page(report, [], None))
    assert not re.search(r"\b(None|nan|no interval)\b", told)
    assert "No AUC: the films are of one class only." in told


def test_a_dice_that_is_refused_says_why_once(report):
    for system in report["systems"]:
        system["dice"] = {"reason": "the outlines are boxes"}
    told = words(page(report, [], None))
    assert told.count("the outlines are boxes") == 1
    assert "No overlap for net, untrained: the outlines are boxes" in told


def test_in_sample_marks_the_system_everywhere(report):
    report["systems"][0]["in_sample"] = True
    told = words(page(report, [], None))
    assert "In sample: net has seen women of this test" in told
    assert told.count("net (in sample)") >= 5


def test_warnings_stand_at_the_top_and_what_is_lacking_below_the_headline(report):
    report["systems"][0] |= {"missing": 3, "extra_films": ["x"], "notes": ["hard labels"]}
    told = words(page(report, [], None))
    assert "the source of a film alone predicts the class" in told.split("What came out")[0]
    for said in ("net: 3 films without an answer", "net: 1 films are not known", "net: hard labels."):
        assert said in told.split("What came out")[0]
    assert "Place map: not drawn" in told


def test_ranges_and_rules_stand_beside_the_froc(report):
    told = words(page(report, [], None))
    assert "Bands: range over smoothing and distance" in told
    assert "net any 0.550 (0.480–0.620) 0.500 (0.430–0.570) 0.580 (0.510–0.650) 0.500 to 0.500" in told
    assert "AFROC, any lesion" in told


def test_the_band_of_the_settings_spans_the_curve_and_all_of_them(report, monkeypatch):
    drawn = []
    monkeypatch.setattr(sections, "froc_chart", lambda lines, **_: drawn.append(lines) or "<svg></svg>")
    sections.froc(report)
    line = drawn[-1][0]
    own = [y for _, y in report["systems"][0]["froc"]["any"]["points"]]
    assert [band[1:] for band in line.band] == [(pytest.approx(0.9 * y), y) for y in own]


def test_groups_too_small_say_so_and_descriptors_are_read_as_words(report):
    told = words(page(report, [], None))
    assert "view: MLO (too few women to judge)" in told and "margins: spiculated" in told


def test_text_is_escaped(report, pictures):
    evil = "<img src=x onerror=alert(1)>&\"'"
    report["title"] = evil
    report["systems"][0]["name"] = evil
    report["differences"][0]["a"] = evil
    report["made"][evil] = evil
    html = page(report, [Picture(pictures[0].png, evil, evil)], None)
    assert "<img src=x" not in html
    assert all(attributes.get("src") != "x" for _, attributes in Reader(html).tags)
    assert evil in Reader(html).text


def test_pictures_stand_in_their_groups(report, pictures):
    html = page(report, [*pictures, pictures[0]], None)
    assert [html.count(f"<h3>{group}</h3>") for group in ("Best", "Median", "Worst")] == [1, 1, 1]
    assert html.count("data:image/png;base64,") == 4
    assert report["case_rule"] in words(html)


def test_the_same_report_gives_the_same_bytes_also_after_json(report, pictures, curves, tmp_path):
    first, second = tmp_path / "a.html", tmp_path / "b.html"
    write_page(report, pictures, curves, first)
    write_page(json.loads(json.dumps(report)), pictures, json.loads(json.dumps(curves)), second)
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "b.html"]


def test_in_a_browser_nothing_is_asked_for_nothing_fails_and_a_phone_need_not_scroll(
    report, pictures, curves, tmp_path: Path
):
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    if browser_path is None:
        pytest.skip("needs chromium")
    from playwright.sync_api import sync_playwright

    report["systems"][0]["name"] = "a-system-with-a-rather-long-name-of-one-word"
    path = tmp_path / "index.html"
    write_page(report, pictures, curves, path)
    asked, said = [], []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        for width in (360, 800, 1400):
            tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark")
            tab.on("request", lambda request: asked.append(request.url))
            tab.on("console", lambda message: said.append(message.text))
            tab.goto(path.as_uri())
            assert tab.evaluate("document.documentElement.scrollWidth") == width
            assert tab.evaluate("[...document.images].every(image => image.naturalWidth > 0)")
            drawn = "[...document.querySelectorAll('figure svg, figure img')].map(e => e.getBoundingClientRect())"
            assert tab.evaluate(f"{drawn}.every(r => r.width > 99 && r.height > 40 && r.right <= {width})")
            dark = tab.evaluate("getComputedStyle(document.body).backgroundColor")
            tab.emulate_media(color_scheme="light")
            assert tab.evaluate("getComputedStyle(document.body).backgroundColor") != dark
        sheet = browser.new_page()
        sheet.goto(path.as_uri())
        sheet.emulate_media(media="print")
        sheet.set_viewport_size({"width": 718, "height": 1000})  # A4 less its margins
        wide = "[...document.querySelectorAll('table')].filter(t => t.scrollWidth > document.body.clientWidth)"
        assert sheet.evaluate(f"{wide}.map(t => t.caption.innerText)") == []
        assert sheet.pdf(format="A4").startswith(b"%PDF")
        browser.close()
    assert {url for url in asked if not url.startswith("data:")} == {path.as_uri()}
    assert said == []
