"""The card of a published run, in Markdown: what it does, who trained it, what was measured, what it is not for.

All of it comes from the run and its head; only the publisher's own words stand above. What a card should say: Mitchell
et al. 2019 (Model Cards for Model Reporting, arXiv 1810.03993).
"""

from __future__ import annotations

import json
from typing import Any

from mammomap.masks.mapfile import DRAWN
from mammomap.masks.tables import CBIS
from mammomap.seg.config import LAST
from mammomap.seg.run import Run

HOLDS = "Figures that hold come from `mammomap benchmark` on women whom neither net nor head has seen."

CREDIT = (
    "Its films are of CBIS-DDSM: Lee, R. S., Gimenez, F., Hoogi, A., Rubin, D. (2016), Curated Breast Imaging Subset "
    "of DDSM, The Cancer Imaging Archive, DOI 10.7937/K9/TCIA.2016.7O02S9CY, CC BY 3.0."
)


def card(run: Run, head: dict[str, Any] | None, about: str, *, half: bool = False) -> str:
    """The card as text; `about` is the publisher's, `half` whether the weights are in half precision."""
    parts = [
        f"# {run.name}",
        *([about.strip()] if about.strip() else ["The publisher names no licence and no address."]),
    ]
    return "\n\n".join([*parts, *_use(run, head), *_women(run), *_measured(run, head), *_limits(run, half)]) + "\n"


def _use(run: Run, head: dict | None) -> list[str]:
    net = (
        f"{run.config.net} with {run.config.encoder}" if run.config.encoder else f"a net of its own ({run.config.net})"
    )
    kinds = " and ".join(run.kinds)
    lines = [
        "## Use",
        f"Marks {kinds} lesions on mammograms, pixel by pixel, and says how likely each is malignant. The net is "
        f"{net}; whole films are seen at {run.rows} rows. For research only: it is no medical device.",
        "```\nmammomap segment films/*.dcm --model BUNDLE -o maps\n"
        + ("mammomap classify maps --head BUNDLE\n" if head else "")
        + "```",
    ]
    if run.config.net.startswith("net.py"):
        lines.append("The bundle holds code of its own, net.py. Opening the bundle executes it: read it first.")
    return lines


def _women(run: Run) -> list[str]:
    how = "validated" if run.config.chosen_by == LAST else "chosen"
    count, chosen, source = len(run.trained_codes), len(run.chosen_codes), run.source or "a set without a name"
    before = count - len(run.split.women("net")) if run.split.part_of else 0
    others = f", which had seen {before:,} others" if before else ""
    started = f", having started from {run.config.init_from}{others}" if run.config.init_from else ""
    lines = [
        "## Women",
        f"Trained on {count - before:,} women{f' and {how} on {chosen} others' if chosen else ''}{started}; the set is "
        f"{source}, dealt by `{run.split.name}`. "
        "The bundle knows them by codes, and the benchmark refuses to judge it on them.",
    ]
    if run.source.lower() in CBIS:
        lines.append(CREDIT)
    return lines


def _measured(run: Run, head: dict | None) -> list[str]:
    kept = run.chosen
    lines = ["## Measured"]
    if kept["validation"]:
        rows = "\n".join(f"| {name} | {_figure(value)} |" for name, value in sorted(kept["validation"].items()))
        chose = "that chose the weights" if run.config.chosen_by != LAST else "who were not trained on"
        lines += [
            f"On the {len(run.chosen_codes)} women {chose}, after {kept['crops']:,} crops"
            f"{', so too good' if run.config.chosen_by != LAST else ''}; without intervals. {HOLDS}",
            f"| validation | |\n|---|---|\n{rows}",
        ]
    else:
        lines.append(f"On no woman: all were trained on, for {kept['crops']:,} crops. {HOLDS}")
    if head:
        image = head["levels"]["image"]
        every = {**image["operating_points"], **head["candidate_points"]}
        points = "\n".join(f"| {name} | {value:.3g} |" for name, value in every.items())
        lines += [
            f"The head ({head['kind']}) was fitted on {image['cases']} films of {image['women']} women "
            f"({head['fitted_on']}), {image['prevalence']:.0%} of the films malignant; its probabilities hold at this "
            f"share. AUC by image among them, cross-validated: {image['held_out_auc']:.2f}.",
            f"| operating point | threshold |\n|---|---|\n{points}",
        ]
    return lines


def _limits(run: Run, half: bool) -> list[str]:
    drawn = "Drawn films are no mammograms: it is for trying things out. " if run.source.startswith(DRAWN) else ""
    missing = sorted({"calcification", "mass"} - set(run.kinds))
    blind = f"It has never been shown {' or '.join(missing)} outlines, and does not look for them. " if missing else ""
    return [
        "## Limits",
        f"{drawn}{blind}On films of another kind, machine or population than those above nothing is known of it; what "
        "it gives there is a score and no probability until it has been calibrated there.",
        "## Made with",
        f"`{json.dumps(run.config.json())}`" + (". The weights are in half precision." if half else ""),
    ]


def _figure(value: float | None) -> str:
    return "not defined" if value is None else f"{value:.3f}"
