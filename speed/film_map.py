"""How fast the map of a film is made, against the plain way; and one pass against tiles that overlap by half.

    python speed/film_map.py [--net unet] [--encoder resnet34] [--rounds 5]

Each variant is a fresh process with the same weights and the same film of 1152 x 896 pixels of noise (time does not
depend on what is shown), all of them once a round; times are medians of the films after the first two.

plain      net and softmax as torch comes: fp32, NCHW, no gradient
film_map   the project's one map function, in one pass
in tiles   the same in tiles of 512 that overlap by half
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from fresh import in_turn, ratio, table, told

from mammomap.seg.config import TrainConfig
from mammomap.seg.device import choose_hardware
from mammomap.seg.maps import film_map
from mammomap.seg.nets import build_net

CLASSES, FILM, TILE, FILMS, SKIPPED = 5, (1152, 896), 512, 6, 2
VARIANTS = ("plain", "film_map", "in tiles")


def timed(variant: str, config: TrainConfig) -> list[float]:
    """Seconds of each film."""
    image = np.random.default_rng(0).random(FILM, np.float32)
    net = build_net(config.net, config.encoder, CLASSES, config.seed).eval()
    if variant == "plain":
        batch = torch.from_numpy(image)[None, None]

        def once() -> object:
            with torch.no_grad():
                return net(batch).softmax(1).numpy()
    else:
        hardware = choose_hardware()
        net = net.to(hardware.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        tile = TILE if variant == "in tiles" else None

        def once() -> object:
            return film_map(net, image, hardware, tile=tile)

    took = []
    for _ in range(FILMS):
        began = time.perf_counter()
        once()
        took.append(time.perf_counter() - began)
    return took


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", default="unet")
    parser.add_argument("--encoder", default="resnet34")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=VARIANTS, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    config = TrainConfig(net=wanted.net, encoder=wanted.encoder)
    if wanted.only:
        print(told(timed(wanted.only, config), SKIPPED))
        return
    found = in_turn([__file__, "--net", config.net, "--encoder", config.encoder], VARIANTS, wanted.rounds)
    hardware = choose_hardware()
    print(
        f"{hardware.name}, {hardware.threads} threads, {hardware.precision}; {config.net} with {config.encoder}, "
        f"a film of {FILM[0]} x {FILM[1]}, {wanted.rounds} rounds\n\n{table(found, 'plain')}\n"
    )
    print(f"One pass is {ratio(found, 'in tiles', 'film_map')} times as fast as tiles of {TILE}.")


if __name__ == "__main__":
    main()
