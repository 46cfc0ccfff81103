"""Every supported net: any size, a gradient for every parameter, save and load, sight as claimed, learning.

`golden_curves.csv` holds the loss of the first 20 steps of each net; `made.curves` writes it.
"""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from made.curves import cpu_kind, golden_curve
from made.films import CLASSES, disc_batch, overfit_dice
from safetensors.torch import load_file, save_file

from mammomap.errors import ConfigError
from mammomap.seg.device import Hardware
from mammomap.seg.losses import LesionLoss
from mammomap.seg.maps import film_map
from mammomap.seg.nets import SUPPORTED, build_net, check_net, sees_locally, stride_of, support_warning

PLAIN = Hardware("cpu", "test", "32-true", 1)
GOLDEN = Path(__file__).with_name("golden_curves.csv")
QUICK = [("unet", "resnet18"), ("linknet", "resnet18"), ("fpn", "resnet18"), ("fcn8s-light", "resnet18")]
"""Pairs that learn in every run of the tests; the others are marked slow."""
HEAVY = {"vgg16", "densenet121", "vgg11_bn", "resnet34"}
TALL = 3072


def pairs(quick: list[tuple[str, str]] | None = None) -> list:
    """All supported pairs; those not in `quick`, or that take long, are marked slow."""
    made = []
    for net, encoder in SUPPORTED:
        slow = encoder in HEAVY if quick is None else (net, encoder) not in quick
        made.append(pytest.param(net, encoder, marks=[pytest.mark.slow] if slow else [], id=f"{net}-{encoder}"))
    return made


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(("net", "encoder"), pairs())
class TestEverySupportedNet:
    def test_any_size_in_the_same_size_out(self, net: str, encoder: str) -> None:
        built = build_net(net, encoder, 3, seed=0).eval()
        for size in [(1, 1), (33, 47), (70, 20)]:
            made = film_map(built, np.random.default_rng(0).random(size).astype(np.float32), PLAIN)
            assert made.shape == (3, *size) and np.allclose(made.sum(0), 1, atol=1e-5)

    def test_a_gradient_reaches_every_parameter(self, net: str, encoder: str) -> None:
        """At the second step: at the first, what some nets start at zero stops it."""
        built = build_net(net, encoder, 3, seed=0).train()
        images, targets = disc_batch()
        optimiser = torch.optim.SGD(built.parameters(), lr=0.1)
        for step in range(2):
            optimiser.zero_grad()
            LesionLoss(CLASSES, 4.0)(built(images), targets).backward()
            if step == 0:
                optimiser.step()
        for name, parameter in built.named_parameters():
            if not parameter.requires_grad:
                assert name == "last.weight", name
                continue
            assert parameter.grad is not None and bool(parameter.grad.isfinite().all()), name
            assert parameter.ndim == 1 or bool(parameter.grad.any()), name

    def test_saved_and_loaded_it_gives_the_same(self, net: str, encoder: str, tmp_path: Path) -> None:
        one, other = (build_net(net, encoder, 3, seed=seed).eval() for seed in (0, 1))
        save_file({name: value.contiguous() for name, value in one.state_dict().items()}, tmp_path / "w.safetensors")
        film = torch.rand(1, 1, 64, 32, generator=torch.Generator().manual_seed(2))
        with torch.inference_mode():
            assert not torch.equal(one(film), other(film))
            other.load_state_dict(load_file(tmp_path / "w.safetensors"), strict=True)
            assert torch.equal(one(film), other(film))

    def test_it_sees_as_far_as_it_claims(self, net: str, encoder: str) -> None:
        """NaN at one row spreads as far as the net sees; beyond that, a shift by the stride shifts the map."""
        built = build_net(net, encoder, 3, seed=0).eval()
        stride, middle = stride_of(built), TALL // 2
        film = torch.rand(1, 1, TALL, 32, generator=torch.Generator().manual_seed(3))
        marked = film.clone()
        marked[:, :, middle] = torch.nan
        with torch.inference_mode():
            rows = built(marked).isnan().any(1).any(-1)[0].nonzero()
            reach = int((rows - middle).abs().max())
            if not sees_locally(net, encoder):
                assert len(rows) == TALL, "it sees no farther than some rows; let SUPPORTED say so"
                return
            assert 0 < reach < middle - 4 * stride, "it sees the whole film"
            shifted = torch.cat([torch.rand(1, 1, stride, 32), film[:, :, :-stride]], 2)
            before, after = built(film)[0], built(shifted)[0]
        inside = before[:, reach : -reach - stride]
        assert float(inside.std()) > 0
        assert torch.allclose(inside, after[:, reach + stride : -reach], rtol=0, atol=1e-4 * float(inside.abs().max()))


