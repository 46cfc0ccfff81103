"""The verbs that train: train, train-image, train-head."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import click

from mammomap.cli.common import FILE, FOLDER, SHARD, json_file, named, one_line_errors, progress_bar, say_done


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
        trained_on, validated_on = films_to_train_on(opened, made.split)
        write_examples(opened, validated_on or trained_on, made.classes, RunMapper(made), made.folder / "examples")
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
@click.option(
    "--init-from",
    "starts",
    multiple=True,
    type=FOLDER,
    metavar="START",
    help="With --folds: the run that RUN was started from; its like start there too.",
)
@click.option("--flips", is_flag=True, help="For maps that 'segment --flips' makes.")
@click.option("--shard", type=SHARD, default="1/1", help="I/N: train the nets of every N-th of --folds, and stop.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Seed of the folds.")
@one_line_errors
def train_head(
    store: Path,
    models: tuple[Path, ...],
    out: Path,
    folds: int | None,
    starts: tuple[Path, ...],
    shard: tuple[int, int],
    seed: int,
    **how,
) -> None:
    """Fit a head: from maps to a calibrated probability, on women whom the net has not seen.

    Where the films have a side and a view, breasts and women get a calibration of their own.

    \b
    Examples:
      mammomap train-head store --model run -o head.json
      mammomap train-head store --model run -o head.json --folds 4
      mammomap train-head store --model run -o head.json --folds 4 --shard 1/4
    """
    from mammomap.classify.fold_nets import fold_nets
    from mammomap.classify.image_mapper import read_any_run
    from mammomap.classify.train_head import train_head as run
    from mammomap.masks.store import Store
    from mammomap.seg.run import read_run

    if folds is None and (starts or shard[1] > 1):
        raise click.UsageError(f"{'--init-from' if starts else '--shard'} is for the nets of --folds")
    say = partial(click.echo, err=True)
    opened, (first, *beside) = Store(store), [read_any_run(model) for model in models]
    common = {"starts": [read_run(path) for path in starts], "seed": seed, "progress": progress_bar, "say": say}
    if shard[1] > 1:
        made = list(fold_nets(opened, [first, *beside], out, folds or 0, shard=shard, **common))
        click.echo(f"nets of {len(made)} of {folds} folds are done; the same call without --shard fits the head")
        return
    head, done = run(opened, first, out, beside=beside, folds=folds or 0, **common, **how)
    for name, level in head.levels.items():
        text = f"{level.cases} cases of {level.women} women, held-out AUC {level.held_out_auc:.3f}"
        click.echo(f"{name}: {text}, calibrated by {level.calibration.kind}")
    if head.levels["image"].held_out_auc < 0.5:
        click.echo(
            "note: a held-out AUC of images below 0.5: this score is no better than chance, and is not turned round"
        )
    if head.pixel_temperature is not None:
        click.echo(f"pixels: temperature {head.pixel_temperature:.2f}, against {head.pixel_truth}")
    say_done(done, f"head {head.kind} on {head.fitted_on} -> {out}")
