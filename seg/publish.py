"""A run as one file that can be published: net, settings, card, codes of the women seen, and a head if there is one.

In: a run, a head file, what the publisher says. Out: a bundle (`mammomap.masks.bundle`), which every verb takes as
`--model`, and as `--head` where it holds one. Patients' names stay at home: the split is left out, and so is the path
of a split file.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from safetensors.torch import load_file, save

from mammomap.errors import ConfigError
from mammomap.masks.bundle import CARD, HEAD, OWN_CODE, WOMEN, write_bundle
from mammomap.seg.card import card
from mammomap.seg.run import Run


def publish(run: Run, out: Path, *, head: Path | None = None, about: str = "", half: bool = False) -> str:
    """Write the bundle of a run; gives the file's SHA-256. `about`: the publisher's words for the card, in Markdown.
    half: weights in half precision, as `halved` has it.

    Raises
    ------
    ConfigError
        If the run is of a bundle itself, the head is of another run, or half precision does not hold its weights.
    """
    if run.published:
        raise ConfigError(f"{run.name}: a bundle already; publish the file as it is")
    settings = json.loads((run.folder / "config.json").read_text()) | {"published": run.name}
    settings.pop("women_seen_before", None)  # among the codes below
    run = replace(run, config=replace(run.config, split=Path(run.config.split).name))
    settings["training"] = run.config.json()
    codes = {"trained": sorted(run.trained_codes), "chosen": sorted(run.chosen_codes)}
    fitted = json.loads(head.read_text()) if head else None
    if fitted is not None and fitted.get("model") != run.name:
        raise ConfigError(f"{head}: a head for {fitted.get('model')}, not for {run.name}")
    members = {
        "config.json": _json(settings),
        "model.safetensors": halved(run) if half else (run.folder / "model.safetensors").read_bytes(),
        "log.jsonl": (run.folder / "log.jsonl").read_bytes(),
        "environment.json": (run.folder / "environment.json").read_bytes(),
        WOMEN: _json(codes),
        CARD: card(run, fitted, about, half=half).encode(),
    }
    if fitted is not None:
        members[HEAD] = _json(fitted)
    if (run.folder / OWN_CODE).is_file():
        members[OWN_CODE] = (run.folder / OWN_CODE).read_bytes()
    return write_bundle(out, members)


def halved(run: Run) -> bytes:
    """The weights' file with every array of two dimensions and more in float16, which has 11 bits for a number; biases
    and batch norm, which are few, stay in float32. The net computes as before.

    Raises
    ------
    ConfigError
        If a weight is beyond the range of float16.
    """
    weights = load_file(run.folder / "model.safetensors")
    small = {name: value.half() if value.ndim > 1 else value for name, value in weights.items()}
    if broken := next((name for name, value in small.items() if not value.isfinite().all()), None):
        raise ConfigError(f"{run.folder}: half precision does not hold the weights of {broken}")
    return save(small)


def _json(value: dict) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()
