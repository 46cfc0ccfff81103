"""Charts as SVG for a page that is light or dark: FROC, AFROC, ROC, precision, decision, reliability, intervals.

In: plain numbers. Out: `<svg>` text to stand inside HTML. Colours are CSS variables with a fallback (`--ink`, `--soft`,
`--c1` to `--c6`), so a chart follows its page; text stays text. The same numbers give the same bytes. Nothing is
worked out here but the gap between the training curves. `name` begins the ids of a chart, so that several stand on
one page.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

Points = Sequence[Sequence[float | None]]

_INK, _SOFT = "#010203", "#040506"
_SERIES = ("#0a0b01", "#0a0b02", "#0a0b03", "#0a0b04", "#0a0b05", "#0a0b06")
_DASHES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (1, 1)))
_FALLBACKS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_VARIABLES = {
    _INK: "var(--ink, #222)",
    _SOFT: "var(--soft, #888)",
    **{stand_in: f"var(--c{i + 1}, {_FALLBACKS[i]})" for i, stand_in in enumerate(_SERIES)},
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 10.5,
    "axes.labelsize": 10.5,
    "legend.fontsize": 10,
    "font.family": "sans-serif",
    "text.color": _INK,
    "axes.edgecolor": _SOFT,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": _SOFT,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "legend.frameon": False,
    "legend.labelcolor": _INK,
    "lines.linewidth": 1.8,
}


@dataclass(frozen=True)
class Line:
    """A curve: its name in the legend, points `(x, y)`, and a band `(x, low, high)` or none. None breaks the line.

    series: the number of its colour, so that one system has one colour in all charts.
    """

    name: str
    points: Points
    band: Points = ()
    series: int = 0


@dataclass(frozen=True)
class Row:
    """A value with its interval in `forest_chart`; all None for a heading. faint: it says little."""

    name: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    faint: bool = False


def froc_chart(lines: Sequence[Line], *, name: str = "froc", most_fp: float = 4.0) -> str:
    """Lesion sensitivity against false positives per film, 0 to `most_fp`; the first line is the one with a band."""
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure()
        _draw_lines(axes, lines)
        axes.set(xlim=(0, most_fp), ylim=(0, 1))
        axes.set(xlabel="false positives per film", ylabel="share of lesions found")
        _legend(figure)
        return _svg(figure, name)


def roc_chart(lines: Sequence[Line], *, name: str = "roc") -> str:
    """True against false positive rate, with the line of chance."""
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure(4.6, 5.0)
        axes.plot([0, 1], [0, 1], color=_SOFT, linewidth=1, linestyle=":")
        _draw_lines(axes, lines)
        axes.set(xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
        axes.set(xlabel="false positive rate (1 − specificity)", ylabel="true positive rate (sensitivity)")
        _legend(figure)
        return _svg(figure, name)


def training_chart(train: Points, validation: Points, *, quantity: str, best: float | None = None) -> str:
    """Training and validation in one plot, with a bar between them where the weights were kept."""
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure()
        lines = [Line("women that the net learns from", train), Line("validation women", validation, series=1)]
        _draw_lines(axes, [line for line in lines if line.points])
        if best is not None:
            axes.axvline(best, color=_SOFT, linewidth=1, linestyle=":")
            pair = [value_at(points, best) for points in (train, validation)]
            if pair[0] is not None and pair[1] is not None:
                axes.plot([best, best], pair, color=_INK, linewidth=2.5, marker="_", markersize=9, label="gap")
        axes.set(xlabel="crops seen", ylabel=quantity)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
        axes.margins(x=0.02)
        _legend(figure)
        return _svg(figure, "training-" + re.sub(r"\W+", "-", quantity))


def precision_chart(lines: Sequence[Line], *, prevalence: float | None = None, name: str = "pr") -> str:
    """Precision against recall, with the line of chance, which is the prevalence of the cases."""
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure(4.6, 5.0)
        if prevalence is not None:
            axes.plot([0, 1], [prevalence, prevalence], color=_SOFT, linewidth=1, linestyle=":")
        _draw_lines(axes, lines)
        axes.set(xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
        axes.set(xlabel="recall (sensitivity)", ylabel="precision (at the prevalence of these cases)")
        _legend(figure)
        return _svg(figure, name)


def afroc_chart(lines: Sequence[Line], *, name: str = "afroc") -> str:
    """Share of lesions found against the share of lesion-free films with any mark, both above the same score."""
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure(4.6, 5.0)
        axes.plot([0, 1], [0, 1], color=_SOFT, linewidth=1, linestyle=":")
        _draw_lines(axes, lines)
        axes.set(xlim=(0, 1), ylim=(0, 1.01), aspect="equal")
        axes.set(xlabel="share of lesion-free films marked", ylabel="share of lesions found")
        _legend(figure)
        return _svg(figure, name)


def decision_chart(curve: Points, *, name: str = "decision") -> str:
    """Net benefit against the threshold probability: by the score, calling everybody, calling nobody."""
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure()
        axes.axhline(0, color=_SOFT, linewidth=1.2, label="calling nobody")
        _draw_lines(
            axes,
            [
                Line("calling by the probability", [point[:2] for point in curve]),
                Line("calling everybody", [(point[0], point[2]) for point in curve], series=1),
            ],
        )
        highest = max((y for point in curve for y in point[1:2] if y is not None), default=0.1)
        axes.set_ylim(-0.3 * highest - 1e-6, 1.15 * highest + 1e-6)
        axes.set(xlabel="threshold probability", ylabel="net benefit per image")
        _legend(figure)
        return _svg(figure, name)


def reliability_chart(bins: Points, *, name: str = "reliability") -> str:
    """Share of malignant films against their mean probability, one dot a bin `(n, probability, share[, low, high])`."""
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure(4.6, 5.0)
        axes.plot([0, 1], [0, 1], color=_SOFT, linewidth=1, linestyle=":", label="as it should be")
        kept = [one for one in bins if None not in one[:3]]
        for one in kept:
            if len(one) == 5 and None not in one[3:]:
                axes.plot([one[1]] * 2, one[3:], color=_SERIES[0], linewidth=1, alpha=0.6)
        axes.plot(
            [one[1] for one in kept], [one[2] for one in kept], color=_SERIES[0], marker="o", label="a tenth each"
        )
        axes.set(xlim=(0, 1), ylim=(0, 1.02), aspect="equal")
        axes.set(xlabel="mean probability given", ylabel="share of malignant films")
        _legend(figure)
        return _svg(figure, name)


def forest_chart(rows: Sequence[Row], *, quantity: str, reference: float | None = None, name: str = "forest") -> str:
    """Values with their intervals, one below the other, and a line at `reference`; faint ones in the soft colour.

    A row without a value is a heading.
    """
    with matplotlib.rc_context(_STYLE):
        figure, axes = _figure(4.6, 0.8 + 0.27 * len(rows))
        if reference is not None:
            axes.axvline(reference, color=_SOFT, linewidth=1.2)
        for place, row in enumerate(rows):
            colour = _SOFT if row.faint else _SERIES[0]
            if row.value is None:
                continue
            axes.plot([_number(row.low), _number(row.high)], [place, place], color=colour)
            axes.plot([row.value], [place], color=colour, marker="o", markersize=5)
        axes.set(yticks=range(len(rows)), yticklabels=[row.name for row in rows], xlabel=quantity)
        axes.tick_params(axis="y", length=0)
        for label, row in zip(axes.get_yticklabels(), rows, strict=True):
            label.set_fontweight("bold" if row.value is None else "normal")
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.grid(False, axis="y")
        return _svg(figure, name)


def value_at(points: Points, x: float) -> float | None:
    """The y of the point that stands at `x`; None if there is none."""
    return next((point[1] for point in points if point[0] == x), None)


def gap_in_words(train: Points, validation: Points, *, quantity: str, best: float | None) -> str:
    """The gap between both curves, where the weights were kept and at the end, as a sentence; '' without both curves.

    The gap is validation minus training; at the last point that both share.
    """
    shared = [point[0] for point in train if point[0] is not None and value_at(validation, point[0]) is not None]
    shared = [x for x in shared if x is not None and value_at(train, x) is not None]
    if not shared:
        return ""
    sentences = []
    gaps = []
    for x in dict.fromkeys([best if best in shared else shared[-1], shared[-1]]):
        assert x is not None
        own, other = value_at(train, x), value_at(validation, x)
        assert own is not None and other is not None
        gaps.append(abs(other - own))
        where = f"{x:,.0f} crops" + (" (the weights that were kept)" if x == best else " (the end)")
        side = "above" if other > own else "below" if other < own else "level with"
        sentences.append(
            f"At {where} the {quantity} of validation women is {other:.3f}, which is {abs(other - own):.3f} {side} "
            f"the {own:.3f} of the women that the net learns from."
        )
    if len(gaps) == 2:
        wider = gaps[1] - gaps[0]
        sentences.append(f"After that point the gap {'widens' if wider > 0 else 'does not widen'} ({wider:+.3f}).")
    return " ".join(sentences)


def _figure(width: float = 4.6, height: float = 3.9) -> tuple[Figure, Axes]:
    """An empty chart; inches, with 72 SVG units each."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasSVG(figure)
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    return figure, axes


