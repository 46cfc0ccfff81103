"""The training loop, the only one of the project, read from top to bottom.

In: a net, its batches, a loss and a validation (`Task`), and how to step (`Steps`). Out: in a folder `last.ckpt`,
`log.jsonl` and, at the end, `model.safetensors`: the running mean of the weights at the best validation. Stopped at any
point, the same call goes on and ends with the same weights, bit for bit on CPU: batches depend on their number alone,
random states on seed and step, and everything else stands in the checkpoint.

Each step takes `parts` batches one after the other in each process; gradients are the mean of their losses. A loss that
adds up over processes before it divides, as this project's do, is the same for any number of processes, but not for any
number of parts.
"""

from __future__ import annotations

import atexit
import copy
import json
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric, seed_everything
from safetensors.torch import save_file
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from mammomap.errors import ConfigError
from mammomap.masks.files import write_atomically
from mammomap.seg.config import Steps
from mammomap.seg.device import Hardware, peak_memory

SAVE_SECONDS = 45
"""A checkpoint at least this often, so that a kill loses less than a minute."""
LOSSES_READ = 16
"""Steps after which losses are read: each reading waits for the device."""
SEED_STEP = 1_000_003
"""Distance of the random states of two seeds, in steps."""


@dataclass(frozen=True)
class Task:
    """What is trained."""

    net: nn.Module
    batches: Callable[[int, int, range, int], Iterator[Sequence[Any]]]
    """From step, to step, parts of this process, parts in all: for each step the batches of these parts, which depend
    on the numbers of step and part alone."""
    loss: Callable[[nn.Module, Any], torch.Tensor]
    """Of the net on one batch, a scalar."""
    validate: Callable[[nn.Module, int], tuple[float, dict[str, Any]]]
    """Of the net after so many steps: the figure by which weights are chosen, the higher the better, and what the log
    says of them."""


