"""The verbs. Each one parses, imports what it needs, makes one call and prints what came of it.

Results go to stdout, progress to stderr. Exit codes: 0 done, 1 the input is at fault (one line says how), 2 the
command was called wrongly. Nothing here imports torch or pandas before a verb runs.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from mammomap.errors import ConfigError, MammomapError

FOLDER = click.Path(path_type=Path, file_okay=False)
FILE = click.Path(path_type=Path, dir_okay=False)
ANY = click.Path(path_type=Path)


class _Verbs(click.Group):
    """Lists the verbs in the order of the work."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="mammomap", prog_name="mammomap")
def main() -> None:
    """Mammograms into lesion heatmaps, heatmaps into labels, maps into an honest benchmark.

    The way of the work: index, prepare, train, segment, train-head, classify, benchmark. 'mammomap demo' goes all of
    it on drawn films. Research only: nothing here is fit for diagnosis.
    """


def _one_line_errors(verb: Callable) -> Callable:
    """A fault of the input becomes one line on stderr and exit code 1."""

    @functools.wraps(verb)
    def wrapped(*args, **kwargs):
        try:
            return verb(*args, **kwargs)
        except MammomapError as error:
            click.echo(f"mammomap: {error}", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo("mammomap: stopped; the same command goes on from here", err=True)
            sys.exit(130)

    return wrapped


def _progress(items: Iterable, **how) -> Iterable:
    """A bar on stderr, on a terminal only."""
    from tqdm import tqdm

    return tqdm(items, disable=None, **how)


def _done(done: bool, text: str) -> None:
    click.echo(text if done else f"nothing to do: {text}")


def _named(pairs: Iterable[str], what: str) -> list[tuple[str, str]]:
    """`NAME=VALUE` words, split."""
    found = []
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not (name and equals and value):
            raise click.UsageError(f"{pair!r}: wanted NAME={what}")
        found.append((name, value))
    return found


@main.command()
@click.argument("root", type=FOLDER)
@click.option("-o", "--out", "out", type=FOLDER, required=True, metavar="TABLES", help="Folder for the tables.")
@click.option("--csv", is_flag=True, help="Write the tables as CSV too.")
@_one_line_errors
def index(root: Path, out: Path, csv: bool) -> None:
    """Read a folder of films into one row a film and one row a lesion.

    ROOT holds CBIS-DDSM (found by its case description tables) or your own films with films.csv and lesions.csv.

    \b
    Example:
      mammomap index CBIS-DDSM -o tables
    """
    from mammomap.masks.index import index as run

    tables, done = run(root, out, csv=csv, progress=_progress)
    films, lesions = tables.films, tables.lesions
    text = f"{len(films)} films of {films['patient_id'].nunique()} women, {len(lesions)} lesions"
    _done(done, f"{text}, {films['malignant'].sum()} films malignant; {len(tables.refused)} rows set aside -> {out}")
    for row in tables.refused.head(5).itertuples():
        click.echo(f"  set aside: {row.path}: {row.reason}")


@main.command()
@click.argument("tables", type=FOLDER)
@click.option("-o", "--out", type=FOLDER, required=True, metavar="STORE", help="Folder for the store.")
@click.option("--rows", type=click.IntRange(64), default=768, show_default=True, help="Working rows of a whole film.")
@click.option("--workers", type=click.IntRange(1), help="Processes; as many as cores if not given.")
@_one_line_errors
def prepare(tables: Path, out: Path, rows: int, workers: int | None) -> None:
    """Bring all films and their targets to working size, ready to be trained on.

    \b
    Example:
      mammomap prepare tables -o store --rows 768
    """
    from mammomap.masks.store import prepare as run
    from mammomap.masks.tables import read_tables

    store, done = run(read_tables(tables), out, rows=rows, workers=workers, progress=_progress)
    _done(done, f"{len(store)} films at {store.rows} rows, {store.about['refused']} set aside -> {out}")
    if store.about["refused"]:
        click.echo(f"  reasons: {out / 'refused.csv'}")


@main.command()
@click.argument("store", type=FOLDER)
@click.option("-o", "--out", type=FOLDER, required=True, metavar="RUN", help="Folder for the run.")
@click.option("--split", help="random, official, fold:K, or a split file.  [default: random]")
@click.option("--encoder", help="Encoder of the U-Net.  [default: resnet18]")
@click.option("--crops", type=click.IntRange(0), help="Crops to train on.  [default: 16000]")
@click.option("--crop", type=click.IntRange(32), help="Side of a crop.  [default: 256]")
@click.option("--batch", type=click.IntRange(1), help="Crops a step.  [default: 8]")
@click.option("--seed", type=click.IntRange(0), help="Seed of split, weights and crops.  [default: 1]")
@click.option("--config", type=FILE, help="JSON file with any training settings; the options above win over it.")
@click.option(
    "--set", "assign", multiple=True, metavar="NAME=VALUE", help="Any other setting, e.g. learning_rate=3e-4."
)
@_one_line_errors
def train(store: Path, out: Path, config: Path | None, assign: tuple[str, ...], **options) -> None:
    """Train a net. The same command goes on with a run that was stopped.

    \b
    Example:
      mammomap train store -o run --split fold:0 --crops 36000
    """
    import json

    from mammomap.masks.store import Store
    from mammomap.seg.config import TrainConfig
    from mammomap.seg.train import train as run

    values: dict = _json_file(config) if config else {}
    for name, text in _named(assign, "VALUE"):
        try:
            values[name] = json.loads(text)
        except ValueError:
            values[name] = text
    values |= {name: value for name, value in options.items() if value is not None}
    made, done = run(Store(store), out, TrainConfig.from_json(values), progress=_progress)
    women = {part: len(made.split.women(part)) for part in ("net", "validation", "head", "test")}
    _done(done, f"{made.name}, {made.config.crops} crops; women by part {women} -> {out}")


def _json_file(path: Path) -> dict:
    import json

    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: cannot be read as JSON ({error})") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: wanted a JSON object of settings")
    return values


