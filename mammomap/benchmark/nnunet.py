"""What nnU-Net v2 leaves behind: predicted labels, or its softmax, as layers of a map.

In: the folder of `nnUNetv2_predict` (or a fold's `validation` folder): `<case>.nii.gz` or `<case>.png` labels, with
`--save_probabilities` also `<case>.npz` (array `probabilities`, channels x slices x rows x cols) and `<case>.pkl`,
which is never opened; `dataset.json` for the names of the labels, `plans.json` for the reader. Out: layers lesion
and, where a label's name says malignant, malignancy. Softmax is preferred where every case has it.

Classes: lesion is one minus the background, malignancy the sum of the malignant classes. Regions (a label that is a
list of values) are sigmoids: lesion is the highest of all, malignancy the highest of the malignant ones.
Paper: Isensee et al., Nat Methods 18 (2021).
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mammomap.errors import ImageError, TableError
from mammomap.masks.foreign_maps import ROUNDING, read_nifti, read_picture, says_malignant


@dataclass(frozen=True)
class Labels:
    """What the values and channels of a data set mean."""

    values: Mapping[str, tuple[int, ...]]
    """Name of each class or region but background and ignore -> its label values, in the order of dataset.json."""
    background: bool
    """The softmax begins with a background channel; False for regions, which are sigmoids."""

    @property
    def channels(self) -> int:
        """How many channels a softmax of it has."""
        return len(self.values) + self.background

    @property
    def names(self) -> list[str]:
        """The names in the order of the channels."""
        return sorted(self.values, key=lambda name: self.values[name]) if self.background else list(self.values)


def find_nnunet(folder: Path) -> tuple[str, Callable[[Any], dict[str, NDArray]], dict[str, Any]] | None:
    """Form, reader and files by case of an nnU-Net folder; None where there is no `dataset.json`.

    Raises
    ------
    TableError
        If `dataset.json` says nothing of labels, there are no predictions, or only some have their softmax.
    """
    about = folder
    if folder.name == "validation" and not (folder / "dataset.json").is_file():
        about = folder.parent.parent  # a fold's own validation lies two below
    if not (about / "dataset.json").is_file():
        return None
    labels, ending = read_labels(about / "dataset.json")
    cases = {p.name.removesuffix(ending): p for p in sorted(folder.glob(f"*{ending}")) if not p.name.startswith(".")}
    softmax = {p.name.removesuffix(".npz"): p for p in sorted(folder.glob("*.npz")) if not p.name.startswith(".")}
    if softmax:
        lacking = sorted(set(cases) - set(softmax))
        if lacking:
            raise TableError(f"{folder}: {len(lacking)} of {len(cases)} cases lack their softmax, first {lacking[0]}")
        reoriented = _reader_of(about / "plans.json") == "NibabelIOWithReorient"
        strange = sorted(set(softmax) - set(cases)) if reoriented else []
        if strange:
            raise TableError(f"{folder}: {strange[0]}{ending} is missing; it says how nnU-Net had turned the film")
        files: dict[str, Any] = {case: (path, cases[case] if reoriented else None) for case, path in softmax.items()}
        return "nnU-Net softmax", partial(_softmax_layers, labels), files
    if not cases:
        raise TableError(f"{folder}: no prediction *{ending} beside dataset.json")
    return "nnU-Net labels", partial(_label_layers, labels), dict(cases)


def read_labels(path: Path) -> tuple[Labels, str]:
    """The labels of a `dataset.json`, and the file ending of its predictions.

    Raises
    ------
    TableError
        If it is no such file.
    """
    try:
        about = json.loads(path.read_text())
        given = {str(name): value for name, value in about["labels"].items()}
        values = {
            name: tuple(int(v) for v in value) if isinstance(value, list) else (int(value),)
            for name, value in given.items()
        }
        ending = str(about.get("file_ending", ".nii.gz"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TableError(f"{path}: not a dataset.json of nnU-Net v2 ({str(error)[:80]})") from None
    kept = {name: value for name, value in values.items() if value != (0,) and name != "ignore"}
    if not kept:
        raise TableError(f"{path}: no label but background")
    return Labels(kept, background=not any(len(value) > 1 for value in kept.values())), ending


def label_layers(labels: Labels, predicted: NDArray, name: str) -> dict[str, NDArray]:
    """Predicted labels `(rows, cols)` as hard layers, bool.

    Raises
    ------
    ImageError
        If a value is not in `dataset.json`.
    """
    known = {value for values in labels.values.values() for value in values}
    odd = sorted(set(np.unique(predicted).tolist()) - known - {0})
    if odd:
        raise ImageError(f"{name}: label {odd[0]:g} is not in dataset.json, which has {sorted(known)}")
    malignant = [v for label, values in labels.values.items() if says_malignant(label) for v in values]
    layers: dict[str, NDArray] = {"lesion": predicted > 0}
    if malignant:
        layers["malignancy"] = np.isin(predicted, malignant)
    return layers


def softmax_layers(labels: Labels, probabilities: NDArray, name: str) -> dict[str, NDArray]:
    """nnU-Net's probabilities `(channels, rows, cols)` or `(channels, 1, rows, cols)` as layers, float32.

    Raises
    ------
    ImageError
        If channels or axes are others than `dataset.json` asks for, or a value leaves [0, 1].
    """
    found = probabilities.shape
    plane = probabilities[:, 0] if probabilities.ndim == 4 and found[1] == 1 else probabilities
    if plane.ndim != 3 or len(plane) != labels.channels:
        raise ImageError(f"{name}: probabilities of {found}, wanted ({labels.channels}, 1, rows, cols): one slice")
    plane = plane.astype(np.float32)
    if not (plane.min() >= -ROUNDING and plane.max() <= 1 + ROUNDING):
        raise ImageError(f"{name}: probabilities from {plane.min():g} to {plane.max():g}, wanted 0 to 1 (no logits)")
    malignant = [labels.background + k for k, label in enumerate(labels.names) if says_malignant(label)]
    layers: dict[str, NDArray] = {"lesion": 1 - plane[0] if labels.background else plane.max(axis=0)}
    if malignant:
        part = plane[malignant]
        layers["malignancy"] = part.sum(axis=0) if labels.background else part.max(axis=0)
    return {layer: np.clip(values, 0, 1) for layer, values in layers.items()}


def _label_layers(labels: Labels, path: Path) -> dict[str, NDArray]:
    read = read_nifti if path.name.endswith((".nii", ".nii.gz")) else read_picture
    return label_layers(labels, read(path), path.name)


def _softmax_layers(labels: Labels, files: tuple[Path, Path | None]) -> dict[str, NDArray]:
    path, turned_as = files
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            probabilities = file["probabilities"]
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise ImageError(f"{path.name}: no 'probabilities' of nnU-Net in it ({str(error)[:80]})") from None
    if turned_as is not None and _turned_round(turned_as):
        probabilities = probabilities[..., ::-1, ::-1]
    return softmax_layers(labels, probabilities, path.name)


def _reader_of(plans: Path) -> str:
    """The class that read and wrote the films; empty where plans.json does not say."""
    try:
        return str(json.loads(plans.read_text()).get("image_reader_writer", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _turned_round(path: Path) -> bool:
    """Whether NibabelIOWithReorient had to turn the film by half a circle: both axes of its affine point down."""
    import nibabel

    read_nifti(path)  # refuses any other affine
    affine: NDArray = nibabel.load(path).affine  # type: ignore[attr-defined]
    return bool(affine[0, 0] < 0)
