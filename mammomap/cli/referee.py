"""The verb that judges: benchmark."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import click

from mammomap.cli.common import ANY, FILE, FOLDER, named, one_line_errors, progress_bar, say_done


@click.command()
@click.argument("truth", type=FOLDER, required=False)
@click.argument("systems", nargs=-1, metavar="NAME=MAPS...")
@click.option("-o", "--out", type=FOLDER, metavar="REPORT", help="Folder for the report.")
@click.option("--split", type=FILE, help="Split file; with it only the women of --part are judged.")
@click.option("--part", type=click.Choice(["validation", "head", "test"]), default="test", show_default=True)
@click.option("--run", "run_folder", type=ANY, help="Run whose settings and training curves go into the report.")
@click.option("--title", default="Lesion maps against truth", show_default=True)
@click.option("--missing", type=click.Choice(["refuse", "empty"]), default="refuse", show_default=True)
@click.option("--in-sample", is_flag=True, help="Judge on women whom a model has seen, and mark every figure so.")
@click.option("--no-pictures", is_flag=True, help="No film in the report.")
@click.option("--no-trivial", is_flag=True, help="Leave out the lines that need film pixels: place map, blob detector.")
@click.option("--aggregate-only", is_flag=True, help="No value of a single case in REPORT, for closed test sets.")
@click.option(
    "--prevalence", type=float, metavar="P", help="Share of malignant images that probabilities are moved to."
)
@click.option("--verify", "verified", type=FILE, metavar="JSON", help="Only repeat a report.json; needs no film.")
@click.option("--check", "checked", type=ANY, metavar="MAPS", help="Only look for faults in MAPS; needs no truth.")
@click.option("--films", type=ANY, metavar="CSV|TABLES", help="For --check: the films that MAPS should answer for.")
@one_line_errors
def benchmark(
    truth: Path | None,
    systems: tuple[str, ...],
    out: Path | None,
    split: Path | None,
    part: str,
    run_folder: Path | None,
    title: str,
    missing: str,
    in_sample: bool,
    no_pictures: bool,
    no_trivial: bool,
    aggregate_only: bool,
    prevalence: float | None,
    verified: Path | None,
    checked: Path | None,
    films: Path | None,
) -> None:
    """Judge maps of any origin against the outlines in TRUTH (tables), and write a report.

    MAPS is a folder that 'segment' made, a folder of npz, PNG, TIFF, NIfTI, DICOM or nnU-Net predictions, or a
    CSV of marks or boxes (docs/submission.md). The first system is compared with each other one, paired by woman.

    \b
    Example:
      mammomap benchmark tables net=maps blob=blob-maps --split run/split.csv -o report
      mammomap benchmark --check maps --films films.csv
      mammomap benchmark --verify report/report.json
    """
    if verified is not None:
        if truth or systems or out or checked or films:
            raise click.UsageError("--verify JSON stands alone")
        _verify(verified)
    if checked is not None or films is not None:
        if checked is None or films is None or truth or systems or out:
            raise click.UsageError("--check MAPS and --films go together, and with neither TRUTH nor systems nor -o")
        _check(checked, films, split, part)
    if truth is None or not systems or out is None:
        raise click.UsageError("wanted TRUTH NAME=MAPS... -o REPORT, or --check MAPS --films CSV")

    from mammomap.benchmark.run import Asked
    from mammomap.benchmark.run import benchmark as run
    from mammomap.benchmark.systems import read_system
    from mammomap.benchmark.truth import check_systems, read_truth
    from mammomap.masks.splits import read_split
    from mammomap.masks.tables import read_tables
    from mammomap.seg.run import read_run

    pairs = named(systems, "MAPS")
    judged = read_truth(read_tables(truth), read_split(split) if split else None, part if split else None)
    listed = [read_system(name, Path(path), judged.films, missing, progress_bar) for name, path in pairs]
    check_systems(judged, listed, in_sample, missing)
    asked = Asked(
        title=title,
        in_sample=in_sample,
        pictures=not no_pictures,
        trivial=not no_trivial,
        aggregate_only=aggregate_only,
        prevalence=prevalence,
    )
    trained = read_run(run_folder) if run_folder else None
    report, done = run(judged, listed, out, asked, run=trained, progress=progress_bar)
    for line in _summary(report):
        click.echo(line)
    say_done(done, f"report -> {out / 'index.html'}")


def _check(maps: Path, films: Path, split: Path | None, part: str) -> NoReturn:
    """Print what is wrong with a submission; exit 0 if nothing is, else 1."""
    from mammomap.benchmark.check import check_submission
    from mammomap.masks.splits import read_split

    found = check_submission(maps, films, progress_bar, split=read_split(split) if split else None, part=part)
    for line in [*found.findings, *(f"note: {note}" for note in found.notes)]:
        click.echo(line)
    click.echo(f"{found.what}: {len(found.findings) or 'nothing'} found")
    sys.exit(1 if found.findings else 0)


def _verify(path: Path) -> NoReturn:
    """Print where a repeated report differs; exit 0 if nowhere, else 1."""
    from mammomap.benchmark.verify import verify

    found = verify(path, progress_bar)
    for line in [*found.differing, *(f"note: {note}" for note in found.notes)]:
        click.echo(line)
    said = "all agree" if found.agrees else f"{len(found.differing)} things differ"
    click.echo(f"{found.figures} figures repeated: {said}")
    sys.exit(0 if found.agrees else 1)


def _summary(report: dict) -> list[str]:
    """The headline figures as text."""
    from mammomap.report.wording import judged_part

    data = report["data"]
    lines = [
        f"{data['films']} films of {data['women']} women, {data['lesions']} lesions, {data['malignant_films']} films "
        f"malignant; {judged_part(data)}; 95 % intervals by woman"
    ]
    for system in report["systems"]:
        at = next(a for a in system["froc"]["any"]["at"] if a["fp"] == 1.0)
        mark = " IN SAMPLE" if system["in_sample"] else " (trivial)" if system["role"] == "trivial" else ""
        lines.append(f"  {system['name']}{mark}: sensitivity at 1 false positive per film {_span(at)}")
        if system["missing"]:
            lines.append(f"    {system['missing']} of {data['films']} films without an answer, counted as empty")
        if extra := system["extra_films"]:
            lines.append(f"    {len(extra)} films that the tables do not know, first {', '.join(extra[:5])}")
        lines += [f"    note: {note}" for note in system["notes"]]
        for entry in system["images"] if system["role"] == "submitted" else ():
            if entry["auc"]["value"] is not None:
                lines.append(f"    AUC by {entry['level']}, {entry['score']}: {_span(entry['auc'])}")
    if data["malignant_films"] in (0, data["films"]):
        lines.append("  no AUC: the films are of one class only")
    for row in report.get("yardsticks", ()):
        if row["auc"]["value"] is not None:
            lines.append(f"  no net: AUC by image, {row['name']}: {_span(row['auc'])}")
    for row in report["differences"]:
        if row["value"] is not None:
            lines.append(f"  {row['a']} minus {row['b']}, {row['measure']}, {row['level']}: {_span(row)}")
    lines += [f"warning: {warning}" for warning in report["warnings"]]
    lines += [f"note: {reason}" for reason in report["lacking"]]
    return lines


def _span(found: dict) -> str:
    if found["value"] is None:
        return "not defined (one class only, or no lesion)"
    if found["low"] is None or found["high"] is None:
        return f"{found['value']:.3f} (no interval)"
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"
