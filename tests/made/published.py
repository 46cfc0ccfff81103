"""Small copies of INbreast, VinDr-Mammo and CMMD in exactly their published formats, with films of a few pixels."""

from __future__ import annotations

import plistlib
from pathlib import Path

import numpy as np
from made.dicom_films import film, save

SIZE = (60, 44)
PIXELS = np.full(SIZE, 900, np.uint16)

INBREAST_HEAD = "Patient ID;Patient age;Laterality;View;Acquisition date;File Name;ACR;Bi-Rads"
TRIANGLE = [(10.0, 20.0), (18.0, 20.0), (14.0, 30.0)]
"""(x, y)."""


def outlines(path: Path, regions: list[tuple[str, list[tuple[float, float]]]], spoil: dict | None = None) -> None:
    """A property list as OsiriX writes it."""
    listed = [
        {"Name": name, "NumberOfPoints": len(points), "Point_px": [f"({x:f}, {y:f})" for x, y in points]}
        | (spoil or {})
        for name, points in regions
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        plistlib.dump({"Images": [{"ImageIndex": 0, "NumberOfROIs": len(listed), "ROIs": listed}]}, file)


def inbreast(root: Path, rows: list[tuple[str, str, str, str, str, str]], skip: tuple[str, ...] = ()) -> Path:
    """rows: (file name, woman, side, view, ACR, Bi-Rads); `skip` names films that are in the list alone."""
    lines = [INBREAST_HEAD]
    for name, woman, side, view, density, birads in rows:
        lines.append(f"removed;removed;{side};{view};201001;{name};{density};{birads}")
        if name not in skip:
            save(film(PIXELS, woman, side, view), root / "AllDICOMs" / f"{name}_{woman}_MG_{side}_{view}_ANON.dcm")
    (root / "AllDICOMs").mkdir(parents=True, exist_ok=True)
    (root / "INbreast.csv").write_text("\n".join([*lines, ";;;;;;;", ""]))
    return root


VINDR_HEAD = "study_id,series_id,image_id,laterality,view_position,height,width,breast_birads,breast_density,{}split"
FINDING = "finding_categories,finding_birads,xmin,ymin,xmax,ymax,"


def vindr(root: Path, films: list[dict], findings: list[tuple[str, str, str, str]]) -> Path:
    """films: image_id with study_id, side, view, birads, split; findings: image, categories, birads, box as text."""
    told = {}
    lines = [VINDR_HEAD.format("")]
    for given in films:
        f = {
            "study": "s1",
            "side": "L",
            "view": "CC",
            "birads": 1,
            "split": "training",
            "size": SIZE,
            "file": True,
        } | given
        here = f"{f['study']},q,{f['image']},{f['side']},{f['view']},{f['size'][0]},{f['size'][1]}"
        told[f["image"]] = (f"{here},BI-RADS {f['birads']},DENSITY C,", f["split"])
        lines.append("".join(told[f["image"]]))
        if f["file"]:
            made = film(PIXELS, str(f["study"]), str(f["side"]), str(f["view"]))
            save(made, root / "images" / str(f["study"]) / f"{f['image']}.dicom")
    (root / "breast-level_annotations.csv").write_text("\n".join(lines) + "\n")
    lines = [VINDR_HEAD.format(FINDING)]
    for image, categories, birads, box in findings:
        here, split = told.get(image, ("s9,q,x,L,CC,1,1,BI-RADS 1,DENSITY A,", "test"))
        lines.append(f'{here.replace(",x,", f",{image},")}"{categories}",{birads},{box},{split}')
    (root / "finding_annotations.csv").write_text("\n".join(lines) + "\n")
    return root


CMMD_HEAD = "ID1{0}LeftRight{0}Age{0}number{0}abnormality{0}classification{0}subtype"


def cmmd(
    root: Path, rows: list[tuple[str, str, str, str]], films: list[tuple[str, str, str]], comma: str = ","
) -> Path:
    """rows: (woman, side, abnormality, classification); films: (woman, side, view)."""
    for number, (woman, side, view) in enumerate(films):
        made = film(PIXELS, woman, side, view, Manufacturer=None)
        save(made, root / "CMMD" / woman / "07-18-2010-NA-NA-1" / "1.000000-NA-1" / f"1-{number}.dcm")
    lines = [CMMD_HEAD.format(comma)]
    lines += [comma.join((woman, side, "44", "2", kind, label, "")) for woman, side, kind, label in rows]
    (root / "CMMD_clinicaldata_revision.csv").write_text("\n".join(lines) + "\n")
    return root
