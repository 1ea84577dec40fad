"""Three vantage points in networks of their own, each a real process: what they reach differs, and the verdict says from where."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from busta_health_dagster.domain.units import floor_to
from tests.e2e.namespaces import address, needs_namespaces, places

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.e2e, needs_namespaces]

BUSTA = [sys.executable, "-m", "busta_health_dagster.cli"]
DAY_S = 86_400
SOURCES = """\
version: 1
defaults: {allow_private: true, confirm: 0, timeout: 5s, interval: 1d}
sources:
  - {name: for_one, type: odds, probe: http, url: "http://%s:%d/"}
  - {name: for_two, type: odds, probe: http, url: "http://%s:%d/"}
"""


class _Api(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name of the base class
        del format, args


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("0.0.0.0", 0), _Api) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def environ(tmp_path: Path, port: int) -> dict[str, str]:
    config = tmp_path / "config"
    config.mkdir()
    (config / "sources.yaml").write_text(SOURCES % (address(1), port, address(2), port))
    (config / "settings.yaml").write_text("version: 1\nvantages: {nyc: {}, fra: {}, lon: {}}\nquorum: 2\n")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUSTA_", "DAGSTER_"))}
    return clean | {"BUSTA_HOME": str(tmp_path / "home"), "BUSTA_CONFIG_DIR": str(config), "NO_COLOR": "1"}


def busta(environ: dict[str, str], *words: str, at: list[str] | None = None) -> str:
    done = subprocess.run([*(at or []), *BUSTA, *words], env=environ, check=False, capture_output=True, text=True)
    assert done.returncode == 0, f"busta {' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout


def verdicts(environ: dict[str, str]) -> dict[str, Any]:
    return {name: json.loads(busta(environ, "sources", "info", name, "-o", "json")) for name in ("for_one", "for_two")}


def test_what_two_of_three_networks_cannot_reach_is_down_and_what_one_cannot_is_up(environ: dict[str, str]) -> None:
    cut_off = {"nyc": [address(1)], "fra": [address(1), address(2)], "lon": []}
    with places(cut_off) as there:
        begun = None
        while begun != floor_to(time.time(), DAY_S):  # once more where midnight came in between
            begun = floor_to(time.time(), DAY_S)
            busta(environ, "run", "tick")
            for name, command in there.items():
                busta(environ, "run", "vantage", name, at=command)
            busta(environ, "run", "tick")
    found = verdicts(environ)
    for_one, for_two = found["for_one"], found["for_two"]
    assert for_one["status"] == "down"
    assert for_one["reason"].startswith("down from 2 of 3 (nyc, fra): ")
    assert for_one["reason"].endswith("up from 1 of 3 (lon)")
    assert for_two["status"] == "up"
    assert {v["vantage"]: v["status"] for v in for_two["vantages"]} == {"nyc": "up", "fra": "down", "lon": "up"}
