"""The verb that makes heatmaps: segment."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from mammomap.cli.common import ANY, FILE, FOLDER, SHARD, one_line_errors, progress_bar, say_done


@click.command()
@click.argument("inputs", type=ANY, nargs=-1, required=True)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="RUN",
    help="A run, a bundle, or 'blob' for the blob detector; given more than once, the mean of all.  "
    "[default: the model that comes with mammomap]",
)
@click.option("-o", "--out", type=FOLDER, required=True, help="Folder for the maps.")
@click.option("--part", type=click.Choice(["net", "validation", "head", "test"]), help="With tables: these women only.")
@click.option("--split", type=FILE, help="Split file that says who is in which part; the run's own if not given.")
@click.option(
    "--pictures",
    is_flag=True,
    help="A picture of each film, a sheet of four views an examination, and OUT/report.html.",
)
@click.option("--title", default="", help="Title of that report.")
@click.option("--native", is_flag=True, help="Maps in the films' own pixels too, as 16-bit PNG.")
@click.option(
    "--flips/--no-flips",
    default=None,
    help="Average over the film as it is and turned over; four times the work.  [default: as the model's head asks]",
)
@click.option("--tile", type=click.IntRange(64), help="Side of overlapping tiles, a multiple of 64.  [default: none]")
@click.option("--rows", type=click.IntRange(64), help="Working rows of the blob detector.")
@click.option("--key", type=FILE, help="File that says which image_id is which film.  [default: OUT.key.json]")
@click.option("--identify", is_flag=True, help="Name loose files by their own names and patients; not for sharing.")
@click.option("--shard", type=SHARD, default="1/1", help="I/N: only every N-th film, from the I-th on.")
@one_line_errors
def segment(inputs: tuple[Path, ...], models: tuple[str, ...], out: Path, **how) -> None:
    """Make lesion heatmaps of FILES, of a FOLDER, or of the films in TABLES.

    A folder may be nested and hold anything: what is no film is set aside with its reason, and the rest is done. The
    same command goes on where it was stopped. A bundle that holds a head scores images too (docs/heatmaps.md).

    \b
    Examples:
      mammomap segment films -o maps --pictures
      mammomap segment films --model lesions.zip -o maps
      mammomap segment tables --part test --model run -o maps
      mammomap segment archive --model run -o maps --shard 1/8
      mammomap segment tables --part test --model run1 --model run2 -o maps
    """
    from mammomap.heatmaps import Asked, heatmaps
    from mammomap.masks.shipped import ABOUT, shipped_model

    if not models:
        models = (str(shipped_model()),)
        click.echo(f"model: {ABOUT}", err=True)
    folder, done = heatmaps(inputs, models, out, Asked(**how), progress=progress_bar, say=partial(click.echo, err=True))
    if folder is None:
        click.echo(f"this shard is done; the tables come with the last one -> {out}")
        return
    aside = folder.films[folder.films["status"] != "done"]
    say_done(done, f"{len(folder.done)} films mapped by {folder.about['model']}, {len(aside)} set aside -> {out}")
