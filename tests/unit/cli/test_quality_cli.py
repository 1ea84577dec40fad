"""`busta quality` and `busta sources validate`: what they print, what they leave with, what they refuse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from quality_home import ROOT, open_home, plays
from typer.testing import CliRunner

from busta_health_dagster import bootstrap
from busta_health_dagster.cli.main import app

if TYPE_CHECKING:
    from collections.abc import Iterator

    from click.testing import Result
    from quality_home import QualityHome

pytestmark = pytest.mark.filterwarnings("ignore:module 'sre_.*' is deprecated:DeprecationWarning")
SCORE_KEYS = {"score", "raw", "half_width", "coverage", "dimensions", "checks"}
CHECK_KEYS = {"id", "dimension", "column", "severity", "eligible", "unexpected", "passed", "error"}


def busta(home: Path, *args: str) -> Result:
    options = ["--home", str(home / "home"), "--config-dir", str(home / "config")]
    return CliRunner().invoke(app, [*options, *args])


@pytest.fixture
def league(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[QualityHome]:
    """A good source, one with 30 nameless plays of 100, and one that is not scored; all checked once."""
    home = open_home(tmp_path, good="{suite: plays}", poor="{suite: plays}", plain="null")
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: home.clock)
    home.write("poor", plays(nameless=30))
    home.look()
    yield home
    home.app.close()


def test_run_show_and_validate_tell_the_same_score(league: QualityHome) -> None:
    root = league.root
    never = busta(root, "quality", "show", "good")
    assert (
        never.exit_code,
        "was never scored. Score it with: busta quality run good" in " ".join(never.stderr.split()),
    ) == (2, True)
    ran = busta(root, "quality", "run", "-o", "json")
    assert ran.exit_code == 0
    by_source = {entry["source"]: entry for entry in json.loads(ran.stdout)}
    assert {name: entry["score"] for name, entry in by_source.items()} == {"good": 100.0, "poor": 85.0}
    assert by_source["poor"].keys() >= SCORE_KEYS
    assert all(check.keys() >= CHECK_KEYS for check in by_source["poor"]["checks"])
    shown = json.loads(busta(root, "quality", "show", "poor", "--failures", "-o", "json").stdout)
    assert (shown["score"], shown["suite"], shown["at"], len(shown["failures"])) == (
        85.0,
        "plays",
        "2026-11-23T09:00:05Z",
        20,
    )
    assert shown["failures"][0] == {
        "check": "player.not_null",
        "row": 0,
        "of": 30,
        "keys": {"game_id": "0"},
        "values": {"player": "null"},
    }
    assert [e["source"] for e in json.loads(busta(root, "quality", "show", "-o", "json").stdout)] == ["good", "poor"]
    one = busta(root, "sources", "validate", "poor", "-o", "json")
    assert json.loads(one.stdout)["score"] == 85.0
    table = busta(root, "sources", "validate", "poor").stdout
    assert "player.not_null" in table
    assert "30 of 100" in table
    assert "no player" in table
    every = busta(root, "quality", "show").stdout
    assert every.index("poor") < every.index("good")


def test_exit_codes_are_asked_for(league: QualityHome) -> None:
    root = league.root
    assert busta(root, "quality", "run", "good", "--exit-code").exit_code == 0
    assert busta(root, "quality", "run", "--exit-code").exit_code == 1
    assert busta(root, "sources", "validate", "poor", "--exit-code").exit_code == 1
    league.remove("good")
    league.look()
    gone = busta(root, "quality", "run", "good", "--exit-code")
    assert gone.exit_code == 3
    assert "NO DATA" in gone.stdout
    assert busta(root, "quality", "show", "good", "--exit-code").exit_code == 3


def test_what_cannot_be_done_says_so(league: QualityHome) -> None:
    root = league.root
    wrong = busta(root, "quality", "run", "goood")
    assert (wrong.exit_code, "Did you mean good?" in wrong.stderr) == (2, True)
    plain = busta(root, "sources", "validate", "plain")
    assert plain.exit_code == 2
    assert "has no quality" in " ".join(plain.stderr.split())
    assert busta(root, "quality", "show", "--failures").exit_code == 2


def test_score_needs_neither_configuration_nor_store(tmp_path: Path) -> None:
    suite = tmp_path / "s.json"
    suite.write_text(
        json.dumps(
            {
                "name": "s",
                "expectations": [
                    {
                        "type": "expect_column_values_to_not_be_null",
                        "kwargs": {"column": "a"},
                        "meta": {"id": "a", "severity": "ERROR"},
                    }
                ],
            }
        )
    )
    data = tmp_path / "d.csv"
    data.write_text("a,b\n1,2\n,4\n")
    done = busta(tmp_path, "quality", "score", "--suite", str(suite), str(data))
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found.keys() >= SCORE_KEYS
    assert (found["score"], found["checks"][0]["unexpected"]) == (50.0, 1)
    assert busta(tmp_path, "quality", "score", "--suite", str(suite), str(data), "--exit-code").exit_code == 1
    data.write_text("a,b\n")
    empty = busta(tmp_path, "quality", "score", "--suite", str(suite), str(data), "--exit-code")
    assert (json.loads(empty.stdout)["score"], empty.exit_code) == (None, 3)
    broken = tmp_path / "b.json"
    broken.write_text('{"name": "b", "expectations": [{"type": "expect_colum_values_to_not_be_null", "kwargs": {}}]}')
    refused = busta(tmp_path, "quality", "score", "--suite", str(broken), str(data))
    assert refused.exit_code == 2
    assert "expect_column_values_to_not_be_null" in refused.stderr
    assert busta(tmp_path, "quality", "score", "--suite", str(suite), str(tmp_path / "no.csv")).exit_code == 2
    assert not (tmp_path / "home").exists()


def test_suggest_drafts_from_a_file_or_a_sample_and_never_overwrites(league: QualityHome) -> None:
    root = league.root
    out = root / "expectations" / "draft.json"
    done = busta(root, "quality", "suggest", "good", "--out", str(out))
    assert done.exit_code == 0
    assert "Review each line" in " ".join(done.stdout.split())
    draft = json.loads(out.read_text())
    assert draft["name"] == "good"
    assert all(e["meta"]["why"] for e in draft["expectations"])
    again = busta(root, "quality", "suggest", "good", "--out", str(out))
    assert again.exit_code == 2
    assert "never overwrites" in " ".join(again.stderr.split())
    file = busta(root, "quality", "suggest", str(root / "data" / "good.jsonl"))
    assert json.loads(file.stdout)["name"] == "good"
    assert (
        json.loads(busta(root, "quality", "score", "--suite", str(out), str(root / "data" / "good.jsonl")).stdout)[
            "score"
        ]
        == 100.0
    )
    assert "no data file" in busta(root, "quality", "suggest", "nowhere.csv").stderr
    assert ROOT.is_dir()


def test_checks_tells_how_often_each_passed_and_since_when_it_fails(league: QualityHome) -> None:
    root = league.root
    never = busta(root, "quality", "checks", "good")
    assert (never.exit_code, "busta quality run good" in " ".join(never.stderr.split())) == (2, True)
    busta(root, "quality", "run")
    league.look(hours=24)
    busta(root, "quality", "run")
    found = json.loads(busta(root, "quality", "checks", "poor", "-o", "json").stdout)
    assert (found["source"], found["window_days"]) == ("poor", 30)
    failing, passing = found["checks"]
    assert (failing["id"], failing["state"], failing["failing_since"]) == (
        "player.not_null",
        "failed",
        "2026-11-23T09:00:05Z",
    )
    assert (failing["passing"], failing["good"], failing["failing_rows"]) == (0.0, 70.0, 20)
    assert [(day["day"], day["evaluated"], day["passed"], day["worst"]) for day in failing["days"]] == [
        ("2026-11-23", 1, 0, 70.0),
        ("2026-11-24", 1, 0, 70.0),
    ]
    assert (passing["id"], passing["state"], passing["failing_since"], passing["passing"]) == (
        "game_id.not_null",
        "passed",
        None,
        100.0,
    )
    table = busta(root, "quality", "checks", "poor").stdout
    assert table.index("player.not_null") < table.index("game_id.not_null")
    assert "23 Nov 09:00" in table


def test_import_makes_a_suite_of_a_contract_names_what_it_leaves_out_and_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text(
        "{apiVersion: v3.1.0, kind: DataContract, schema: [{name: plays, properties: [{name: id, required: true}], "
        "quality: [{type: text, description: complete}]}]}"
    )
    out = tmp_path / "plays.json"
    done = busta(tmp_path, "quality", "import", str(tmp_path / "c.yaml"), "--out", str(out))
    assert (done.exit_code, [e["meta"]["id"] for e in json.loads(out.read_text())["expectations"]]) == (
        0,
        ["table.columns", "id.not_null"],
    )
    assert "left out: plays: a rule in words; write it as a metric or in SQL" in done.stderr
    again = busta(tmp_path, "quality", "import", str(tmp_path / "c.yaml"), "--out", str(out))
    assert (again.exit_code, "exists, and a suggestion never overwrites" in " ".join(again.stderr.split())) == (2, True)
    printed = busta(tmp_path, "quality", "import", str(tmp_path / "c.yaml"))
    assert json.loads(printed.stdout) == json.loads(out.read_text())
    (tmp_path / "c.yaml").write_text("{apiVersion: v9.0.0, kind: DataContract}")
    unknown = busta(tmp_path, "quality", "import", str(tmp_path / "c.yaml"))
    assert unknown.exit_code == 2
    assert "apiVersion v9.0.0, which this program does not know" in " ".join(unknown.stderr.split())
