"""The verb that goes the whole way: demo."""

from __future__ import annotations

from pathlib import Path

import click

from mammomap.cli.common import FOLDER, one_line_errors


@click.command()
@click.option("-o", "--out", type=FOLDER, default=Path("demo-out"), show_default=True, help="Folder for everything.")
@click.option("--films", type=FOLDER, metavar="ROOT", help="Go the way on these films instead of drawn ones.")
@click.option("--split", help="Who is tested, as in 'train'.  [default: official for drawn films, random for others]")
@click.option("--rows", type=click.IntRange(64), help="Working rows of a film.  [default: 448 drawn, 576 others]")
@click.option("--crops", type=click.IntRange(1), help="Crops to train on.  [default: 5000 drawn, 36000 others]")
@click.option("--patients", type=click.IntRange(120), default=240, show_default=True, help="Women to draw.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--beside", multiple=True, metavar="NAME=CSV", help="Marks of another system, judged on the same films.")
@one_line_errors
def demo(**options) -> None:
    """Go the whole way in one command: films, tables, store, net, maps, head, scores, report.

    Each step is one of the verbs, and is printed as it would be typed. A second call does only what is missing.

    \b
    Examples:
      mammomap demo -o demo-out
      mammomap demo --films PATH/cbis_mass --split fold:0 -o fold0
    """
    from mammomap.demo import demo as run

    group = click.get_current_context().find_root().command
    run(lambda words: group.main(words, prog_name="mammomap", standalone_mode=False), **options)
