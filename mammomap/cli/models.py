"""The verbs that use and hand on what was trained: classify, bundle, export-onnx."""

from __future__ import annotations

from pathlib import Path

import click

from mammomap.cli.common import ANY, FILE, FOLDER, one_line_errors, progress_bar, say_done


@click.command()
@click.argument("maps", type=FOLDER)
@click.option(
    "--head",
    type=FILE,
    help="A head of 'mammomap train-head', or a bundle with one.  [default: of the model that comes with mammomap]",
)
@click.option("-o", "--out", type=FILE, metavar="CSV", help="File for the scores.  [default: MAPS/scores.csv]")
@click.option("--key", type=FILE, help="The key of the maps, where it was moved.  [default: MAPS.key.json]")
@click.option("--in-sample", is_flag=True, help="Score women whom net or head have seen too; the tables say so.")
@click.option("--pictures", type=FOLDER, help="Folder for a picture of each film with the reasons on it.")
@one_line_errors
def classify(
    maps: Path, head: Path | None, out: Path | None, key: Path | None, in_sample: bool, pictures: Path | None
) -> None:
    """Score every mapped image, breast and woman: how likely a lesion is malignant, calls, and the reasons.

    Breasts and women are scored where tables or headers say what belongs together (docs/labels.md).

    \b
    Examples:
      mammomap classify maps --head head.json
      mammomap classify maps --pictures pictures
    """
    from mammomap.classify.classify import classify as run
    from mammomap.classify.heads import read_head
    from mammomap.masks.key import find_key, key_beside
    from mammomap.masks.mapfile import read_map_folder
    from mammomap.masks.shipped import ABOUT, shipped_model
    from mammomap.report.reasons import write_reasons

    if head is None:
        head = shipped_model()
        click.echo(f"head: that of {ABOUT}", err=True)

    out, folder = out or maps / "scores.csv", read_map_folder(maps)
    how = {"key": find_key(maps, key or (key_beside(maps) if pictures else None)), "in_sample": in_sample}
    scores, done = run(folder, read_head(head), out, **how, progress=progress_bar)
    if "in_sample" in scores:
        click.echo(f"note: {scores['in_sample'].sum()} of these images are of women whom net or head have seen")
    if "score" in scores:
        click.echo(
            "note: films of another set or other tables than the head's get a score; probabilities need their own head"
        )
    calls = f", {scores['call at youden'].sum()} called at the Youden point" if "call at youden" in scores else ""
    say_done(done, f"{len(scores)} images{calls} -> {out}")
    if pictures:
        drawn, missing = write_reasons(folder, out, how["key"], pictures)
        click.echo("\n".join([f"{drawn} pictures -> {pictures}", *(f"  no picture of {line}" for line in missing)]))


@click.command()
@click.argument("run", type=FOLDER)
@click.option("-o", "--out", type=FILE, required=True, metavar="BUNDLE", help="File for the bundle.")
@click.option("--head", type=FILE, help="The head of this run, to go with it.")
@click.option("--about", type=FILE, metavar="MD", help="Your words at the top of its card: licence, address, data.")
@click.option("--half", is_flag=True, help="Weights in half precision: half the size, maps all but the same.")
@one_line_errors
def bundle(run: Path, out: Path, head: Path | None, about: Path | None, half: bool) -> None:
    """Put RUN into one file to be published: net, settings, head, card; women as codes, no name of a patient.

    The last line is what others call to fetch it, once the file stands at a URL (docs/bundles.md).

    \b
    Example:
      mammomap bundle run --head head.json --about about.md -o lesions.zip
    """
    from mammomap.classify.heads import read_head
    from mammomap.seg.publish import publish
    from mammomap.seg.run import read_run

    if head:
        read_head(head)  # one of another version is refused in one line
    words = about.read_text() if about else ""
    found = publish(read_run(run), out, head=head, about=words, half=half)
    click.echo(f"{out.stat().st_size / 1e6:.1f} MB -> {out}")
    click.echo(f"mammomap download model https://.../{out.name}#sha256={found} -o {out.name}")


@click.command(name="export-onnx")
@click.argument("run", type=ANY)
@click.option("-o", "--out", type=FILE, required=True, metavar="ONNX", help="File for the net.")
@one_line_errors
def export_onnx(run: Path, out: Path) -> None:
    """Write the net of RUN as an ONNX file, for programs without torch (docs/nets.md).

    \b
    Example:
      mammomap export-onnx run -o net.onnx
    """
    from mammomap.seg.export import export_onnx as write
    from mammomap.seg.run import read_run

    told = write(read_run(run), out)
    click.echo(f"{told['model']}, sides of any multiple of {told['stride']} pixels -> {out}")
