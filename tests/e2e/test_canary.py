"""The canary of faults.md: secrets are given to sources and channels that give them away wherever they can, a tick, a
validation and a run from the UI's side go by, and then every byte that is left is searched for them.
"""

from __future__ import annotations

import base64
import gzip
import os
import sqlite3
import subprocess
import sys
import threading
import zlib
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from typer.testing import CliRunner

from busta_health_dagster.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

WORKING = [
    ["run", "tick"],
    ["quality", "run", "payload"],
    ["alerts", "test", "hook"],
    ["alerts", "test", "mail"],
    ["dagster", "asset", "materialize", "--select", "key:sources/payload", "-m", "busta_health_dagster.definitions"],
]
READING = [
    ["quality", "show", "payload", "--failures"],
    ["sources", "health", "-o", "json"],
    ["sources", "info", "payload"],
    ["sources", "history", "error_page", "--since", "1h"],
    ["alerts", "list", "--state", "all"],
    ["alerts", "explain", "error_page"],
    ["alerts", "outbox"],
    ["config", "show"],
    ["config", "doctor"],
    ["report", "weekly", "--format", "html"],
]
BUSTA = [sys.executable, "-m", "busta_health_dagster.cli"]
KEYS = {
    "CANARY_API_KEY": "canary-7f3a/odds+key",
    "CANARY_WAREHOUSE": "postgresql+psycopg2://reader:canary-9b1c-pass@127.0.0.1:1/warehouse",
    "CANARY_NO_URL": "canary-2d44-this-is-no-url",
    "CANARY_HOOK": "https://127.0.0.1:1/hooks/canary-5e5e-path",
    "CANARY_BEARER": "Bearer canary-c0de-bearer",
    "CANARY_SLACK": "xoxb-canary-1a2b-slack",
    "CANARY_SMTP": "canary-8d8d-smtp",
    "CANARY_PAGER": "canarypagerkey0123456789abcdef01",
}
PARTS = [
    b"canary-7f3a",
    b"canary-9b1c",
    b"canary-2d44",
    b"canary-5e5e",
    b"canary-c0de",
    b"canary-1a2b",
    b"canary-8d8d",
    b"canarypagerkey",
]
SOURCES = """\
version: 1
defaults: {{interval: 5m, timeout: 5s, confirm: 0}}
types: {{leak: {{probe: http}}}}
sources:
  - {{name: error_page, type: leak, url: "{base}/error", headers: {{x-api-key: {{env: CANARY_API_KEY}}}}, allow_private: true}}
  - name: payload
    type: leak
    url: "{base}/payload"
    headers: {{x-api-key: {{env: CANARY_API_KEY}}}}
    allow_private: true
    items: "$[*]"
    quality: {{suite: leak, rows: "$[*]", key_columns: [id], public_columns: [key]}}
  - {{name: redirect, type: leak, url: "{base}/redirect", headers: {{x-api-key: {{env: CANARY_API_KEY}}}}, allow_private: true}}
  - {{name: warehouse, type: warehouse, probe: sql, url: {{env: CANARY_WAREHOUSE}}, query: "select 1"}}
  - {{name: no_url, type: warehouse, probe: sql, url: {{env: CANARY_NO_URL}}, query: "select 1"}}
  - {{name: from_class, type: platform, probe: framework, source: "canary_source:Tells", arguments: {{key: {{env: CANARY_API_KEY}}}}}}
"""
ALERTS = """\
version: 1
rules: [{{name: source-down, metric: status, op: "==", value: down, severity: critical}}]
channels:
  - {{name: hook, kind: webhook, url: "{base}/hook", headers: {{authorization: {{env: CANARY_BEARER}}}}, allow_private: true, fallback: dead-hook}}
  - {{name: dead-hook, kind: webhook, url: {{env: CANARY_HOOK}}, allow_private: true}}
  - {{name: chat, kind: slack, token: {{env: CANARY_SLACK}}, channel: "#x", base_url: "{base}/slack/"}}
  - {{name: pager, kind: pagerduty, routing_key: {{env: CANARY_PAGER}}, url: "{base}/pager"}}
  - {{name: mail, kind: email, host: 127.0.0.1, port: 1, tls: starttls, username: u, password: {{env: CANARY_SMTP}}, from: a@example.com, to: [b@example.com]}}
escalations: [{{name: default, steps: [{{after: 0m, severity: critical, notify: [hook, chat, pager, mail]}}]}}]
routes: [{{select: {{}}, escalation: default}}]
"""
SUITE = """\
name: leak
expectations:
  - type: expect_column_values_to_not_be_null
    kwargs: {column: key}
    meta: {id: key.not_null, severity: ERROR}
  - type: expect_column_values_to_match_regex
    kwargs: {column: key, regex: "^never$"}
    meta: {id: key.format, severity: ERROR}
meta: {keys: [id], public: [key]}
"""
CLASS = """\
class Tells:
    def __init__(self, key): self.key = key
    def collect(self): raise RuntimeError(f"401 for https://example.com/odds?apiKey={self.key}")
"""


