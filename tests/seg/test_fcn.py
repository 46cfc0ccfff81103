"""The FCN as published: its parameters, its interpolation in closed form, and centres that fall on centres."""

import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mammomap.seg import fcn
from mammomap.seg.nets import build_net


def test_parameters_of_the_published_net() -> None:
    """134,489,759 with three channels and 21 classes: the published net, upsampling counted, without its biases."""
    with torch.device("meta"):
        net = fcn.FCN(fcn.VggTrunk(3), 21, 8)
    by_hand = 14_714_688 + (25_088 + 1) * 4096 + (4096 + 1) * 4096  # VGG-16's convolutions, fc6, fc7
    by_hand += 21 * (4096 + 1 + 512 + 1 + 256 + 1) + 21 * 21 * (4 * 4 + 4 * 4 + 16 * 16)
    assert sum(p.numel() for p in net.parameters()) == by_hand == 134_489_759


@pytest.mark.parametrize("factor", [2, 8, 16, 32])
def test_upsampling_is_bilinear_in_closed_form(factor: int) -> None:
    kernel = fcn.bilinear_kernel(factor)
    for row in range(2 * factor):
        for col in range(2 * factor):
            down, across = (abs(k - (2 * factor - 1) / 2) / factor for k in (row, col))
            assert float(kernel[row, col]) == pytest.approx((1 - down) * (1 - across), abs=1e-6)
    layer = fcn.upsampling(3, factor, padded=True)
    coarse = torch.rand(2, 3, 6, 5, generator=torch.Generator().manual_seed(1))
    fine = layer(coarse)
    assert fine.shape == (2, 3, 6 * factor, 5 * factor)
    inside = slice(factor // 2, -(factor // 2))
    wanted = F.interpolate(coarse, scale_factor=factor, mode="bilinear", align_corners=False)
    assert torch.allclose(fine[..., inside, inside], wanted[..., inside, inside], atol=1e-5)
    ramp = torch.arange(6.0)[:, None].expand(6, 5)[None, None].expand(1, 3, 6, 5)
    rows = (torch.arange(6 * factor) + 0.5) / factor - 0.5
    assert torch.allclose(layer(ramp)[0, 1, inside, inside], rows[inside, None].expand(-1, 5 * factor)[:, inside])


def coarse_to_film(layers: list[nn.Module]) -> tuple[float, float]:
    """Scale and place in film pixels of output pixel 0, from kernels, strides and paddings alone."""
    scale, place = 1.0, 0.0
    for layer in layers:
        kernel, stride, pad = ((v[0] if isinstance(v, tuple) else v) for v in sizes(layer))
        if isinstance(layer, nn.ConvTranspose2d):
            scale /= stride
            place -= scale * ((kernel - 1) / 2 - pad)
        else:
            place += scale * ((kernel - 1) / 2 - pad)
            scale *= stride
    return scale, place


def sizes(layer: nn.Module) -> tuple:
    return layer.kernel_size, layer.stride, layer.padding  # type: ignore[return-value]


@pytest.mark.parametrize("finest", [32, 16, 8])
def test_crop_offsets_put_centres_on_centres(finest: int) -> None:
    with torch.device("meta"):
        net = fcn.FCN(fcn.VggTrunk(1), 2, finest)
    walk = [m for m in net.trunk.modules() if isinstance(m, nn.Conv2d | nn.MaxPool2d)]
    ends = [k + 1 for k, m in enumerate(walk) if isinstance(m, nn.MaxPool2d)]
    pool3, pool4 = walk[: ends[2]], walk[: ends[3]]
    scale, place = coarse_to_film(walk)
    assert scale == 32 and place == 12.5
    chain = list(walk)
    if finest <= 16:
        chain.append(net.twice_fr)
        scale, place = coarse_to_film(chain)
        skip_scale, skip_place = coarse_to_film(pool4)
        assert scale == skip_scale == 16 and (place - skip_place) / scale == fcn.POOL4_OFFSET
    if finest <= 8:
        chain.append(net.twice_pool4)
        scale, place = coarse_to_film(chain)
        skip_scale, skip_place = coarse_to_film(pool3)
        assert scale == skip_scale == 8 and (place - skip_place) / scale == fcn.POOL3_OFFSET
    scale, place = coarse_to_film([*chain, net.last])
    assert scale == 1 and -place == fcn.FILM_OFFSET[finest]


class OneHotTrunk(nn.Module):
    """Features of the full trunk's sizes for a film of 64x64, each lit at one place only."""

    widths = (1, 1, 1)

    def __init__(self, lit: str, place: int) -> None:
        super().__init__()
        self.maps = [torch.zeros(1, 1, side, side) for side in (37, 19, 4)]
        self.maps[("pool3", "pool4", "fc7").index(lit)][..., place, place] = 1

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return self.maps


@pytest.mark.parametrize(("lit", "place", "centre"), [("pool3", 17, 40.5), ("pool4", 8, 36.5), ("fc7", 1, 44.5)])
def test_a_light_in_a_feature_map_comes_back_at_its_own_place(lit: str, place: int, centre: float) -> None:
    """Centres by hand: pool3 lies at 8 i - 95.5, pool4 at 16 i - 91.5, fc7 at 32 i + 12.5."""
    net = fcn.FCN(OneHotTrunk(lit, place), 1, 8)  # type: ignore[arg-type]
    net.full = True
    net.last = fcn.upsampling(1, 8, padded=False)
    net.twice_fr, net.twice_pool4 = (fcn.upsampling(1, 2, padded=False) for _ in range(2))
    for layer in (net.score_fr, net.score_pool3, net.score_pool4):
        nn.init.ones_(layer.weight)
    with torch.no_grad():
        made = net(torch.zeros(1, 1, 96, 96))[0, 0]
    where = (made.sum(1) * torch.arange(96)).sum() / made.sum()
    assert math.isclose(float(where), centre, abs_tol=0.6)


def test_skips_start_at_zero_and_are_scaled_where_all_is_trained_at_once() -> None:
    with torch.device("meta"):
        staged, at_once = (fcn.FCN(fcn.VggTrunk(1), 2, 8, at_once=flag) for flag in (False, True))
    assert staged.scales == (1, 1) and at_once.scales == (1e-4, 1e-2)
    light = build_net("fcn8s-light", "resnet18", 2, 0)
    assert not any(
        light.get_parameter(f"score_{pool}.{kind}").any() for pool in ("pool3", "pool4") for kind in ("weight", "bias")
    )
    assert not light.get_parameter("last.weight").requires_grad
    assert (
        light.get_parameter("twice_fr.weight").requires_grad and light.get_parameter("twice_pool4.weight").requires_grad
    )


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (31, 65), (64, 20), (97, 33)])
def test_the_full_net_takes_any_size_by_itself(size: tuple[int, int]) -> None:
    for finest in (32, 16, 8):
        net = fcn.FCN(fcn.VggTrunk(1), 2, finest).eval()
        with torch.inference_mode():
            assert net(torch.rand(1, 1, *size)).shape == (1, 2, *size)


