"""The results of dbt's tests in the score of a source: beside a suite, alone, too old, and not there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from quality_home import open_home

from busta_health_dagster.domain.units import iso

if TYPE_CHECKING:
    from pathlib import Path

    from quality_home import QualityHome

pytestmark = pytest.mark.filterwarnings("ignore:module 'sre_.*' is deprecated:DeprecationWarning")
NODE = {"resource_type": "model", "name": "plays"}
TEST = {
    "resource_type": "test",
    "name": "unique_plays",
    "attached_node": "model.p.plays",
    "test_metadata": {"name": "unique"},
    "column_name": "id",
}


def write(home: QualityHome, status: str, *, version: str = "v6") -> None:
    target = home.root / "target"
    target.mkdir(exist_ok=True)
    metadata = {
        "dbt_schema_version": f"https://schemas.getdbt.com/dbt/run-results/{version}.json",
        "generated_at": iso(home.clock.now()),
    }
    found = {
        "metadata": metadata,
        "results": [{"unique_id": "test.p.unique_plays", "status": status, "message": "Got 3"}],
    }
    (target / "run_results.json").write_text(json.dumps(found))
    (target / "manifest.json").write_text(json.dumps({"nodes": {"model.p.plays": NODE, "test.p.unique_plays": TEST}}))


@pytest.fixture
def home_of(tmp_path: Path):
    homes = []

    def make(quality: str) -> QualityHome:
        homes.append(open_home(tmp_path, plays=quality))
        return homes[-1]

    yield make
    for home in homes:
        home.app.close()


def scored(home: QualityHome) -> Any:
    home.look()
    (outcome,) = home.score(force=True).outcomes
    return outcome.scored


def test_a_failing_test_of_dbt_counts_beside_the_suite(home_of) -> None:
    home = home_of("{suite: plays, dbt: {target: ../target, node: plays}}")
    write(home, "pass")
    assert scored(home).score.score == 100.0
    write(home, "fail")
    found = scored(home)
    assert found.suite == "plays and dbt plays"
    assert [(c.limit, c.check) for c in found.score.caps] == [(89, "dbt.unique_plays")]
    assert found.score.score is not None
    assert found.score.score < 90


def test_without_a_suite_the_score_rests_on_dbt_alone_and_never_on_results_that_are_too_old(home_of) -> None:
    home = home_of("{dbt: {target: ../target, node: plays, max_age: 2h}}")
    write(home, "pass")
    found = scored(home)
    assert (found.suite, found.score.score) == ("dbt plays", 100.0)
    assert "rests on dbt's tests alone" in found.score.notes
    home.look(hours=3)
    old = scored(home)
    assert old.score.score is None
    assert old.score.reason == "dbt ran these tests 5 h ago; at most 2 h is asked for"


@pytest.mark.parametrize("version", ["v9", None])
def test_files_that_cannot_be_used_are_a_check_that_could_not_run_and_say_why(home_of, version: str | None) -> None:
    home = home_of("{suite: plays, dbt: {target: ../target, node: plays}}")
    if version is not None:
        write(home, "pass", version=version)
    verdict = scored(home).score
    (broken,) = [c for c in verdict.checks if c.error]
    assert broken.id == "dbt.results"
    words = (
        "run dbt test, or correct quality.dbt.target"
        if version is None
        else "version v9, which this program does not know"
    )
    assert words in (broken.error or "")
    assert str(home.root / "target") in (broken.error or "").replace("config/../", "")
    assert verdict.score is not None
    assert verdict.score < 90


def test_dbt_alone_that_cannot_be_read_is_no_data(home_of) -> None:
    verdict = scored(home_of("{dbt: {target: ../target, node: plays}}")).score
    assert verdict.score is None
    assert "run dbt test" in verdict.reason