def fit(
    task: Task, out: Path, how: Steps, hardware: Hardware, *, progress: Callable[..., Iterable] | None = None
) -> None:
    """Train, or go on; `out` holds the result (module docstring).

    Raises
    ------
    ConfigError
        If the loss is no number, or memory does not hold a step.
    """
    fabric = fabric_for(hardware)
    seed_everything(how.seed, verbose=False)
    net = task.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = copy.deepcopy(net).to(fabric.device).eval()
    losses: list[torch.Tensor] = []
    trained = torch.compile(net, backend=how.compile) if how.compile else net
    module, optimiser = fabric.setup(trained, _optimiser(net, how))
    state: dict[str, Any] = {"step": 0, "seconds": 0.0, "running": [], "log": [], "best": None, "worse": 0}
    if (out / "last.ckpt").is_file():
        saved = torch.load(out / "last.ckpt", weights_only=True, map_location=fabric.device)
        net.load_state_dict(saved["net"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        state = saved["state"]
        if fabric.is_global_zero:
            write_log(out, state["log"])  # a kill may have come between checkpoint and log
    mean = RunningMean(average, net, how.ema)
    fabric.barrier()

    def read_losses() -> None:
        """Those of the last steps as numbers, and a stop if one is none."""
        read, first = [float(loss) for loss in losses], state["step"] - len(losses)
        for number, loss in enumerate(read):
            if not math.isfinite(loss):
                raise ConfigError(f"the loss is {loss} after {first + number} steps; lower learning_rate")
        state["running"] += read
        losses.clear()

    def save() -> None:
        models = {"net": net.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict()}
        write_atomically(out / "last.ckpt", lambda path: torch.save({**models, "state": state}, path))

    def look() -> None:
        """Validate the running mean, log it, keep its weights if they are the best so far."""
        figure, line = task.validate(average, state["step"])
        loss = float(np.mean(state["running"])) if state["running"] else None
        state["log"].append({"step": state["step"], "seconds": round(state["seconds"], 1), "step_loss": loss} | line)
        state["running"], state["worse"] = [], state["worse"] + 1
        if state["best"] is None or not figure <= state["best"]:  # no number, no choice: then the newest are kept
            state["best"], state["worse"] = figure, 0
            weights = {name: value.contiguous().cpu() for name, value in average.state_dict().items()}
            write_atomically(out / "best.safetensors", lambda path: save_file(weights, path))
        save()
        write_log(out, state["log"])

    show = progress or (lambda items, **_: items)
    began, saved_at = time.monotonic() - state["seconds"], time.monotonic()
    ours = range(fabric.global_rank * how.parts, (fabric.global_rank + 1) * how.parts)
    whole = fabric.world_size * how.parts
    stopped = how.patience and state["worse"] >= how.patience  # killed after the last validation
    batches = task.batches(state["step"], state["step"] if stopped else how.steps, ours, whole)
    shown = show(batches, total=how.steps, initial=state["step"], desc="train", unit="step")
    for parts in shown:
        rate = learning_rate(state["step"], how)
        for group in optimiser.param_groups:
            group["lr"] = rate
        module.train()
        optimiser.zero_grad(set_to_none=True)
        total = torch.zeros((), device=fabric.device)
        for part, batch in zip(ours, parts, strict=True):
            torch.manual_seed(how.seed * SEED_STEP + state["step"] * whole + part)  # dropout: the same after a stop
            with _memory_told(hardware), fabric.no_backward_sync(module, enabled=part != ours[-1]):
                value = task.loss(module, fabric.to_device(batch)) / how.parts
                fabric.backward(value)
            total = total + value.detach()
        if how.clip:
            torch.nn.utils.clip_grad_norm_(net.parameters(), how.clip)
        with _memory_told(hardware):
            optimiser.step()
        mean.update(state["step"])
        state["step"] += 1
        losses.append(total)
        validated = state["step"] % how.validate_every == 0
        due = time.monotonic() - saved_at > SAVE_SECONDS
        if validated or due or len(losses) == LOSSES_READ or state["step"] == how.steps:
            read_losses()
            if hasattr(shown, "set_postfix_str"):
                told = f"loss {state['running'][-1]:.3f}, {peak_memory(hardware) / 2**30:.1f} GB"
                shown.set_postfix_str(told, refresh=False)
        state["seconds"] = time.monotonic() - began
        if validated and state["step"] < how.steps:
            if fabric.is_global_zero:
                look()
            saved_at = time.monotonic()
            if how.patience and fabric.broadcast(state["worse"]) >= how.patience:
                break
        elif fabric.is_global_zero and due:
            save()
            saved_at = time.monotonic()
    if fabric.is_global_zero:
        if not state["log"] or state["log"][-1]["step"] < state["step"]:
            look()
        (out / "best.safetensors").replace(out / "model.safetensors")
    fabric.barrier()


def fabric_for(hardware: Hardware) -> Fabric:
    """Lightning Fabric on this hardware; with several processes, each holds the net and gradients are averaged."""
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # the run folder says which precision is used
    many = hardware.processes > 1
    fabric = Fabric(
        accelerator=hardware.device,
        devices=hardware.devices,
        num_nodes=hardware.nodes,
        strategy="ddp" if many else "auto",
        precision=hardware.precision,  # type: ignore[arg-type]
    )
    fabric.launch()
    if many:
        atexit.register(_leave)
    return fabric


def _leave() -> None:
    """End the processes' connection before the interpreter ends: gloo's threads, left running, can abort it."""
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def learning_rate(step: int, how: Steps) -> float:
    """Linear warm-up, then a cosine from the highest rate to a hundredth of it."""
    if how.optimiser == "sgd":
        return how.learning_rate
    rise = min(1.0, (step + 1) / max(1, how.warmup))
    fall = 0.5 * (1 + math.cos(math.pi * step / max(1, how.steps)))
    return how.learning_rate * rise * (0.01 + 0.99 * fall)


class RunningMean:
    """Running mean of weights and batch statistics, kept in `average`; counts are copied.

    Which tensors these are is looked up once: from here on both nets stay on their device.
    """

    def __init__(self, average: nn.Module, net: nn.Module, share: float) -> None:
        pairs = list(zip(average.state_dict().values(), net.state_dict().values(), strict=True))
        numbers = [pair for pair in pairs if pair[0].is_floating_point()]
        self.share, self._kept, self._new = share, [kept for kept, _ in numbers], [new for _, new in numbers]
        self._counts = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """After `step` steps before this one; the mean starts short, so that early steps do not linger."""
        get_ema_multi_avg_fn(min(self.share, (1 + step) / (10 + step)))(self._kept, self._new, step)
        for kept, new in self._counts:
            kept.copy_(new)


def write_log(out: Path, entries: Iterable[dict[str, Any]]) -> None:
    """`log.jsonl`, a line a validation."""
    text = "".join(json.dumps(_without_nan(entry)) + "\n" for entry in entries)
    write_atomically(out / "log.jsonl", lambda path: path.write_text(text))


def _optimiser(net: nn.Module, how: Steps) -> torch.optim.Optimizer:
    learned = [parameter for parameter in net.parameters() if parameter.requires_grad]
    if how.optimiser == "sgd":
        return torch.optim.SGD(learned, lr=how.learning_rate, weight_decay=how.weight_decay)
    return torch.optim.AdamW(learned, lr=how.learning_rate, weight_decay=how.weight_decay)


@contextmanager
def _memory_told(hardware: Hardware) -> Iterator[None]:
    """What torch says when memory is not enough becomes one line that names the settings to lower."""
    try:
        yield
    except RuntimeError as error:
        if not any(words in str(error).lower() for words in ("out of memory", "can't allocate memory")):
            raise
        raise ConfigError(
            f"{hardware.name} has not enough memory for a step: lower batch or crop, or take the batch in more parts "
            "(accumulate)"
        ) from error


def _without_nan(value: Any) -> Any:
    """NaN as None, since JSON has no NaN."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
