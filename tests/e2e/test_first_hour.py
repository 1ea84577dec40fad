"""A newcomer's first hour as docs/tutorial.md walks it: from an empty directory to a mail that says it is over. Only what a person
has: the command, files, a mailbox.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from mail_server import QuietController

from tests.e2e.up_stories import BUSTA, HANG_GUARD_S, eventually, processes_of, up

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e


class Board(BaseHTTPRequestHandler):
    """Three games; anywhere else there is nothing."""

    def do_GET(self) -> None:
        there = self.path == "/games"
        body = json.dumps([{"id": n, "home": f"team {n}"} for n in range(3)]).encode() if there else b"gone"
        self.send_response(200 if there else 404)
        self.send_header("content-type", "application/json" if there else "text/plain")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


class Mailbox:
    def __init__(self) -> None:
        self.letters: list[tuple[str, str]] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802  aiosmtpd asks for it by this name
        letter = message_from_bytes(envelope.content, policy=policy.default)
        body = letter.get_body(("plain",))
        self.letters.append((str(letter["subject"]), "" if body is None else body.get_content()))
        return "250 taken"


@pytest.fixture
def board() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Board)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def mail() -> Iterator[tuple[Mailbox, int]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mailbox = Mailbox()
    server = QuietController(mailbox, hostname="127.0.0.1", port=port)
    server.start()
    yield mailbox, port
    server.stop()


def test_from_an_empty_directory_to_a_resolved_alert_in_a_mailbox(
    tmp_path: Path, board: str, mail: tuple[Mailbox, int]
) -> None:
    mailbox, port = mail
    monitor = tmp_path / "monitor"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUSTA_", "DAGSTER_"))}
    environ = clean | {
        "BUSTA_HOME": str(monitor / ".busta"),
        "NO_COLOR": "1",
        "BUSTA_CONFIG_DIR": str(monitor / "config"),
    }

    def busta(*words: str, code: int = 0) -> str:
        done = subprocess.run(
            [*BUSTA, *words],
            env=environ,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=HANG_GUARD_S,
            check=False,
        )
        assert done.returncode == code, (words, done.stdout, done.stderr)
        assert "Traceback" not in done.stdout + done.stderr
        return done.stdout + done.stderr

    def edit(name: str, change: Any) -> None:
        file = monitor / "config" / name
        written = yaml.safe_load(file.read_text())
        change(written)
        file.write_text(yaml.safe_dump(written, sort_keys=False))

    busta("init", str(monitor))
    draft = yaml.safe_load(busta("sources", "suggest", f"{board}/games", "--name", "scores"))
    draft["sources"][0] |= {"tier": 1, "confirm": 0}
    (monitor / "config" / "sources.yaml").write_text(yaml.safe_dump(draft, sort_keys=False))

    def reader(c: dict[str, Any]) -> None:
        box = {
            "name": "mail-me",
            "kind": "email",
            "host": "127.0.0.1",
            "port": port,
            "tls": "none",
        }
        c["channels"].append(box | {"from": "health@example.com", "to": ["you@example.com"]})
        c["rules"] = [rule for rule in c["rules"] if rule["name"] == "source-down"]
        c["rules"][0]["confirm"] = False
        c["inhibit"] = []
        for step in c["escalations"][0]["steps"]:
            step["notify"].append("mail-me")

    edit("alerts.yaml", reader)
    busta("config", "doctor")
    assert "3 items" in busta("sources", "check", "scores")
    busta("alerts", "test", "mail-me")
    eventually(lambda: len(mailbox.letters) == 1, "the test message is in the mailbox")

    with up(environ):
        eventually((monitor / ".busta" / "up.json").exists, "it runs")
        eventually(lambda: "UP" in busta("sources", "health", code=0), "the first check is stored")
        edit("sources.yaml", lambda c: c["sources"][0].update(url=f"{board}/nowhere"))
        assert "DOWN" in busta("sources", "check", "scores")
        eventually(lambda: len(mailbox.letters) == 2, "the alert is in the mailbox")
        thread, wrong = mailbox.letters[1]
        assert "scores" in thread
        assert "answered 404" in wrong
        busta("alerts", "ack", "scores", "--note", "my own doing")
        edit("sources.yaml", lambda c: c["sources"][0].update(url=f"{board}/games"))
        for _ in range(2):  # two good answers in a row are a recovery
            assert "UP" in busta("sources", "check", "scores")
        eventually(lambda: "up again" in mailbox.letters[-1][1], "that it is over, too")
        assert mailbox.letters[-1][0] == thread, "in the same thread of mails"
        assert "scores" in busta("incidents", "list")
    assert processes_of(str(monitor / ".busta")) == {}