class Tattler(BaseHTTPRequestHandler):
    """Says back whatever it was sent: in pages, payloads, reason lines, headers and addresses."""

    def do_GET(self) -> None:
        notified = self.headers.get("x-api-key") or self.headers.get("authorization") or ""
        encoded = base64.b64encode(f"user:{notified}".encode()).decode()
        if self.path == "/payload":
            self._say(
                200, f'[{{"id": 1, "key": "{notified}"}}, {{"id": 2, "key": "{encoded}"}}]'.encode(), "application/json"
            )
        elif self.path.startswith("/redirect"):
            self._say(302, b"", "text/plain", Location=f"/redirect/{quote(notified, safe='')}?apiKey={quote(notified)}")
        else:
            self._say(403, f"no right for {notified} ({encoded})".encode(), "text/plain", Server=notified)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        notified = f"{self.headers.get('authorization')} {body.decode()}"
        self._say(400, f"refused: {notified}".encode(), "text/plain")

    def _say(self, status: int, body: bytes, kind: str, **headers: str) -> None:
        self.send_response(status, "No")
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """The test's own output stays clean."""


@pytest.fixture
def env(tmp_path: Path) -> Iterator[dict[str, str]]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Tattler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    config, home = tmp_path / "config", tmp_path / "home"
    (tmp_path / "expectations").mkdir()
    config.mkdir()
    base = f"http://127.0.0.1:{server.server_port}"
    (config / "sources.yaml").write_text(SOURCES.format(base=base))
    (config / "alerts.yaml").write_text(ALERTS.format(base=base))
    (tmp_path / "expectations" / "leak.yaml").write_text(SUITE)
    (tmp_path / "canary_source.py").write_text(CLASS)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUSTA_", "DAGSTER_"))}
    yield (
        clean
        | KEYS
        | {
            "BUSTA_HOME": str(home),
            "BUSTA_CONFIG_DIR": str(config),
            "PYTHONPATH": str(tmp_path),
            "NO_COLOR": "1",
        }
    )
    server.shutdown()
    server.server_close()


def everything_in(home: Path) -> Iterator[tuple[str, bytes]]:
    """Each file's bytes, and what stands packed in a database's columns."""
    for path in sorted(p for p in home.rglob("*") if p.is_file()):
        data = path.read_bytes()
        yield str(path.relative_to(home)), gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
        if data[:15] != b"SQLite format 3":
            continue
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
            for (table,) in database.execute("select name from sqlite_master where type = 'table'").fetchall():
                for row in database.execute(f'select * from "{table}"'):
                    for cell in row:
                        if isinstance(cell, bytes) and cell[:1] == b"\x78":
                            yield f"{path.relative_to(home)}:{table}", zlib.decompress(cell)


def leaks(name: str, data: bytes) -> list[str]:
    forms = {part: (part, base64.b64encode(part)[:-4], quote(part).encode()) for part in PARTS}
    return [
        f"{part.decode()} in {name}"
        for part, observations in forms.items()
        if any(look in data for look in observations)
    ]


def test_no_secret_is_in_any_database_log_page_or_output(
    env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    found: list[str] = []
    said = ""
    for command in WORKING:
        done = subprocess.run([*BUSTA, *command], env=env, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode in (0, 1), (command, done.stdout + done.stderr)
        said += done.stdout + done.stderr
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    for command in READING:
        shown = CliRunner().invoke(app, command)
        assert shown.exit_code in (0, 1), (command, shown.output)
        said += shown.output
    found += leaks("what the commands printed", said.encode())
    searched = 0
    for name, data in everything_in(home):
        searched += 1
        found += leaks(name, data)
    assert not found, "\n".join(sorted(set(found)))
    assert searched > 10
    assert "[secret]" in said, "something was given away, and hidden"
