"""`busta alerts rollout`: what introduced sources would have sent, and taking them live."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from busta_health_dagster import bootstrap
from busta_health_dagster.cli.main import app
from busta_health_dagster.pipeline.tick.tick import run_tick

SOURCES = """\
version: 1
sources:
  - {name: mine, type: t, probe: file, path: gone.csv, confirm: 0}
  - include: imported.yaml
"""
IMPORTED = """\
version: 1

sources:
  - name: a        # kept
    type: t
    probe: file
    path: gone.csv
    confirm: 0
    rollout: {until: '2099-01-01'}

  - {name: "b_{value}", type: t, probe: file, path: gone.csv, confirm: 0, for_each: [x, y], rollout: {until: 2099-01-01}}
"""
ALERTS = """\
version: 1
channels: [{name: log, kind: file, path: log.jsonl}]
rules: [{name: source-down, metric: status, op: "==", value: down, severity: warning}]
escalations: [{name: default, steps: [{after: 0m, severity: warning, notify: [log]}, {after: 30m, notify: [log]}]}]
routes: [{select: {}, escalation: default}]
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    config = tmp_path / "config"
    config.mkdir()
    for name, text in (("sources", SOURCES), ("imported", IMPORTED), ("alerts", ALERTS)):
        (config / f"{name}.yaml").write_text(text)
    with bootstrap.open_app(environ={"BUSTA_HOME": "home"}, create_store=True) as monitor:
        run_tick(monitor)
    return tmp_path


def run(*words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["alerts", "rollout", *words], env={"COLUMNS": "200", "BUSTA_HOME": "home"})
    assert result.exit_code == code, result.output
    return result.output


def imported(place: Path) -> str:
    return (place / "config" / "imported.yaml").read_text()


def test_it_shows_what_would_have_been_sent_and_edits_nothing(place: Path) -> None:
    said = run()
    assert [line.split()[:4] for line in said.splitlines() if "source-down" in line] == [
        [name, "2099-01-01", "00:00", "source-down"] for name in ("a", "b_x", "b_y")
    ]
    assert "1 log" in said
    assert "busta alerts rollout --apply" in said
    assert imported(place) == IMPORTED
    (row,) = json.loads(run("a", "-o", "json"))["sources"]
    assert (row["source"], row["until"], row["shadow"]) == ("a", "2099-01-01T00:00:00Z", True)
    assert row["config"] == "config/imported.yaml:4"
    assert [(r["rule"], r["alerts"], r["open"], r["messages"]) for r in row["rules"]] == [
        ("source-down", 1, 1, {"log": 1})
    ]


def test_apply_takes_them_live_and_leaves_the_rest_of_the_files(place: Path) -> None:
    said = run("--apply")
    assert "3 sources live: `rollout` removed from config/imported.yaml." in said
    assert "rollout" not in imported(place)
    assert "  - name: a        # kept\n" in imported(place)
    assert (place / "config" / "sources.yaml").read_text() == SOURCES
    found = bootstrap.diagnose_config(place / "config", {}).config
    assert found is not None
    assert {s.shadow_until for s in found.sources.values()} == {None}
    assert "No source is introduced" in run()


def test_one_may_be_taken_live_alone_and_a_shared_entry_only_as_a_whole(place: Path) -> None:
    run("a", "--apply")
    assert imported(place).count("rollout") == 1
    said = run("b_x", "--apply", code=2)
    assert "The `rollout` at config/imported.yaml:10 also holds for b_y: name them, too." in said
    run("b_x", "b_y", "--apply")
    assert "rollout" not in imported(place)


def test_a_rollout_of_a_type_goes_when_all_its_sources_go(place: Path) -> None:
    sources = "version: 1\ntypes: {t: {rollout: {until: 2099-01-01}}}\nsources:\n"
    sources += (
        "  - {name: mine, type: t, probe: file, path: a.csv}\n  - {name: other, type: t, probe: file, path: a.csv}\n"
    )
    (place / "config" / "sources.yaml").write_text(sources)
    assert "stands in `types` or `defaults`" in run("mine", "--apply", code=2)
    run("--apply")
    assert "types: {t: {}}" in (place / "config" / "sources.yaml").read_text()


def test_what_stays_in_shadow_is_not_called_live_and_nothing_is_edited_by_half(place: Path) -> None:
    sources = SOURCES.replace("sources:", "types: {u: {rollout: {until: 2099-01-01}}}\nsources:").replace(
        "type: t", "type: u"
    )
    (place / "config" / "sources.yaml").write_text(sources)
    said = run("a", "mine", "--apply", code=2)
    assert "The `rollout` of mine stands in `types` or `defaults`" in said
    assert imported(place) == IMPORTED
    assert (place / "config" / "sources.yaml").read_text() == sources


def test_a_source_that_falls_back_to_the_rollout_of_its_type_is_not_called_live(place: Path) -> None:
    sources = SOURCES.replace("sources:", "types: {t: {rollout: {until: 2099-02-02}}}\nsources:")
    (place / "config" / "sources.yaml").write_text(sources)
    said = run("a", "--apply", "-o", "json", code=2)
    assert "The `rollout` of a itself was removed, but `types` or `defaults` hold one, too" in said


def test_a_source_that_is_live_already_is_said_by_its_name(place: Path) -> None:
    assert "None of these sources (mine) is introduced" in run("mine")


def test_files_that_are_not_in_force_are_not_edited(place: Path) -> None:
    (place / "config" / "sources.yaml").write_text("sources: [")
    assert "are not edited" in run("--apply", code=2)
    assert imported(place) == IMPORTED


def test_a_source_that_no_one_knows_is_named(place: Path) -> None:
    assert "No source is called 'nope'" in run("nope", code=2)
