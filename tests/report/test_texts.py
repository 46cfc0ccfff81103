import re

from mammomap.report.sections import differences
from mammomap.report.texts import compared, main_table, methods, span, table_latex, table_markdown


def test_the_tables_hold_each_figure_of_each_system(report):
    head, rows = main_table(report)
    assert head[0] == "System" and [row[0] for row in rows] == ["net", "untrained", "blob (trivial)"]
    for text in (table_markdown(report), table_latex(report)):
        for row in rows:
            for cell in row[1:]:
                assert span(cell) in text


def test_markdown_has_one_line_a_system_and_as_many_cells_as_headings(report):
    report["systems"][0]["name"] = "a|b"
    lines = [line for line in table_markdown(report).splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 3
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines}) == 1


def test_latex_is_escaped(report):
    report["systems"][0]["name"] = "net_5% & {x}~^\\$#"
    text = table_latex(report)
    assert r"net\_5\% \& \{x\}\textasciitilde{}\textasciicircum{}\textbackslash{}\$\#" in text
    assert text.count("\\\\") == 4 and text.count("{") == text.count("}")


def test_the_methods_say_the_reports_facts_and_nothing_else(report):
    told = methods(report)
    data = report["data"]
    for number in (data["films"], data["women"], data["lesions"], data["malignant_lesions"], data["malignant_films"]):
        assert re.search(rf"\b{number}\b", told)
    assert "net and untrained were evaluated" in told and "baselines stand beside them: blob." in told
    assert "20 films without a lesion gave AFROC" in told and "p values of 6 comparisons" in told
    report["systems"][0]["in_sample"] = True
    report["data"]["lesion_free_films"] = 0
    told = methods(report)
    assert "judged all the same for net" in told and "AFROC was not available" in told
    assert methods({}) == ""


def test_what_is_not_defined_has_no_column_and_is_no_comparison(report):
    """Films of one class: no AUC anywhere, and the differences of AUCs have no p value."""
    gone = 0
    for system in report["systems"]:
        for entry in system["images"]:
            entry["auc"] = {"value": None, "low": None, "high": None}
    for row in report["differences"]:
        if row["measure"].startswith("AUC"):
            row |= {"value": None, "low": None, "high": None, "p": None, "p_holm": None}
            gone += 1
    assert gone and compared(report) == len(report["differences"]) - gone
    assert f"p values of {compared(report)} comparisons" in methods(report)
    head, rows = main_table(report)
    assert not any("AUC" in name for name in head) and {len(row) for row in rows} == {len(head)}
    assert f"all {compared(report)} comparisons" in differences(report)["difference_note"]


def test_a_span_without_interval_or_value():
    assert span(None) == "–" and span({"value": None}) == "–"
    assert span({"value": -0.5, "low": None, "high": None}) == "−0.500"