@main.command()
@click.argument("inputs", type=ANY, nargs=-1, required=True)
@click.option("--model", required=True, metavar="RUN", help="A run folder, or 'blob' for the blob detector.")
@click.option("-o", "--out", type=FOLDER, required=True, help="Folder for the maps.")
@click.option("--part", type=click.Choice(["net", "validation", "head", "test"]), help="With tables: these women only.")
@click.option("--split", type=FILE, help="Split file that says who is in which part; the run's own if not given.")
@click.option("--rows", type=click.IntRange(64), help="Working rows of the blob detector.")
@_one_line_errors
def segment(inputs: tuple[Path, ...], model: str, out: Path, part: str | None, split: Path | None, rows: int | None):
    """Make lesion heatmaps of FILES, of a FOLDER, or of the films in TABLES.

    A file that is no film is set aside with its reason, and the rest is done.

    \b
    Examples:
      mammomap segment films/*.dcm --model run -o maps
      mammomap segment tables --part test --model run -o maps
    """
    from mammomap.masks.splits import read_split
    from mammomap.seg.segment import RunMapper, find_sources, open_model
    from mammomap.seg.segment import segment as run

    mapper = open_model(model, rows)
    own = mapper.run.split if isinstance(mapper, RunMapper) else None
    sources = find_sources(inputs, read_split(split) if split else own, part)
    folder, done = run(sources, mapper, out, progress=_progress)
    aside = folder.films[folder.films["status"] != "done"]
    _done(done > 0, f"{len(folder.done)} films mapped by {folder.about['model']}, {len(aside)} set aside -> {out}")
    names = {source.image_id: source.path.name for source in sources}
    for row in aside.itertuples():
        click.echo(f"  set aside: {names[row.image_id]}: {row.reason}", err=True)


@main.command(name="train-head")
@click.argument("store", type=FOLDER)
@click.option("--model", required=True, type=FOLDER, metavar="RUN", help="The run whose maps the head is for.")
@click.option("-o", "--out", type=FILE, required=True, metavar="HEAD", help="File for the head (JSON).")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of the inner folds.")
@_one_line_errors
def train_head(store: Path, model: Path, out: Path, seed: int) -> None:
    """Fit a head: from maps to a calibrated probability per image, on women whom the net has not seen.

    \b
    Example:
      mammomap train-head store --model run -o head.json
    """
    from mammomap.classify.train_head import train_head as run
    from mammomap.masks.store import Store
    from mammomap.seg.run import read_run

    head, done = run(Store(store), read_run(model), out, seed=seed, progress=_progress)
    text = f"head on {head.films} films of {head.women} women, held-out AUC {head.held_out_auc:.3f} -> {out}"
    _done(done, text)


@main.command()
@click.argument("maps", type=FOLDER)
@click.option("--head", required=True, type=FILE, help="A head of 'mammomap train-head'.")
@click.option("-o", "--out", type=FILE, metavar="CSV", help="File for the scores.  [default: MAPS/scores.csv]")
@_one_line_errors
def classify(maps: Path, head: Path, out: Path | None) -> None:
    """Score every mapped image: the probability of a malignant lesion, and calls at the head's operating points.

    \b
    Example:
      mammomap classify maps --head head.json
    """
    from mammomap.classify.classify import classify as run
    from mammomap.classify.heads import read_head
    from mammomap.masks.mapfile import read_map_folder

    out = out or maps / "scores.csv"
    scores, done = run(read_map_folder(maps), read_head(head), out, progress=_progress)
    _done(done, f"{len(scores)} images, {scores['call at youden'].sum()} called at the Youden point -> {out}")


