"""What stands in files needs no store: a checkout where nothing was ever started, as in CI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from busta_health_dagster.cli.main import app
from busta_health_dagster.store import Store
from busta_health_dagster.store.versions import VERSION_TABLE

SOURCES = """\
version: 1
sources:
  - {name: odds_api, type: odds, probe: file, path: odds.csv}
  - {name: scores_api, type: scores, probe: file, path: scores.csv}
"""
MAINTENANCE = """\
version: 1
windows:
  - {name: backup, select: {names: [odds_api]}, start: "2026-11-23T03:00", duration: 30m, rrule: FREQ=DAILY, zone: UTC}
"""


@pytest.fixture(autouse=True)
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "sources.yaml").write_text(SOURCES)
    (tmp_path / "config" / "maintenance.yaml").write_text(MAINTENANCE)
    monkeypatch.chdir(tmp_path)
    for name in ("BUSTA_HOME", "BUSTA_URL", "BUSTA_CONFIG_DIR", "BUSTA_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def asked(*words: str) -> list[dict[str, object]]:
    done = CliRunner().invoke(app, [*words, "-o", "json"])
    assert done.exit_code == 0, done.stderr
    found: list[dict[str, object]] = json.loads(done.stdout)
    return found


def test_sources_and_maintenance_are_read_from_their_files(checkout: Path) -> None:
    assert [row["source"] for row in asked("sources", "list")] == ["odds_api", "scores_api"]
    (window,) = asked("maintenance", "list")
    assert (window["window"], window["sources"]) == ("backup", ["odds_api"])
    assert asked("maintenance", "preview", "--from", "2026-11-24", "--until", "2d") == [
        {"window": "backup", "start": "2026-11-24T03:00:00Z", "end": "2026-11-24T03:30:00Z"},
        {"window": "backup", "start": "2026-11-25T03:00:00Z", "end": "2026-11-25T03:30:00Z"},
    ]
    assert not (checkout / ".busta").exists(), "a reading command makes nothing"


@pytest.mark.parametrize("words", [["sources", "health"], ["alerts", "list"], ["sla"], ["audit", "list"]], ids=" ".join)
def test_what_the_store_alone_knows_says_how_to_start(words: list[str]) -> None:
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 3
    assert "the monitor was never started. Start it with: busta up" in " ".join(done.stderr.split())


def test_a_store_of_an_older_schema_is_not_taken_for_none(checkout: Path) -> None:
    assert CliRunner().invoke(app, ["db", "upgrade"]).exit_code == 0
    store = Store(f"sqlite:///{checkout / '.busta' / 'busta.sqlite3'}")
    with store.write() as uow:
        uow.connection.execute(text(f"update {VERSION_TABLE} set version_num = '0002'"))
    store.close()
    done = CliRunner().invoke(app, ["maintenance", "preview"])
    assert done.exit_code == 3
    assert "Bring it up to date with: busta db upgrade" in " ".join(done.stderr.split())


def test_no_token_is_a_sentence_and_no_empty_table() -> None:
    assert CliRunner().invoke(app, ["db", "upgrade"]).exit_code == 0
    done = CliRunner().invoke(app, ["tokens", "list"])
    assert done.stdout.startswith("There is no token: who connects from this machine is admin.")
