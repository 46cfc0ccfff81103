"""One file from a URL, kept only if it is the one that was published.

In: a URL (https, http or file) and the SHA-256 that its publisher names, behind `#sha256=` or apart. Out: the file,
whole and checked, or nothing.
"""

from __future__ import annotations

import hashlib
import http.client
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from mammomap.errors import ConfigError, DownloadError
from mammomap.masks.bundle import file_sum
from mammomap.masks.files import whole_file

PIECE = 1 << 20
SECONDS = 60
"""Without a byte for so long, the transfer is given up."""


def wanted_sum(url: str, sha256: str | None) -> tuple[str, str]:
    """The URL without what stands behind #, and the sum in small letters.

    Raises
    ------
    ConfigError
        If no sum is named, two different ones are, it is none, or the URL is not of a known kind.
    """
    plain, _, behind = url.partition("#")
    named = {text.lower() for text in (sha256, urllib.parse.parse_qs(behind).get("sha256", [None])[0]) if text}
    if urllib.parse.urlsplit(plain).scheme not in ("https", "http", "file"):
        raise ConfigError(f"{url}: wanted a URL that begins with https:, http: or file:")
    if not named:
        raise ConfigError(f"{plain}: no checksum; add the publisher's, #sha256=... behind the URL, or --sha256")
    if len(named) > 1:
        raise ConfigError(f"{plain}: two different checksums are given")
    (wanted,) = named
    if not re.fullmatch("[0-9a-f]{64}", wanted):
        raise ConfigError(f"{wanted[:80]!r} is no SHA-256; wanted 64 hex digits")
    return plain, wanted


def fetch(
    url: str,
    sha256: str,
    out: Path,
    *,
    check: Callable[[Path], Any] = lambda path: None,
    progress: Callable[..., Iterable] | None = None,
) -> bool:
    """Fetch `url` to `out`; False where it is there already. `check` may refuse the file before it gets its name.

    Raises
    ------
    ConfigError
        If `out` is another file.
    DownloadError
        If the file cannot be reached, breaks off, or has another sum.
    """
    if out.is_file():
        if file_sum(out) != sha256:
            raise ConfigError(f"{out}: another file is there; choose another name or delete it")
        check(out)
        return False
    show = progress or (lambda items, **_: items)
    request = urllib.request.Request(url, headers={"User-Agent": "mammomap"})
    with whole_file(out) as half:
        found = hashlib.sha256()
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer, half.open("wb") as file:
                length = int(answer.headers.get("Content-Length") or 0)
                pieces = show(_pieces(answer), total=-(-length // PIECE) or None, desc="download", unit="MB")
                for piece in pieces:
                    found.update(piece)
                    file.write(piece)
        except urllib.error.HTTPError as error:
            error.close()
            raise DownloadError(f"{url}: cannot be fetched ({error})") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise DownloadError(f"{url}: cannot be fetched ({' '.join(str(reason).split())[:150]})") from None
        if length and half.stat().st_size != length:
            raise DownloadError(f"{url}: broke off after {half.stat().st_size:,} of {length:,} bytes; try again")
        if found.hexdigest() != sha256:
            raise DownloadError(f"{url}: its SHA-256 is {found.hexdigest()}, wanted {sha256}; nothing is kept")
        check(half)
    return True


def _pieces(answer: Any) -> Iterator[bytes]:
    while piece := answer.read(PIECE):
        yield piece
