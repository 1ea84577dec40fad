"""The example package as a stranger uses it: installed beside ours, configured, observed and notified."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest
from channel_stories import DIGEST, OPENED

from busta_health_dagster import plugins

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "busta-example-plugins"


class Topic(BaseHTTPRequestHandler):
    got: ClassVar[list[tuple[str, str]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        self.got.append((self.path, body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Topic.got.clear()
    with HTTPServer(("127.0.0.1", 0), Topic) as http:
        thread = threading.Thread(target=http.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}"
        http.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built example in a folder of its own, entry points included."""
    target = tmp_path_factory.mktemp("plugins")
    words = ["install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation", "--target", str(target)]
    copy = tmp_path_factory.mktemp("source") / "example"
    subprocess.run(["cp", "-r", str(EXAMPLE), str(copy)], check=True)
    done = subprocess.run([sys.executable, "-m", "pip", *words, str(copy)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


def busta(home: Path, installed: Path, *words: str) -> subprocess.CompletedProcess[str]:
    base = {k: v for k, v in os.environ.items() if not k.startswith("BUSTA_")}
    path = os.pathsep.join([str(installed), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-m", "busta_health_dagster.cli", *words],
        cwd=home,
        env=base | {"BUSTA_HOME": str(home / ".busta"), "BUSTA_CONFIG_DIR": str(home / "config"), "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_example_probe_observes_and_the_example_channel_delivers(
    tmp_path: Path, installed: Path, server: str
) -> None:
    (tmp_path / "config").mkdir()
    rows = tmp_path / "rows.txt"
    (tmp_path / "config" / "sources.yaml").write_text(
        "version: 1\nsources:\n"
        f"  - {{name: nightly_rows, type: features, probe: counter_file, path: {rows}, at_least: 1000}}\n"
    )
    (tmp_path / "config" / "alerts.yaml").write_text(
        "version: 1\nchannels:\n"
        f"  - {{name: phone, kind: ntfy_example, url: {server}/odds}}\n"
        "rules:\n  - {name: source-down, metric: status, op: '==', value: down}\n"
        "escalations:\n  - {name: default, steps: [{after: 0m, severity: warning, notify: [phone]}], repeat: 4h}\n"
        "routes:\n  - {select: {}, escalation: default}\n"
    )
    rows.write_text("5120\n")
    doctor = busta(tmp_path, installed, "config", "doctor")
    assert "plug-in" not in doctor.stdout + doctor.stderr, doctor.stdout + doctor.stderr
    found = json.loads(busta(tmp_path, installed, "sources", "check", "nightly_rows", "-o", "json").stdout)
    assert (found[0]["status"], found[0]["items"]) == ("up", 5120)
    rows.write_text("12\n")
    found = json.loads(busta(tmp_path, installed, "sources", "check", "nightly_rows", "-o", "json").stdout)
    assert (found[0]["status"], found[0]["reason"]) == ("down", "assertion")
    sent = busta(tmp_path, installed, "alerts", "test", "phone")
    assert sent.returncode == 0, sent.stdout + sent.stderr
    assert any(path == "/odds" and "test" in body.lower() for path, body in Topic.got)


def test_the_example_needs_nothing_of_ours_but_the_public_face() -> None:
    for path in EXAMPLE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("busta_health_dagster"):
                assert node.module == "busta_health_dagster.plugins", path
                assert {a.name for a in node.names} <= set(plugins.__all__)


def test_a_digest_as_plain_text_has_a_label_only_where_a_sentence_has_one() -> None:
    text = plugins.plain_text(DIGEST)
    assert "\nCollected since" in text
    assert "\nOpen: " in text


def test_a_notification_as_plain_text_is_a_line_for_a_phone_and_sentences_below() -> None:
    text = plugins.plain_text(OPENED)
    assert text.splitlines()[0] == plugins.plain_text(OPENED, one_line=True)
    assert "odds_api" in text.splitlines()[0]
    assert len(text.splitlines()) > 2
    assert "\x1b" not in text
    assert plugins.API_VERSION == 1
