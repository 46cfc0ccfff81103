"""`mammomap view`: writes the folder or the one file, and serves it where that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from mammomap.masks.key import Key
from mammomap.masks.mapfile import MapFolder
from mammomap.masks.tables import Tables
from mammomap.viewer.page import Viewed, write_page
from mammomap.viewer.serve import address, make_server
from mammomap.viewer.single import write_single


def view(
    folder: MapFolder,
    out: Path,
    key: Key | None,
    truth: Tables | None,
    single: bool,
    progress: Callable[..., Iterable] | None = None,
) -> tuple[Viewed, str]:
    """Write the page; returns what came of it, and the same in words."""
    if single:
        viewed, reduced = write_single(folder, out, key=key, truth=truth, progress=progress)
        size = f"{out.stat().st_size / 1e6:.1f} MB" + (f", films at 1/{reduced} of their size" if reduced > 1 else "")
        return viewed, f"{viewed.films} films, {viewed.with_pixels} with their pixels, {size} -> {out}"
    viewed = write_page(folder, out, key=key, truth=truth, progress=progress)
    return viewed, f"{viewed.films} films, {viewed.with_pixels} with their pixels -> {out / 'index.html'}"


def serve_page(page: Path, port: int, say: Callable[[str], object]) -> None:
    """Serve until the user stops it."""
    with make_server(page, port) as server:
        say(f"{address(server)} (this machine only; Ctrl-C stops it)")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("stopped")
