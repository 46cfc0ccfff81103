"""Nets like a run, each trained on all folds but one, so that every woman is mapped by a net that has not seen her."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from mammomap.classify.image_config import ImageConfig
from mammomap.classify.image_run import ImageRun, train_image
from mammomap.errors import ConfigError
from mammomap.masks.splits import inner_splits
from mammomap.masks.store import Store
from mammomap.seg.config import TrainConfig, own_net
from mammomap.seg.encoder_weights import IMAGENET
from mammomap.seg.run import OWN_CODE, Run
from mammomap.seg.train_run import train


def check_store(store: Store, runs: Sequence[Run | ImageRun]) -> None:
    """Refuse a store that is not the runs', and bundles.

    Raises
    ------
    ConfigError
        If one is.
    """
    for its in runs:
        if store.tables.hash != its.data_hash or store.rows != its.rows:
            raise ConfigError(f"{store.folder}: not the store that the run {its.folder} was trained on")
        if its.published:
            raise ConfigError(f"{its.name}: a bundle does not say which women are for a head; take the run it is of")


def fold_nets(
    store: Store,
    runs: Sequence[Run | ImageRun],
    out: Path,
    folds: int,
    *,
    starts: Sequence[Run] = (),
    shard: tuple[int, int] = (1, 1),
    seed: int = 1,
    progress: Callable[..., Iterable] | None = None,
    say: Callable[[str], object] = lambda text: None,
) -> Iterable[list[Run | ImageRun]]:
    """Nets trained like the runs, each on all folds but one, under `OUT.folds`; those that are there are not trained
    again. starts: what the runs started from, where they did. shard: (i, n) for every n-th fold from the i-th on.

    Raises
    ------
    ConfigError
        If the store is not the runs', or one is a bundle or started from what is not at hand.
    LeakError
        If what they started from has seen a woman whom a net is to be tested on.
    """
    check_store(store, runs)
    for number, split in enumerate(inner_splits(runs[0].split, store.tables, folds, seed)):
        if number % shard[1] != shard[0] - 1:
            continue
        folder = out.with_name(f"{out.stem}.folds") / str(number)
        path = folder / "split-to-train.csv"
        split.write(path)
        made: list[Run | ImageRun] = []
        for run in runs:
            at = folder / (f"run-{len(made) + 1}" if made else "run")
            say(f"nets of fold {number + 1} of {folds}: {at}")
            again = _again(run, path, starts)
            if isinstance(again, TrainConfig):
                made.append(train(store, at, again, progress=progress, say=say)[0])
            else:
                made.append(train_image(store, at, again, progress=progress)[0])
        yield made


def _again(run: Run | ImageRun, split: Path, starts: Sequence[Run]) -> TrainConfig | ImageConfig:
    """The settings of a run for women of another split."""
    config = run.config
    if config.encoder_weights not in ("", IMAGENET):
        raise ConfigError(f"{run.folder}: its encoder started from a file, so that nets like it cannot be trained here")
    if isinstance(config, TrainConfig) and config.init_from:
        start = next((its for its in starts if its.name == config.init_from), None)
        if start is None:
            raise ConfigError(
                f"{run.folder}: it started from {config.init_from}; nets like it need that run: --init-from"
            )
        config = replace(config, init_from=str(start.folder))
    if isinstance(config, TrainConfig) and (own := own_net(config.net)):
        config = replace(config, net=f"{run.folder / OWN_CODE}:{own[1]}")
    return replace(config, split=str(split))
