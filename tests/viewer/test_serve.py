"""The page served: to this machine, under its own name, and nothing but the page."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from made.viewed import Seen

from mammomap.errors import ConfigError
from mammomap.viewer.serve import HERE, address, make_server


@pytest.fixture
def server(viewed_page: Path) -> Iterator:
    with make_server(viewed_page, 0) as made:
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def got(server, path: str, **headers: str) -> int:
    asked = http.client.HTTPConnection(HERE, server.server_address[1], timeout=5)
    asked.request("GET", path, headers=headers)
    status = asked.getresponse().status
    asked.close()
    return status


def test_it_listens_on_this_machine_only_and_gives_the_page_alone(server):
    assert server.server_address[0] == "127.0.0.1"
    assert got(server, "/index.html") == 200 and got(server, "/data/films.js") == 200
    assert got(server, "/index.html", Host="evil.example") == 403
    assert got(server, "/data/") == 404, "no listing"
    assert got(server, "/../maps.key.json") == 404 and got(server, "/%2e%2e/maps.key.json") == 404


def test_a_browser_shows_it(server, chromium, seen: Seen):
    said = []
    tab = chromium.new_page()
    tab.on("console", lambda message: said.append(message.text))
    image_id = next(iter(seen.impulses))
    tab.goto(f"{address(server)}#{image_id}")
    tab.wait_for_selector(f"body[data-ready='{image_id}']")
    tab.close()
    assert said == []


def test_a_port_that_is_taken_is_one_line(server, viewed_page: Path):
    port = server.server_address[1]
    with pytest.raises(ConfigError, match=f"port {port}: cannot be served") as told:
        make_server(viewed_page, port)
    assert "\n" not in str(told.value)