@main.command()
@click.argument("truth", type=FOLDER)
@click.argument("systems", nargs=-1, required=True, metavar="NAME=MAPS...")
@click.option("-o", "--out", type=FOLDER, required=True, metavar="REPORT", help="Folder for the report.")
@click.option("--split", type=FILE, help="Split file; with it only the women of --part are judged.")
@click.option("--part", type=click.Choice(["validation", "head", "test"]), default="test", show_default=True)
@click.option("--run", "run_folder", type=FOLDER, help="Run whose settings and training curves go into the report.")
@click.option("--title", default="Lesion maps against truth", show_default=True)
@click.option("--in-sample", is_flag=True, help="Judge on women whom a model has seen, and mark every figure so.")
@click.option("--no-pictures", is_flag=True, help="No film in the report.")
@_one_line_errors
def benchmark(
    truth: Path,
    systems: tuple[str, ...],
    out: Path,
    split: Path | None,
    part: str,
    run_folder: Path | None,
    title: str,
    in_sample: bool,
    no_pictures: bool,
) -> None:
    """Judge maps of any origin against the outlines in TRUTH (tables), and write a report.

    MAPS is a folder that 'segment' made, or a CSV of marks (image_id, map, row, col, score). The first system is
    compared with each other one, paired by woman.

    \b
    Example:
      mammomap benchmark tables net=maps blob=blob-maps --split run/split.csv -o report
    """
    from mammomap.benchmark.run import benchmark as run
    from mammomap.benchmark.systems import read_system
    from mammomap.benchmark.truth import read_truth
    from mammomap.masks.splits import read_split
    from mammomap.masks.tables import read_tables
    from mammomap.seg.run import read_run

    listed = [read_system(name, Path(path)) for name, path in _named(systems, "MAPS")]
    judged = read_truth(read_tables(truth), read_split(split) if split else None, part if split else None)
    report, done = run(
        judged,
        listed,
        out,
        title=title,
        run=read_run(run_folder) if run_folder else None,
        in_sample=in_sample,
        pictures=not no_pictures,
        progress=_progress,
    )
    for line in _summary(report):
        click.echo(line)
    _done(done, f"report -> {out / 'index.html'}")


def _summary(report: dict) -> list[str]:
    """The headline figures as text."""
    data = report["data"]
    lines = [
        f"{data['films']} films of {data['women']} women, {data['lesions']} lesions, {data['malignant_films']} films "
        f"malignant; part {data['part']} of split {data['split']}; 95 % intervals by woman"
    ]
    for system in report["systems"]:
        at = next(a for a in system["froc"]["any"]["at"] if a["fp"] == 1.0)
        mark = " IN SAMPLE" if system["in_sample"] else ""
        lines.append(f"  {system['name']}{mark}: sensitivity at 1 false positive per film {_span(at)}")
        for entry in system["images"]:
            lines.append(f"    AUC by {entry['level']}, {entry['score']}: {_span(entry['auc'])}")
    for row in report["differences"]:
        lines.append(f"  {row['a']} minus {row['b']}, {row['measure']}, {row['level']}: {_span(row)}")
    return lines


def _span(found: dict) -> str:
    if found["value"] is None:
        return "not defined (one class only, or no lesion)"
    if found["low"] is None or found["high"] is None:
        return f"{found['value']:.3f} (no interval)"
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


@main.command()
@click.option("-o", "--out", type=FOLDER, required=True, metavar="TREE", help="Folder for the tree.")
@click.option("--patients", type=click.IntRange(1), default=60, show_default=True, help="Women to draw.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--rows", type=click.IntRange(200, 4700), default=1200, show_default=True, help="Rows of a film.")
@click.option("--workers", type=click.IntRange(1), help="Processes; as many as cores if not given.")
@_one_line_errors
def phantom(out: Path, patients: int, seed: int, rows: int, workers: int | None) -> None:
    """Draw film mammograms with known lesions, as DICOM in the layout of CBIS-DDSM.

    \b
    Example:
      mammomap phantom --patients 60 --seed 1 -o tree
    """
    from mammomap.phantom.config import PhantomConfig
    from mammomap.phantom.tree import write_tree

    config = PhantomConfig(patients=patients, seed=seed, rows=rows, workers=workers)
    made = write_tree(out, config, _progress)
    counts = ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in made["counts"].items())
    _done(made["written"], f"{counts}; one pixel is {made['pixel_mm']:g} mm -> {out}")


@main.command()
@click.option("-o", "--out", type=FOLDER, default=Path("demo-out"), show_default=True, help="Folder for everything.")
@click.option("--films", type=FOLDER, metavar="ROOT", help="Go the way on these films instead of drawn ones.")
@click.option("--split", help="Who is tested, as in 'train'.  [default: official for drawn films, random for others]")
@click.option("--rows", type=click.IntRange(64), help="Working rows of a film.  [default: 448 drawn, 576 others]")
@click.option("--crops", type=click.IntRange(1), help="Crops to train on.  [default: 8000 drawn, 36000 others]")
@click.option("--patients", type=click.IntRange(120), default=240, show_default=True, help="Women to draw.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option("--beside", multiple=True, metavar="NAME=CSV", help="Marks of another system, judged on the same films.")
@_one_line_errors
def demo(**options) -> None:
    """Go the whole way in one command: films, tables, store, net, maps, head, scores, report.

    Each step is one of the verbs, and is printed as it would be typed. A second call does only what is missing.

    \b
    Examples:
      mammomap demo -o demo-out
      mammomap demo --films PATH/cbis_mass --split fold:0 -o fold0
    """
    from mammomap.demo import demo as run

    run(lambda words: main(words, prog_name="mammomap", standalone_mode=False), **options)
