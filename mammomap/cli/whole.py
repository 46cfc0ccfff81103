"""The verbs that go a whole way: demo, demo-train."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click

from mammomap.cli.common import FOLDER, one_line_errors


def _typing() -> Callable[..., None]:
    """Does a verb by its words, and prints it as it would be typed."""
    group = click.get_current_context().find_root().command

    def go(*words: object) -> None:
        typed = [str(word) for word in words]
        click.secho("$ mammomap " + " ".join(f'"{word}"' if " " in word else word for word in typed), bold=True)
        group.main(typed, prog_name="mammomap", standalone_mode=False)

    return go


@click.command()
@click.option("-o", "--out", type=FOLDER, default=Path("demo-out"), show_default=True, help="Folder for everything.")
@one_line_errors
def demo(out: Path) -> None:
    """Map and score eight true films by the model that comes with mammomap, and make pages to look at.

    The films are of two women whom no part of it has seen (extra 'samples'). Each step is one of the verbs, and is
    printed as it would be typed. A second call does only what is missing.

    \b
    Example:
      mammomap demo -o demo-out
    """
    from mammomap.demo import demo as run

    began = time.monotonic()
    report = run(_typing(), out)
    click.echo(f"took {time.monotonic() - began:.0f} seconds; open {report} and {out / 'page' / 'index.html'}")


@click.command(name="demo-train")
@click.option(
    "-o", "--out", type=FOLDER, default=Path("demo-train-out"), show_default=True, help="Folder for everything."
)
@click.option("--films", type=FOLDER, metavar="ROOT", help="Go the way on these films instead of drawn ones.")
@click.option("--split", help="Who is tested, as in 'train'.  [default: official for drawn films, random for others]")
@click.option("--rows", type=click.IntRange(64), help="Working rows of a film.  [default: 448 drawn, 576 others]")
@click.option("--crops", type=click.IntRange(1), help="Crops to train on.  [default: 5000 drawn, 36000 others]")
@click.option("--patients", type=click.IntRange(120), default=240, show_default=True, help="Women to draw.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--beside", multiple=True, metavar="NAME=CSV", help="Marks of another system, judged on the same films.")
@one_line_errors
def demo_train(**options) -> None:
    """Go the whole way in one command: films, tables, store, net, maps, head, scores, report.

    Each step is one of the verbs, and is printed as it would be typed. A second call does only what is missing.

    \b
    Examples:
      mammomap demo-train -o demo-train-out
      mammomap demo-train --films PATH/cbis_mass --split fold:0 -o fold0
    """
    from mammomap.demo_train import demo_train as run

    run(_typing(), **options)
