"""What a paper takes over: the main table in Markdown and LaTeX, and a paragraph on methods.

In: the report dict. Out: text; every number and setting in it stands in the report. The paragraph says what was done
and nothing of how good the systems are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mammomap.report.wording import Report, judged_part, number_text

Found = Mapping[str, Any]


def main_table(report: Report) -> tuple[list[str], list[list[Found | str | None]]]:
    """Headings, and a row a system: its name, then figures (value, low, high) or None where it has none."""
    columns: list[tuple[str, Callable[[Report], Found | None]]] = [
        ("Lesions found at 1 FP/film", lambda s: reading(s, "any", 1.0)),
        ("Malignant lesions at 1 FP/film", lambda s: reading(s, "malignant", 1.0)),
        ("Mean sensitivity, 1/8 to 8 FP/film", lambda s: s.get("froc", {}).get("any", {}).get("mean")),
        ("AUC by image", lambda s: area(s, "image")),
        ("AUC by breast", lambda s: area(s, "breast")),
        ("AUC by woman", lambda s: area(s, "patient")),
    ]
    systems = report.get("systems", [])
    kept = [(name, get) for name, get in columns if any(_value(get(system)) is not None for system in systems)]
    rows: list[list[Found | str | None]] = [
        [system_name(system), *(get(system) for _, get in kept)] for system in systems
    ]
    return ["System", *(name for name, _ in kept)], rows


def _value(found: Found | None) -> float | None:
    return found["value"] if found else None


def compared(report: Report) -> int:
    """How many comparisons the p values after Holm allow for: those that have a p value."""
    return sum(row.get("p_holm") is not None for row in report.get("differences", []))


def reading(system: Report, which: str, fp: float) -> Found | None:
    """A system's sensitivity at a rate of false positives; None where it has none."""
    entry = system.get("froc", {}).get(which) or {}
    return next((at for at in entry.get("at", ()) if at["fp"] == fp), None)


def area(system: Report, level: str, score: str = "map maximum") -> Found | None:
    """A system's AUC at a level; None where it has none."""
    listed = system.get("images", ())
    return next((e.get("auc") for e in listed if e["level"] == level and e["score"] == score), None)


def system_name(system: Report) -> str:
    """The name as tables show it."""
    marks = [mark for mark, on in (("in sample", system.get("in_sample")), ("trivial", is_trivial(system))) if on]
    return system["name"] + (f" ({', '.join(marks)})" if marks else "")


def is_trivial(system: Report) -> bool:
    """Whether the benchmark drew it itself."""
    return system.get("role") == "trivial"


def span(found: Found | str | None, dash: str = "–", minus: str = "−") -> str:
    """0.613 (0.540 to 0.702), the value alone where there is no interval, a dash for nothing."""
    if isinstance(found, str):
        return found
    if not found or found.get("value") is None:
        return dash
    value, low, high = (found.get(key) for key in ("value", "low", "high"))
    text = f"{value:.3f}" if low is None or high is None else f"{value:.3f} ({low:.3f} to {high:.3f})"
    return text.replace("-", minus)


