"""The last sections: training, what to take over into a paper, what was run, limits.

In and out as `sections`; `training` takes the curves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from mammomap.report.charts import gap_in_words, training_chart
from mammomap.report.texts import methods, system_name, table_latex, table_markdown
from mammomap.report.wording import Report, facts

_DATA_NAMES = {
    "kinds": "kinds of lesion with outlines",
    "part": "part judged",
    "prevalence": "share of malignant films",
}
_LIMITS = (
    "For research only: not a medical device, not for diagnosis.",
    "A score of a map is no probability. Only a head's score may be called one, and only for the kind of image and the "
    "prevalence that it was calibrated on.",
    "Figures from different films, splits or rules of a hit do not compare, whatever they are called.",
    "An interval speaks of other women from the same source, not of other clinics, scanners or readers.",
)


def training(curves: Mapping[str, Any] | None) -> dict[str, Any]:
    """Loss and score on women learnt from and on validation women, each pair in one plot, the gap in words."""
    if not curves:
        return {"training": []}
    pairs = [("loss", curves)]
    if curves.get("score"):
        pairs.append((curves["score"].get("name", "score"), curves["score"]))
    figures = []
    for quantity, pair in pairs:
        train, validation, best = pair.get("train", ()), pair.get("validation", ()), curves.get("best")
        if train or validation:
            svg = Markup(training_chart(train, validation, quantity=quantity, best=best))
            words = gap_in_words(train, validation, quantity=quantity, best=best)
            figures.append({"svg": svg, "caption": words or f"{quantity.capitalize()} by crops seen."})
    return {"training": figures}


def paper(report: Report) -> dict[str, Any]:
    """The paragraph on methods and the main table in two languages."""
    told = methods(report)
    tables = {"Markdown": table_markdown(report), "LaTeX": table_latex(report)} if told else {}
    return {"methods": told, "copies": tables}


def background(report: Report) -> dict[str, Any]:
    """What was run, as blocks of facts, and the limits."""
    made, data = dict(report.get("made", {})), dict(report.get("data", {}))
    notes = data.pop("notes", [])
    versions = {key: report[key] for key in ("format", "referee_version", "candidates_version") if key in report}
    blocks = {
        "This report": facts(made | versions),
        "Data": facts({_DATA_NAMES.get(str(key), str(key)): value for key, value in data.items()}),
        "Systems": {
            system_name(
                system
            ): f"{system.get('origin', '')}; trained for: {', '.join(_trained(system)) or 'nothing named'}"
            for system in report.get("systems", [])
        },
        **{f"Training of {run['name']}": facts(run.get("facts", {})) for run in report.get("runs", [])},
    }
    limits = [*_LIMITS, *notes]
    if data.get("approximate"):
        limits.append("Outlines are approximate (boxes or circles): a hit means a peak within one of them.")
    if data.get("label_rule"):
        limits.append(f"Labels: {data['label_rule']}.")
    return {"blocks": {name: facts for name, facts in blocks.items() if facts}, "limits": limits}


def _trained(system: Report) -> Sequence[str]:
    return system.get("kinds_trained") or system.get("classes_trained") or ()
