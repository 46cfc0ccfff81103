"""The verbs from films to a store: index, prepare; and films that are drawn: phantom."""

from __future__ import annotations

from pathlib import Path

import click

from mammomap.cli.common import FOLDER, one_line_errors, progress_bar, say_done


@click.command()
@click.argument("root", type=FOLDER)
@click.option("-o", "--out", "out", type=FOLDER, required=True, metavar="TABLES", help="Folder for the tables.")
@click.option("--csv", is_flag=True, help="Write the tables as CSV too.")
@one_line_errors
def index(root: Path, out: Path, csv: bool) -> None:
    """Read a folder of films into one row a film and one row a lesion.

    ROOT holds CBIS-DDSM (found by its case description tables) or your own films with films.csv and lesions.csv.

    \b
    Example:
      mammomap index CBIS-DDSM -o tables
    """
    from mammomap.masks.index import index as run

    tables, done = run(root, out, csv=csv, progress=progress_bar)
    films, lesions = tables.films, tables.lesions
    text = f"{len(films)} films of {films['patient_id'].nunique()} women, {len(lesions)} lesions"
    say_done(done, f"{text}, {films['malignant'].sum()} films malignant; {len(tables.refused)} rows set aside -> {out}")
    for row in tables.refused.head(5).itertuples():
        click.echo(f"  set aside: {row.path}: {row.reason}")


@click.command()
@click.argument("tables", type=FOLDER)
@click.option("-o", "--out", type=FOLDER, required=True, metavar="STORE", help="Folder for the store.")
@click.option("--rows", type=click.IntRange(64), default=768, show_default=True, help="Working rows of a whole film.")
@click.option("--workers", type=click.IntRange(1), help="Processes; as many as cores if not given.")
@one_line_errors
def prepare(tables: Path, out: Path, rows: int, workers: int | None) -> None:
    """Bring all films and their targets to working size, ready to be trained on.

    \b
    Example:
      mammomap prepare tables -o store --rows 768
    """
    from mammomap.masks.store import prepare as run
    from mammomap.masks.tables import read_tables

    store, done = run(read_tables(tables), out, rows=rows, workers=workers, progress=progress_bar)
    say_done(done, f"{len(store)} films at {store.rows} rows, {store.about['refused']} set aside -> {out}")
    if store.about["refused"]:
        click.echo(f"  reasons: {out / 'refused.csv'}")


@click.command()
@click.option("-o", "--out", type=FOLDER, required=True, metavar="TREE", help="Folder for the tree.")
@click.option("--patients", type=click.IntRange(1), default=60, show_default=True, help="Women to draw.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--rows", type=click.IntRange(200, 4700), default=1200, show_default=True, help="Rows of a film.")
@click.option("--workers", type=click.IntRange(1), help="Processes; as many as cores if not given.")
@one_line_errors
def phantom(out: Path, patients: int, seed: int, rows: int, workers: int | None) -> None:
    """Draw film mammograms with known lesions, as DICOM in the layout of CBIS-DDSM.

    \b
    Example:
      mammomap phantom --patients 60 --seed 1 -o tree
    """
    from mammomap.phantom.config import PhantomConfig
    from mammomap.phantom.tree import write_tree

    config = PhantomConfig(patients=patients, seed=seed, rows=rows, workers=workers)
    made = write_tree(out, config, progress_bar)
    counts = ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in made["counts"].items())
    say_done(made["written"], f"{counts}; one pixel is {made['pixel_mm']:g} mm -> {out}")