def table_markdown(report: Report) -> str:
    """The main table as Markdown."""
    head, rows = main_table(report)
    lines = [table_caption(report), "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(span(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def table_latex(report: Report) -> str:
    """The main table as LaTeX, with the rules of booktabs."""
    head, rows = main_table(report)
    lines = ["\\begin{table}", "\\centering", f"\\caption{{{_latex(table_caption(report))}}}"]
    lines += ["\\begin{tabular}{l" + "l" * (len(head) - 1) + "}", "\\toprule"]
    lines += [" & ".join(_latex(cell) for cell in head) + " \\\\", "\\midrule"]
    lines += [" & ".join(_latex(span(cell, "--", "-")) for cell in row) + " \\\\" for row in rows]
    lines += ["\\bottomrule", "\\end{tabular}", "\\end{table}"]
    return "\n".join(lines) + "\n"


def table_caption(report: Report) -> str:
    """n, split, interval and rule of a hit in one line."""
    data = report.get("data", {})
    if not data:
        return "95 % intervals by woman."
    hit = "boxes or circles, not outlines" if data.get("approximate") else "outlines"
    return (
        f"{data.get('source') or 'Unnamed source'}, {judged_part(data)}: "
        f"{data.get('films')} films of {data.get('women')} women, {data.get('lesions')} lesions "
        f"({data.get('malignant_lesions')} malignant), {data.get('malignant_films')} films malignant. "
        f"95 % intervals by woman. Lesions are found in {hit}; FP/film over all films."
    )


def methods(report: Report) -> str:
    """A paragraph for a paper: what was judged, how, with which intervals and versions."""
    data, made = report.get("data", {}), report.get("made", {})
    if not data or not report.get("systems"):
        return ""
    submitted = [s for s in report["systems"] if not is_trivial(s)]
    trivial = [s["name"] for s in report["systems"] if is_trivial(s)]
    shapes = _joined(
        [f"{count} {shape}{'s' if count != 1 else ''}" for shape, count in data.get("outlines", {}).items()]
    )
    said = [
        f"{_joined([s['name'] for s in submitted])} {_were(submitted)} evaluated on {data['films']} films of "
        f"{data['women']} women from {data.get('source') or 'an unnamed source'} ({judged_part(data)}; "
        f"data hash {data.get('data_hash')}), with {data['lesions']} lesions, "
        f"{data.get('malignant_lesions')} of them malignant, and {data.get('malignant_films')} malignant films "
        f"({100 * data.get('prevalence', 0):.0f} %). Lesions were given as {shapes or 'no outlines'}.",
        f"Labels: {data['label_rule']}." if data.get("label_rule") else "",
        f"Split: {data['leak_rule']}." if data.get("leak_rule") else "",
        "Candidates were the local maxima of the smoothed maps (Gaussian of 4/768 of the film's height, at least "
        "20/768 apart, at most 12 a film and map); systems that submit marks were judged by these.",
        "A candidate hit a lesion if it lay inside its "
        f"{'box or circle' if data.get('approximate') else 'outline'}; a lesion counted once, at its best hit, and "
        "equal scores entered together. Sensitivity was read at given rates of false positives per film, all films "
        "counted, without interpolation. Malignant lesions were sought on the malignancy map, where candidates on "
        "benign lesions were false.",
        _free(data),
        "Images were scored by the highest candidate of the malignancy map, breasts by the mean of their films and "
        "women by their highest film.",
        f"Intervals are {made.get('intervals', '95 %, by woman')}: Student's t on the logit with the spread of the "
        "resamples, exact binomial limits where a figure is at its bound. All systems share the resamples; differences "
        f"are paired, and p values of {compared(report)} comparisons are given after Holm.",
        f"As trivial baselines stand beside them: {_joined(trivial)}." if trivial else "",
        _overlap(submitted),
        f"Films of women that a model had seen were judged all the same for {_joined(_in_sample(report))}."
        if _in_sample(report)
        else "No system had, by its own account, seen any of these women, where it gave one.",
        f"Computed with mammomap {made.get('mammomap')} (referee version {report.get('referee_version')}, candidates "
        f"version {report.get('candidates_version')}).",
    ]
    return " ".join(sentence for sentence in said if sentence)


def _free(data: Report) -> str:
    count = data.get("lesion_free_films", 0)
    if not count:
        return "No film was free of lesions, so that AFROC was not available."
    return f"{count} films without a lesion gave AFROC and false positives on lesion-free films."


def _overlap(systems: Sequence[Report]) -> str:
    judged = [s for s in systems if s.get("dice") and "reason" not in s["dice"]]
    if not judged:
        return ""
    chosen = [f"{s['name']} from {number_text(s.get('threshold'))} ({s.get('threshold_from', '')})" for s in judged]
    return (
        "Overlap was counted in the film's own pixels, masses and calcifications apart, at thresholds that were not "
        f"chosen on these women: {_joined(chosen)}."
    )


def _in_sample(report: Report) -> list[str]:
    return [system["name"] for system in report["systems"] if system.get("in_sample")]


def _joined(words: Sequence[str]) -> str:
    return ", ".join(words[:-1]) + (" and " if len(words) > 1 else "") + words[-1] if words else ""


def _were(systems: Sequence[Report]) -> str:
    return "was" if len(systems) == 1 else "were"


_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "–": "--",
        "−": "$-$",
    }
)


def _latex(text: str) -> str:
    return text.translate(_LATEX)
