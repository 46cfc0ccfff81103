"""Variants of one thing timed in fresh processes, in turned order, and the ratios within each round."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Sequence

import numpy as np

Rounds = dict[str, list[dict]]
"""Variant -> what each round's process said."""


def told(took: Sequence[float], skipped: int) -> str:
    """What a process says of one variant: the median of its seconds after the first ones, and its page faults."""
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    return json.dumps({"seconds": float(np.median(took[skipped:])), "faults": faults})


def in_turn(words: Sequence[object], variants: Sequence[str], rounds: int) -> Rounds:
    """Call this script with `words` and `--only VARIANT`, each variant once a round; its last line is `told`."""
    found: Rounds = {variant: [] for variant in variants}
    for number in range(rounds):
        turn = number % len(variants)
        for variant in (*variants[turn:], *variants[:turn]):
            call = [sys.executable, *map(str, words), "--only", variant]
            made = subprocess.run(call, stdout=subprocess.PIPE, text=True, check=True)
            found[variant].append(json.loads(made.stdout.splitlines()[-1]))
    return found


def median(found: Rounds, variant: str, what: str = "seconds") -> float:
    """The median over the rounds."""
    return float(np.median([one[what] for one in found[variant]]))


def ratio(found: Rounds, base: str, variant: str) -> str:
    """How many times as fast as `base`: median over the rounds (lowest to highest)."""
    times = [a["seconds"] / b["seconds"] for a, b in zip(found[base], found[variant], strict=True)]
    return f"{np.median(times):.2f} ({min(times):.2f} to {max(times):.2f})"


def table(found: Rounds, base: str) -> str:
    """One row a variant, in Markdown."""
    lines = [f"| | seconds | times as fast as {base} | page faults, thousands |", "|---|---|---|---|"]
    for variant in found:
        times = ratio(found, base, variant) if variant != base else ""
        faults = median(found, variant, "faults") / 1000
        lines.append(f"| {variant} | {median(found, variant):.2f} | {times} | {faults:,.0f} |")
    return "\n".join(lines)
