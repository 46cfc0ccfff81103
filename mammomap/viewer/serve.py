"""A page served to this machine's own browser, where opening it by double-click will not do.

In: PAGE. Out: its files over HTTP at 127.0.0.1, to nobody else; a request under another name than this machine's is
refused, so that no page on the web can read it by pointing its name here.
"""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from mammomap.errors import ConfigError

HERE = "127.0.0.1"
PORT = 8765


class _Handler(SimpleHTTPRequestHandler):
    """Files of the page, for this machine; silent."""

    def send_head(self):
        if self.headers.get("Host", "").rsplit(":", 1)[0] not in (HERE, "localhost"):
            self.send_error(403, "for this machine only")
            return None
        return super().send_head()

    def list_directory(self, path):
        self.send_error(404)
        return None

    def log_message(self, format: str, *args) -> None:
        pass


def make_server(page: Path, port: int = PORT) -> ThreadingHTTPServer:
    """A server of the page, not yet running; port 0 takes any that is free.

    Raises
    ------
    ConfigError
        If the port is taken.
    """
    try:
        return ThreadingHTTPServer((HERE, port), partial(_Handler, directory=str(page)))
    except OSError as error:
        raise ConfigError(
            f"port {port}: cannot be served ({error.strerror}); name another, e.g. --serve 8800"
        ) from None


def address(server: ThreadingHTTPServer) -> str:
    """Where a browser finds the page."""
    return f"http://{HERE}:{server.server_address[1]}/index.html"