def test_a_dilated_fc6_reaches_as_far_as_one_of_7x7() -> None:
    light, dilated = (
        build_net(f"fcn8s-{kind}", "tu-resnet10t", 2, 0).get_submodule("trunk.fc6.0") for kind in ("light", "dilated")
    )
    lit = torch.zeros(1, 512, 15, 15)
    lit[0, 0, 7, 7] = 1
    for conv in (light, dilated):
        nn.init.ones_(conv.weight)
        with torch.no_grad():
            made = conv(lit)[0, 0]
        assert made.shape == (15, 15) and made.nonzero().aminmax(dim=0).min.tolist() == [4, 4]
        assert made.nonzero().aminmax(dim=0).max.tolist() == [10, 10]
    assert light.weight.numel() == 512 * 256 * 49 and dilated.weight.numel() == 512 * 256 * 9


@pytest.mark.parametrize("side", [32, 64, 96])
def test_gradients_of_the_wide_layer_are_right_in_bf16(side: int) -> None:
    """Memory is filled with NaN beforehand, so that a kernel that reads what it never wrote gives itself away."""
    net = build_net("fcn8s-light", "resnet18", 2, 0).to(memory_format=torch.channels_last).eval()  # type: ignore
    film = torch.rand(4, 1, side, side, generator=torch.Generator().manual_seed(1))

    def gradient(bf16: bool) -> torch.Tensor:
        junk = [torch.full((2**size,), torch.nan) for size in range(4, 22)]
        del junk
        net.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            made = net(film)
        made.float().square().sum().backward()
        return net.get_parameter("trunk.fc6.0.weight").grad.clone()  # type: ignore[union-attr]

    exact = gradient(False)
    for _ in range(3):
        assert float((gradient(True) - exact).norm() / exact.norm()) < 0.1
