import re
from xml.etree import ElementTree

import pytest

from mammomap.report.charts import (
    Line,
    Row,
    forest_chart,
    froc_chart,
    gap_in_words,
    reliability_chart,
    roc_chart,
    training_chart,
    value_at,
)

LINE = Line("net", [(0, 0), (1, 0.5), (4, 0.8)], [(0, 0, 0.1), (1, 0.4, 0.6), (4, 0.7, 0.9)])
OTHER = Line("blob", [(0, None), (1, 0.2), (4, 0.3)], series=1)
CHARTS = {
    "froc": lambda: froc_chart([LINE, OTHER]),
    "roc": lambda: roc_chart([Line("net", [(0, 0), (0.5, 1), (1, 1)])]),
    "training": lambda: training_chart([(0, 0.7), (900, 0.3)], [(0, 0.7), (900, 0.4)], quantity="loss", best=900),
    "reliability": lambda: reliability_chart([(10, 0.2, 0.3), (10, None, 0.3), (10, 0.8, 0.7)]),
    "forest": lambda: forest_chart([Row("a - b", 0.1, -0.1, 0.3)], quantity="difference", reference=0.0),
}


@pytest.mark.parametrize("name", CHARTS)
def test_the_same_numbers_give_the_same_bytes(name):
    first = CHARTS[name]()
    assert first == CHARTS[name]()
    assert "date>" not in first


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_well_formed_scales_and_follows_the_colours_of_its_page(name):
    chart = CHARTS[name]()
    root = ElementTree.fromstring(chart)
    assert root.tag.endswith("svg") and "viewBox" in root.attrib and "width" not in root.attrib
    assert "var(--c1" in chart and "var(--ink" in chart
    assert not re.search(r"#0[0-9a]0[0-9b]0[0-9]\b", chart)  # no stand-in colour is left
    ids = re.findall(r'\bid="([^"]*)"', chart)
    assert len(ids) == len(set(ids)) and all(name in one for one in ids)
    used = re.findall(r'(?:url\(#|href="#)([^)"]*)', chart)
    assert set(used) <= set(ids)


def test_text_stays_text():
    chart = froc_chart([LINE, OTHER])
    for words in ("net", "blob", "false positives per film"):
        assert f">{words}</text>" in chart


def test_the_band_belongs_to_the_line_that_has_one():
    assert "fill-opacity: 0.18" in froc_chart([LINE, OTHER])
    assert "fill-opacity: 0.18" not in froc_chart([OTHER])


def test_names_are_escaped():
    assert "<b>" not in froc_chart([Line("<b>&", [(0, 0), (1, 1)])])


def test_value_at():
    assert value_at([(1, 0.2), (2, 0.4)], 2) == 0.4
    assert value_at([(1, 0.2)], 3) is None


def test_the_gap_is_named_where_the_weights_were_kept_and_at_the_end():
    train, validation = [(0, 0.7), (1000, 0.30), (2000, 0.26)], [(0, 0.7), (1000, 0.35), (2000, 0.40)]
    told = gap_in_words(train, validation, quantity="loss", best=1000)
    assert "1,000 crops (the weights that were kept)" in told and "0.050 above" in told
    assert "2,000 crops (the end)" in told and "0.140 above" in told
    assert "the gap widens (+0.090)" in told


def test_the_gap_has_a_side_and_one_sentence_where_the_best_is_the_end():
    told = gap_in_words([(5, 0.8)], [(5, 0.6)], quantity="score", best=5)
    assert told.count("At ") == 1 and "0.200 below" in told and "gap" not in told
    assert "0.000 level with" in gap_in_words([(5, 0.8)], [(5, 0.8)], quantity="score", best=None)
    assert gap_in_words([(5, 0.8)], [(6, 0.8)], quantity="score", best=None) == ""
