"""The verbs from films to a store: index, audit, prepare; and where films come from: download, phantom."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mammomap.cli.common import FILE, FOLDER, SHARD, one_line_errors, progress_bar, say_done
from mammomap.errors import ConfigError


@click.command()
@click.argument("root", type=FOLDER)
@click.option("-o", "--out", "out", type=FOLDER, metavar="TABLES", help="Folder for the tables.")
@click.option("--csv", is_flag=True, help="Write the tables as CSV too.")
@click.option("--tables-only", is_flag=True, help="Count what CBIS-DDSM's lists hold; no film is looked for.")
@click.option("--json", "as_json", is_flag=True, help="Print index.json, or the counts, as JSON.")
@one_line_errors
def index(root: Path, out: Path | None, csv: bool, tables_only: bool, as_json: bool) -> None:
    """Read a folder of films into one row a film and one row a lesion.

    ROOT holds CBIS-DDSM in any layout (found by its case description lists), another set that is known by a file in
    it, DICOM films as a PACS exports them, or your own films with films.csv and lesions.csv (docs/other-sets.md). A
    second call opens only the files that have changed.

    \b
    Examples:
      mammomap index CBIS-DDSM -o tables
      mammomap index lists --tables-only --json
    """
    from mammomap.masks.index import index as run

    if tables_only:
        return _count(root, out, as_json)
    if out is None:
        raise click.UsageError("Missing option '-o' / '--out'.")
    tables, done = run(root, out, csv=csv, progress=progress_bar)
    if as_json:
        return click.echo((out / "index.json").read_text(), nl=False)
    films, lesions = tables.films, tables.lesions
    text = f"{len(films)} films of {films['patient_id'].nunique()} women, {len(lesions)} lesions"
    say_done(done, f"{text}, {films['malignant'].sum()} films malignant; {len(tables.refused)} rows set aside -> {out}")
    for row in tables.refused.head(5).itertuples():
        click.echo(f"  set aside: {row.path}: {row.reason}")


def _count(root: Path, out: Path | None, as_json: bool) -> None:
    import json

    from mammomap.masks.cbis_counts import count_lists, in_words, read_sizes
    from mammomap.masks.cbis_lists import read_lists
    from mammomap.masks.files import write_json

    counts = count_lists(read_lists(root), read_sizes(root))
    if out is not None:
        write_json(out / "counts.json", counts)
    click.echo(json.dumps(counts, indent=1) if as_json else "\n".join(in_words(counts)))


@click.command()
@click.argument("tables", type=FOLDER)
@click.option("-o", "--out", type=FOLDER, metavar="OUT", help="Folder for audit.json and audit.html; TABLES if absent.")
@one_line_errors
def audit(tables: Path, out: Path | None) -> None:
    """Look for what is wrong with the copy of CBIS-DDSM in TABLES, reading every pixel; nothing is changed.

    \b
    Example:
      mammomap audit tables -o audit
    """
    import pandas as pd

    from mammomap.masks.audit import audit as run
    from mammomap.report.audit_page import name_of, write_audit_page

    out = out or tables
    found, done = run(tables, out, progress=progress_bar)
    if done or not (out / "audit.html").is_file():
        write_audit_page(found, pd.read_parquet(tables / "files.parquet"), out / "audit.html")
    click.echo("{listed} rows listed = {read} read + {set_aside} set aside".format(**found.rows))
    for kind, count in found.counts.items():
        click.echo(f"  {count:6} {name_of(kind)}")
    say_done(done, f"{len(found.findings)} findings -> {out / 'audit.html'}")


ROWS_HELP = "Working rows of a whole film: 768 (0.3 mm a pixel) for masses, 2048 (0.11 mm) where calcifications count."


@click.command()
@click.argument("tables", type=FOLDER)
@click.option("-o", "--out", type=FOLDER, required=True, metavar="STORE", help="Folder for the store.")
@click.option(
    "--rows",
    type=click.IntRange(64),
    default=768,
    show_default=True,
    help=ROWS_HELP,
)
@click.option("--workers", type=click.IntRange(1), help="Processes; as many as cores if not given.")
@click.option("--export", type=click.Choice(["nnunet"]), help="Write the raw data set of nnU-Net v2 instead.")
@click.option(
    "--split", default="random", show_default=True, help="With --export: a rule of docs/splits.md, or a file."
)
@click.option("--shard", type=SHARD, metavar="I/N", help="Only every N-th film; the same call without it joins them.")
@one_line_errors
def prepare(
    tables: Path,
    out: Path,
    rows: int,
    workers: int | None,
    export: str | None,
    split: str,
    shard: tuple[int, int] | None,
) -> None:
    """Bring all films and their targets to working size, ready to be trained on.

    \b
    Examples:
      mammomap prepare tables -o store --rows 768
      mammomap prepare tables -o store --shard 2/8
      mammomap prepare tables --export nnunet --split official-leak-free -o Dataset501_films
    """
    from mammomap.masks.store import largest_size, prepare_shard
    from mammomap.masks.store import prepare as run
    from mammomap.masks.tables import read_tables

    if export and shard:
        raise click.UsageError("--shard goes with a store, not with --export")
    if export:
        return _export(tables, out, rows, workers, split)
    read = read_tables(tables)
    if not (out / "store.json").is_file():
        most = largest_size(read, rows) / 1e9
        click.echo(f"{out} will take at most {most:.1f} GB, twice that while it is made", err=True)
    if shard:
        ready, refused = prepare_shard(read, out, rows=rows, shard=shard, workers=workers, progress=progress_bar)
        click.echo(f"shard {shard[0]} of {shard[1]}: {ready} films ready, {len(refused)} set aside -> {out}")
        return
    store, done = run(read, out, rows=rows, workers=workers, progress=progress_bar)
    say_done(done, f"{len(store)} films at {store.rows} rows, {store.about['refused']} set aside -> {out}")
    if store.about["refused"]:
        click.echo(f"  reasons: {out / 'refused.csv'}")


def _export(tables: Path, out: Path, rows: int, workers: int | None, rule: str) -> None:
    from mammomap.masks.nnunet_export import export_nnunet
    from mammomap.masks.splits import make_split, read_split
    from mammomap.masks.tables import read_tables

    read = read_tables(tables)
    split = read_split(Path(rule)) if rule.endswith(".csv") else make_split(read, rule, 1)
    about, done = export_nnunet(read, split, out, rows=rows, workers=workers, progress=progress_bar)
    if split.warning:
        click.echo(f"warning: {split.warning}", err=True)
    say_done(done, f"{about['numTraining']} films to train on, labels {', '.join(about['labels'])} -> {out}")


PREVALENCE_HELP = "A screening mix: the share of women with a malignant lesion, most others having no lesion at all."


@click.command()
@click.option("-o", "--out", type=FOLDER, required=True, metavar="TREE", help="Folder for the tree.")
@click.option("--patients", type=click.IntRange(1), default=60, show_default=True, help="Women to draw.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--rows", type=click.IntRange(200, 4700), default=1200, show_default=True, help="Rows of a film.")
@click.option(
    "--look",
    type=click.Choice(["film", "digital"]),
    default="film",
    show_default=True,
    help="Scanned film, or detector.",
)
@click.option("--prevalence", type=click.FloatRange(0, 1), metavar="P", help=PREVALENCE_HELP)
@click.option("--traps", default="", metavar="all|NAME,...", help="Oddities of CBIS-DDSM to plant; docs/phantom.md.")
@click.option("--workers", type=click.IntRange(1), help="Processes; as many as cores if not given.")
@one_line_errors
def phantom(
    out: Path,
    patients: int,
    seed: int,
    rows: int,
    look: str,
    prevalence: float | None,
    traps: str,
    workers: int | None,
) -> None:
    """Draw mammograms with known lesions, as DICOM in the layout of CBIS-DDSM.

    Digital ones, and those of a screening mix, lie in the layout of your own films (docs/phantom.md).

    \b
    Examples:
      mammomap phantom --patients 60 --seed 1 -o tree
      mammomap phantom --look digital --prevalence 0.05 -o screening
    """
    from mammomap.phantom.config import TRAPS, PhantomConfig
    from mammomap.phantom.tree import write_tree

    names = tuple(TRAPS) if traps == "all" else tuple(name.strip() for name in traps.split(",") if name.strip())
    drawn = {"patients": patients, "seed": seed, "rows": rows, "look": look, "prevalence": prevalence, "traps": names}
    config = PhantomConfig(**drawn, workers=workers)
    made = write_tree(out, config, progress_bar)
    counts = ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in made["counts"].items())
    for trap, films in made.get("trapped_films", {}).items():
        click.echo(f"  {trap}: {films} films")
    say_done(made["written"], f"{counts}; one pixel is {made['pixel_mm']:g} mm -> {out}")


@click.group()
def download() -> None:
    """Fetch CBIS-DDSM, or a model that somebody has published.

    \b
    Examples:
      mammomap download cbis-ddsm -o CBIS-DDSM --dry-run
      mammomap download model https://.../lesions.zip#sha256=... -o lesions.zip
    """


@download.command(name="cbis-ddsm")
@click.option("-o", "--out", type=FOLDER, required=True, metavar="OUT", help="Folder for the films.")
@click.option("--split", type=click.Choice(["train", "test"]), help="Part of the published split; both if not given.")
@click.option("--abnormality", type=click.Choice(["mass", "calc"]), help="Kind of list; both if not given.")
@click.option("--patients", type=click.IntRange(1), help="So many women, the first by their number.")
@click.option("--lists", type=FOLDER, help="Folder with the published lists, to choose by; OUT if they lie in it.")
@click.option("--dry-run", is_flag=True, help="Say what would be fetched, and stop.")
@click.option("--yes", is_flag=True, help="Do not ask before fetching.")
@one_line_errors
def download_cbis(out: Path, split: str, abnormality: str, patients: int, lists: Path, dry_run: bool, yes: bool):
    """Fetch CBIS-DDSM, or a part of it, from Imaging Data Commons: public, no login, 163.5 GB in all.

    The four lists with the pathology (CSV files) are not there. They lie on the collection's page of The Cancer
    Imaging Archive, DOI 10.7937/K9/TCIA.2016.7O02S9CY; 'mammomap index' wants those of the parts fetched in OUT.

    \b
    Example:
      mammomap download cbis-ddsm -o CBIS-DDSM --abnormality mass --split test --patients 10
    """
    from mammomap.masks.download import download as run
    from mammomap.masks.download_plan import plan_cbis, published_lists

    lists = lists or published_lists(out)
    plan = plan_cbis(part=split, abnormality=abnormality, patients=patients, lists=lists)
    click.echo(plan.describe(out))
    if dry_run:
        return
    if not yes and len(plan.missing(out)):
        if not sys.stdin.isatty():
            raise ConfigError("there is no terminal to ask on; say --yes to fetch it")
        click.confirm("Fetch it?", abort=True)
    fetched = run(plan, out, progress=progress_bar)
    say_done(fetched > 0, f"{len(plan.series):,} series whole, files and bytes as in {out / 'manifest.csv'}")


@download.command(name="model")
@click.argument("url")
@click.option("-o", "--out", type=FILE, required=True, metavar="BUNDLE", help="File for the bundle.")
@click.option("--sha256", metavar="HEX", help="The publisher's checksum, where it does not stand behind the URL.")
@one_line_errors
def download_model(url: str, out: Path, sha256: str | None) -> None:
    """Fetch a bundle of 'mammomap bundle' from URL, check it, and print its card.

    URL begins with https:, http: or file: and ends in #sha256= and the checksum that its publisher names; without a
    checksum nothing is fetched. The file is what --model and --head of the other verbs take.

    \b
    Example:
      mammomap download model https://.../lesions.zip#sha256=... -o lesions.zip
    """
    from mammomap.masks.bundle import CARD, OWN_CODE, read_bundle
    from mammomap.masks.fetch import fetch, wanted_sum

    plain, wanted = wanted_sum(url, sha256)
    done = fetch(plain, wanted, out, check=read_bundle, progress=progress_bar)
    members = read_bundle(out)
    click.echo(members[CARD].decode())
    if OWN_CODE in members:
        click.echo(f"warning: opening {out} executes the code in it ({OWN_CODE})", err=True)
    say_done(done, f"{out.stat().st_size / 1e6:.1f} MB, checked -> {out}")
