"""Names with line breaks and control characters, at every place where people give one, on SQLite and Postgres."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from small_home import environ_of, served, small_home
from typer.testing import CliRunner

from busta_health_dagster.cli.main import app as busta

UNSEEN = ["n\nadmin2  admin", "a\x01", "\x1b[2J", "nimda\u202e"]
WINDOW = {"name": "move", "select": {}, "duration": "1h"}


@pytest.fixture
def app(tmp_path: Path, store_url: str):
    with small_home(tmp_path, BUSTA_DATABASE_URL=store_url) as opened:
        yield opened


@pytest.fixture
def here(app, tmp_path: Path, store_url: str):
    environ = {**environ_of(tmp_path, BUSTA_DATABASE_URL=store_url), "BUSTA_URL": None, "COLUMNS": "200"}

    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(busta, [*words], env=environ)
        assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
        return done.exit_code, " ".join(done.output.split())

    return run


def log(app) -> int:
    with app.store.read() as uow:
        return len(uow.audit.list(1000))


def test_the_terminal_takes_no_name_that_cannot_be_seen(app, here) -> None:
    before = log(app)
    for name in UNSEEN:
        for words in (
            ["tokens", "create", "--role", "viewer", "--name", name],
            ["maintenance", "add", name, "--for", "1h", "--all"],
            ["alerts", "ack", "1", "--by", name],
        ):
            code, said = here(*words)
            assert (code, "that cannot be seen. Write one line." in said) == (2, True), words
    for words in (
        ["maintenance", "add", "x", "--for", "1h", "--all", "--reason", "a\x01"],
        ["alerts", "ack", "1", "-m", "a\x01"],
        ["gate", "open", "good_file", "--for", "1h", "--reason", "a\x01"],
        ["incidents", "note", "INC-1", "a\x01"],
    ):
        code, said = here(*words)
        assert (code, "has a control character. Write plain text." in said) == (2, True), words
    assert log(app) == before


def test_rest_takes_none_and_stores_nothing(app) -> None:
    before = log(app)
    with served(app) as url:
        for name in (*UNSEEN, "a\x00"):
            for path, body in (("maintenance", WINDOW | {"name": name}), ("tokens", {"name": name, "role": "viewer"})):
                answer = requests.post(f"{url}/api/v1/{path}", json=body, timeout=60)
                assert answer.status_code == 400, path
                assert "that cannot be seen. Write one line." in answer.json()["detail"]
        for path, body in (
            ("maintenance", WINDOW | {"reason": "a\x00"}),
            ("alerts/1/ack", {"note": "a\x00"}),
            ("alerts/1/snooze", {"note": "a\x00", "for": "1h"}),
            ("gate/good_file/close", {"for": "1h", "reason": "a\x00"}),
            ("incidents/INC-1/notes", {"text": "a\x00"}),
        ):
            answer = requests.post(f"{url}/api/v1/{path}", json=body, timeout=60)
            assert answer.status_code == 400, path
            assert "has a control character. Write plain text." in answer.json()["detail"]
        assert log(app) == before
        beat = requests.post(f"{url}/api/v1/heartbeat/nightly", json={"message": "done\x00"}, timeout=60)
        assert beat.status_code == 202
        for method, path in (("DELETE", "tokens/%00"), ("POST", "maintenance/%00/end"), ("POST", "channels/%00/test")):
            assert requests.request(method, f"{url}/api/v1/{path}", timeout=60).status_code == 404, path
        for path in ("alerts?source=%00", "sla?source=%00", "incidents?source=%00", "gate/status?source=%00"):
            assert requests.get(f"{url}/api/v1/{path}", timeout=60).status_code == 422, path
        assert requests.get(f"{url}/source-health/s/%00", timeout=60).status_code == 404
        assert requests.get(f"{url}/api/v1/gate?consumer=%00", timeout=60).status_code == 404
        retried = requests.post(f"{url}/api/v1/outbox/retry", json={"channel": "a\x00"}, timeout=60)
        assert retried.status_code == 404
