"""The verb that shows: view."""

from __future__ import annotations

from pathlib import Path

import click

from mammomap.cli.common import ANY, FILE, FOLDER, one_line_errors, progress_bar, say_done


@click.command()
@click.argument("maps", type=FOLDER, metavar="OUT")
@click.option("-o", "--out", type=ANY, required=True, metavar="PAGE", help="Folder for the page; or the one file.")
@click.option("--key", type=FILE, help="Which image_id is which file.  [default: OUT.key.json]")
@click.option("--truth", type=FOLDER, metavar="TABLES", help="Tables whose outlines are drawn on their films.")
@click.option("--single-file", is_flag=True, help="One HTML file with everything in it, for small sets.")
@click.option(
    "--serve", type=click.IntRange(0, 65535), is_flag=False, flag_value=8765, metavar="[PORT]",
    help="Then serve the page to this machine's browser.  [default: 8765]",
)  # fmt: skip
@one_line_errors
def view(maps: Path, out: Path, key: Path | None, truth: Path | None, single_file: bool, serve: int | None) -> None:
    """Make a page of a folder of maps: films with their heatmaps, to look at in a browser, offline (docs/viewer.md).

    \b
    Examples:
      mammomap view maps -o page
      mammomap view maps --truth tables -o page --serve
      mammomap view maps --single-file -o page.html
    """
    from mammomap.masks.key import find_key
    from mammomap.masks.mapfile import read_map_folder
    from mammomap.masks.tables import read_tables
    from mammomap.viewer.view import serve_page
    from mammomap.viewer.view import view as run

    if single_file and serve is not None:
        raise click.UsageError("--serve is for a folder, --single-file needs no server")
    tables = read_tables(truth) if truth else None
    viewed, said = run(read_map_folder(maps), out, find_key(maps, key), tables, single_file, progress_bar)
    for note in viewed.notes:
        click.echo(f"note: {note}", err=True)
    say_done(viewed.changed, said)
    if serve is not None:
        serve_page(out, serve, click.echo)