@pytest.mark.parametrize(("net", "encoder"), pairs(QUICK))
def test_it_overfits_one_batch(net: str, encoder: str) -> None:
    heavy = encoder == "vgg16"
    steps = 150 if heavy else 200 if net == "fcn8s-dilated" else 80
    assert overfit_dice(build_net(net, encoder, 3, seed=0), steps, 1e-4 if heavy else 3e-3) > 0.95


def golden() -> tuple[str, dict[str, list[float]]]:
    """The CPU that the curves were made on, and the curve of each net."""
    cpu, *lines = GOLDEN.read_text().splitlines()
    rows = list(csv.DictReader(lines))
    return cpu.removeprefix("# "), {name: [float(row[name]) for row in rows] for name in rows[0] if name != "step"}


@pytest.mark.parametrize(("net", "encoder"), pairs(QUICK))
def test_the_first_steps_are_those_of_before(net: str, encoder: str) -> None:
    cpu, curves = golden()
    wanted = curves[f"{net} {encoder}"]
    assert golden_curve(net, encoder) == pytest.approx(wanted, rel=1e-3 if cpu.startswith(f"{cpu_kind()};") else 1e-2)


def test_every_supported_net_has_a_golden_curve() -> None:
    _, curves = golden()
    assert set(curves) == {f"{net} {encoder}" for net, encoder in SUPPORTED}
    assert all(len(curve) == 20 and min(curve) < curve[0] for curve in curves.values())  # dropout makes some uneven


def test_there_are_enough_of_them_and_others_are_warned_of() -> None:
    assert len(SUPPORTED) >= 12 and support_warning("unet", "resnet34") == ""
    assert "not among those that are tested" in support_warning("unet", "resnet50")
    assert not sees_locally("unet", "resnet50") and support_warning("net.py:build", "") == ""


@pytest.mark.parametrize(
    ("net", "encoder", "told"),
    [
        ("unett", "resnet18", "net 'unett': none of unet"),
        ("unet", "resnet19", "with encoder 'resnet19' cannot be built"),
        ("fcn8s-light", "tu-nothing", "cannot be built"),
        ("deeplabv3", "vgg11_bn", "cannot be built"),
        ("nowhere.py:build", "", "is no file"),
    ],
)
def test_what_cannot_be_built_is_refused_in_one_line(net: str, encoder: str, told: str) -> None:
    with pytest.raises(ConfigError, match=told) as caught:
        build_net(net, encoder, 3, seed=0)
    assert "\n" not in str(caught.value)


def test_a_net_that_takes_one_size_only_is_refused() -> None:
    with pytest.raises(ConfigError, match="fails on a film of"):
        check_net(build_net("dpt", "tu-vit_tiny_patch16_224", 3, seed=0), "dpt", 3)


def test_a_net_that_was_checked_is_as_it_was() -> None:
    """One that keeps something of its first film would keep that of the check."""

    class Keeping(torch.nn.Conv2d):
        films = 0

        def forward(self, input: torch.Tensor) -> torch.Tensor:
            self.films += 1
            return super().forward(input)

    net = Keeping(1, 3, 1).train()
    check_net(net, "keeping", 3)
    assert net.films == 0 and net.training


def test_other_pairs_run() -> None:
    for net, encoder in [("unet", "tu-resnet10t"), ("linknet", "mobilenet_v2"), ("fcn16s-light", "mit_b0")]:
        assert support_warning(net, encoder)
        check_net(build_net(net, encoder, 2, seed=0), net, 2)


def test_the_same_seed_gives_the_same_weights_and_leaves_the_random_state() -> None:
    state = torch.get_rng_state()
    one, same, other = (build_net("fcn8s-light", "resnet18", 3, seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not torch.equal(one["score_fr.weight"], other["score_fr.weight"])


def test_the_table_of_the_docs_is_that_of_the_code() -> None:
    listed = re.findall(r"^\| `[^`]+` \| `.*", (Path(__file__).parents[2] / "docs" / "nets.md").read_text(), re.M)
    made = []
    for (net, encoder), local in SUPPORTED.items():
        with torch.device("cpu" if net == "segformer" else "meta"):  # its random depth asks for numbers
            size = sum(p.numel() for p in build_net(net, encoder, 5, seed=0).parameters()) / 1e6
        made.append(f"| `{net}` | `{encoder}` | {size:.2f} | {'yes' if local else 'no'} |")
    assert listed == made
