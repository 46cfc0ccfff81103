"""The verbs that train and use nets and heads: train, segment, train-head, classify, bundle, export-onnx."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from mammomap.cli.common import ANY, FILE, FOLDER, json_file, named, one_line_errors, progress_bar, say_done


@click.command()
@click.argument("store", type=FOLDER)
@click.option("-o", "--out", type=FOLDER, metavar="RUN", help="Folder for the run.")
@click.option("--plan", is_flag=True, help="Print settings for this data, this device and --minutes, and stop.")
@click.option("--minutes", type=click.FloatRange(min=1), default=60, show_default=True, help="Time that --plan has.")
@click.option(
    "--split",
    help="A rule of docs/splits.md (random, official-leak-free, k-fold:0, …), or a split file.  [default: random]",
)
@click.option("--net", metavar="NAME|FILE:FUNCTION", help="A net of docs/nets.md, or one's own.  [default: unet]")
@click.option("--encoder", help="Its encoder.  [default: resnet34; vgg16 for the full FCN]")
@click.option(
    "--encoder-weights", metavar="imagenet|FILE", help="What the encoder starts from.  [default: random weights]"
)
@click.option("--init-from", metavar="RUN", help="A run whose weights to start from: the same net or a coarser FCN.")
@click.option("--loss", help="lesion, ce, dice, focal, tversky or lovasz (docs/nets.md).  [default: lesion]")
@click.option("--crops", type=click.IntRange(0), help="Crops to train on.  [default: 16000]")
@click.option("--crop", type=click.IntRange(32), help="Side of a crop.  [default: 256]")
@click.option("--batch", type=click.IntRange(1), help="Crops a step.  [default: 8]")
@click.option("--seed", type=click.IntRange(0), help="Seed of split, weights and crops.  [default: 1]")
@click.option("--devices", type=click.IntRange(1), default=1, help="GPUs of this machine, or processes.  [default: 1]")
@click.option("--nodes", type=click.IntRange(1), default=1, help="Machines with as many devices.  [default: 1]")
@click.option("--config", type=FILE, help="JSON file with any training settings; the options above win over it.")
@click.option(
    "--set",
    "assign",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any other setting, e.g. learning_rate=3e-4 or intensity.local=12.",
)
@one_line_errors
def train(
    store: Path,
    out: Path | None,
    plan: bool,
    minutes: float,
    config: Path | None,
    assign: tuple[str, ...],
    devices: int,
    nodes: int,
    **options,
) -> None:
    """Train a net. The same command goes on with a run that was stopped.

    \b
    Examples:
      mammomap train store -o run --split fold:0 --crops 36000
      mammomap train store -o run --encoder resnet50 --encoder-weights imagenet
      mammomap train store -o run16 --net fcn16s-light --init-from run32
      mammomap train store --plan --minutes 60 > plan.json
      mammomap train store -o run --config plan.json
    """
    import json

    from mammomap.masks.store import Store
    from mammomap.report.examples import write_examples
    from mammomap.seg.config import TrainConfig
    from mammomap.seg.device import is_first_process
    from mammomap.seg.mappers import RunMapper
    from mammomap.seg.train_run import films_to_train_on
    from mammomap.seg.train_run import train as run

    settings = TrainConfig.from_json(_settings(config, assign, options))
    say = partial(click.echo, err=True)
    if plan:
        from mammomap.seg.plan import make_plan

        click.echo(json.dumps(make_plan(Store(store), settings, minutes), indent=1))
        return
    if out is None:
        raise click.UsageError("-o RUN is missing")
    opened = Store(store)
    made, done = run(opened, out, settings, devices=devices, nodes=nodes, progress=progress_bar, say=say)
    if not is_first_process():
        return
    if made.config.crops:
        _, shown = films_to_train_on(opened, made.split)
        write_examples(opened, shown, made.classes, RunMapper(made), made.folder / "examples")
    if made.split.warning:
        click.echo(f"warning: {made.split.warning}", err=True)
    women = {part: len(made.split.women(part)) for part in ("net", "validation", "head", "test")}
    say_done(done, f"{made.name}, {made.config.crops} crops; women by part {women} -> {out}")


@click.command(name="train-image")
@click.argument("store", type=FOLDER)
@click.option("-o", "--out", type=FOLDER, required=True, metavar="RUN", help="Folder for the run.")
@click.option("--split", help="A rule of docs/splits.md, or a split file.  [default: random]")
@click.option("--net", help="max-pool-fcn or patch-to-image (docs/labels.md).  [default: max-pool-fcn]")
@click.option("--encoder", help="Of patch-to-image.  [default: resnet50]")
@click.option("--encoder-weights", metavar="imagenet|FILE", help="What it starts from.  [default: random weights]")
@click.option("--films", type=click.IntRange(1), help="Films to draw, in each stage.  [default: 8000]")
@click.option("--patches", type=click.IntRange(1), help="Patches to draw, in each stage.  [default: 16000]")
@click.option("--seed", type=click.IntRange(0), help="Seed of split, weights and films.  [default: 1]")
@click.option("--config", type=FILE, help="JSON file with any training settings; the options above win over it.")
@click.option("--set", "assign", multiple=True, metavar="NAME=VALUE", help="Any other setting, e.g. dropout=0.3.")
@one_line_errors
def train_image(store: Path, out: Path, config: Path | None, assign: tuple[str, ...], **options) -> None:
    """Train a classifier of whole images, which learns from labels alone and draws no outline (docs/labels.md).

    'mammomap segment --model RUN' gives its coarse maps and scores, 'mammomap train-head --kind score' calibrates it.

    \b
    Examples:
      mammomap train-image store -o run --split fold:0
      mammomap train-image store -o run --net patch-to-image --encoder resnet18 --set patch=128
      mammomap train-image store -o shen --net patch-to-image --encoder-weights imagenet --config shen.json
    """
    from mammomap.classify.image_config import ImageConfig
    from mammomap.classify.image_run import train_image as run
    from mammomap.masks.store import Store

    settings = ImageConfig.from_json(_settings(config, assign, options))
    made, done = run(Store(store), out, settings, progress=progress_bar)
    women = {part: len(made.split.women(part)) for part in ("net", "validation", "head", "test")}
    say_done(done, f"{made.name}, {made.config.net}; women by part {women} -> {out}")


def _settings(config: Path | None, assign: tuple[str, ...], options: dict) -> dict:
    """Settings of a file, under those of --set, under those with an option of their own."""
    import json

    values: dict = json_file(config) if config else {}
    values = values.get("training", values)  # a plan has more in it
    for name, text in named(assign, "VALUE"):
        group, dot, of_group = name.partition(".")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        if dot:
            values[group] = {**values.get(group, {}), of_group: value}
        else:
            values[name] = value
    return values | {name: value for name, value in options.items() if value is not None}


@click.command(name="train-head")
@click.argument("store", type=FOLDER)
@click.option(
    "--model",
    "models",
    required=True,
    multiple=True,
    type=FOLDER,
    metavar="RUN",
    help="The run whose maps the head is for; given more than once, the mean of all.",
)
@click.option("-o", "--out", type=FILE, required=True, metavar="HEAD", help="File for the head (JSON).")
@click.option(
    "--kind",
    type=click.Choice(
        ["features", "trees", "conv", "max", "top-k", "log-sum-exp", "noisy-or", "generalised-mean", "score"]
    ),
    default="features",
    show_default=True,
    help="Logistic regression or trees on features of the map, a small net on it, or one way of pooling it.",
)
@click.option(
    "--join",
    type=click.Choice(["mean", "two-view"]),
    default="mean",
    show_default=True,
    help="How CC and MLO become one score of the breast: their mean, or weights that are learned.",
)
@click.option(
    "--folds",
    type=click.IntRange(2),
    help="Fit on maps of all women who are not tested, by so many nets trained like RUN, each as long.",
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of the folds.")
@one_line_errors
def train_head(store: Path, models: tuple[Path, ...], out: Path, folds: int | None, **how) -> None:
    """Fit a head: from maps to a calibrated probability, on women whom the net has not seen.

    Where the films have a side and a view, breasts and women get a calibration of their own.

    \b
    Examples:
      mammomap train-head store --model run -o head.json
      mammomap train-head store --model run -o head.json --folds 4
    """
    from mammomap.classify.image_mapper import read_any_run
    from mammomap.classify.train_head import train_head as run
    from mammomap.masks.store import Store

    say = partial(click.echo, err=True)
    opened, (first, *beside) = Store(store), [read_any_run(model) for model in models]
    how |= {"beside": beside, "folds": folds or 0}
    head, done = run(opened, first, out, progress=progress_bar, say=say, **how)
    for name, level in head.levels.items():
        text = f"{level.cases} cases of {level.women} women, held-out AUC {level.held_out_auc:.3f}"
        click.echo(f"{name}: {text}, calibrated by {level.calibration.kind}")
    if head.pixel_temperature is not None:
        click.echo(f"pixels: temperature {head.pixel_temperature:.2f}, against {head.pixel_truth}")
    say_done(done, f"head {head.kind} on {head.fitted_on} -> {out}")


@click.command()
@click.argument("maps", type=FOLDER)
@click.option("--head", required=True, type=FILE, help="A head of 'mammomap train-head', or a bundle with one.")
@click.option("-o", "--out", type=FILE, metavar="CSV", help="File for the scores.  [default: MAPS/scores.csv]")
@click.option("--key", type=FILE, help="The key of the maps, where it was moved.  [default: MAPS.key.json]")
@click.option("--in-sample", is_flag=True, help="Score women whom net or head have seen too; the tables say so.")
@click.option("--pictures", type=FOLDER, help="Folder for a picture of each film with the reasons on it.")
@one_line_errors
def classify(
    maps: Path, head: Path, out: Path | None, key: Path | None, in_sample: bool, pictures: Path | None
) -> None:
    """Score every mapped image, breast and woman: how likely a lesion is malignant, calls, and the reasons.

    Breasts and women are scored where tables or headers say what belongs together (docs/labels.md).

    \b
    Examples:
      mammomap classify maps --head head.json
      mammomap classify maps --head head.json --pictures pictures
    """
    from mammomap.classify.classify import classify as run
    from mammomap.classify.heads import read_head
    from mammomap.masks.key import find_key, key_beside
    from mammomap.masks.mapfile import read_map_folder
    from mammomap.report.reasons import write_reasons

    out, folder = out or maps / "scores.csv", read_map_folder(maps)
    how = {"key": find_key(maps, key or (key_beside(maps) if pictures else None)), "in_sample": in_sample}
    scores, done = run(folder, read_head(head), out, **how, progress=progress_bar)
    if "score" in scores:
        click.echo("note: films of another set than the head's get a score; probabilities need a head of their own")
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
@one_line_errors
def bundle(run: Path, out: Path, head: Path | None, about: Path | None) -> None:
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
    found = publish(read_run(run), out, head=head, about=words)
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