def _legend(figure: Figure) -> None:
    """Names of the lines below the chart, where they hide nothing."""
    figure.legend(loc="outside lower left", borderaxespad=0.2)


def _draw_lines(axes: Axes, lines: Sequence[Line]) -> None:
    """Each line in the colour of its series and a dash of its own, the first on top."""
    for number, line in enumerate(lines):
        colour, dash = _SERIES[line.series % len(_SERIES)], _DASHES[number % len(_DASHES)]
        if line.band:
            x, low, high = ([_number(value) for value in column] for column in zip(*line.band, strict=True))
            axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
        x, y = ([_number(point[axis]) for point in line.points] for axis in (0, 1))
        few = len(x) <= 12
        axes.plot(
            x,
            y,
            color=colour,
            linestyle=dash,
            label=line.name,
            marker="o" if few else "",
            markersize=3,
            zorder=3 - number / len(lines),
        )


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _svg(figure: Figure, name: str) -> str:
    """The figure as an `<svg>` element that scales with its place; its ids begin with `name`."""
    file = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "mammomap"}):
        figure.savefig(file, format="svg")
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = text.replace('id="', f'id="{name}-').replace("url(#", f"url(#{name}-").replace('href="#', f'href="#{name}-')
    for stand_in, variable in _VARIABLES.items():
        text = text.replace(stand_in, variable)
    return text
