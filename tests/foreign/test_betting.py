"""Somebody else's Dagster with the monitor in it, from the first tick to the bet that waited: real processes, the real clock."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import requests
from dagster import DagsterRunStatus

from tests.e2e.up_stories import eventually
from tests.foreign.deployment import PNL, Deployment, Happened, deployment

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.foreign,
    pytest.mark.postgres,
    pytest.mark.filterwarnings(
        "ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning", "ignore::DeprecationWarning"
    ),
]
DONE = DagsterRunStatus.SUCCESS
WEEKS = ("2026-w1", "2026-w2")


def test_bad_data_stop_before_the_bet_and_nothing_of_theirs_is_lost(tmp_path: Path, postgres_url: str) -> None:
    with deployment(tmp_path, postgres_url) as (theirs, happened):
        all_is_well(theirs, happened)
        built = outage(theirs, happened)
        by_hand(theirs, happened)
        opened_by_an_operator(theirs, happened)
        recovery(theirs, happened, built)
        night(theirs, happened)


def all_is_well(theirs: Deployment, happened: Happened) -> None:
    eventually(lambda: happened.models() > 0, "the model is built from the first odds")
    eventually(lambda: [run for run in happened.bets() if run.status is DONE], "a bet is placed")
    for week in WEEKS:
        theirs.submit("week", "research", tags={"dagster/partition": week})
    nightly = theirs.submit("nightly", "research")
    eventually(lambda: happened.ended(nightly) is DONE, "their own job runs")
    eventually(lambda: happened.instance.get_materialized_partitions(PNL) == set(WEEKS), "their own partitions")


def outage(theirs: Deployment, happened: Happened) -> int:
    theirs.odds.down = True
    held = eventually(lambda: _starts(happened.said("place_bets_gated"), "HELD "), "the bets are held")
    assert "odds_api is down: answered 503" in held
    built = happened.models()
    assert theirs.gate()["sources"][0]["reason"].startswith("odds_api is down")
    page = eventually(lambda: _has(theirs, "place_bets held since"), "the page says what waits")
    assert "models/moneyline" in page
    told = eventually(lambda: _notified(theirs, "opened"), "someone is told")
    assert "odds_api" in told
    assert "models/moneyline" in told, told
    assert "place_bets" in told, told
    theirs.kill("daemon")  # while it waits: nothing may be forgotten, and nothing happen twice
    theirs.start("daemon")
    return built


def by_hand(theirs: Deployment, happened: Happened) -> None:
    run_id = theirs.submit("place_bets", "betting")
    assert eventually(lambda: happened.ended(run_id), "it ends") is DagsterRunStatus.FAILURE
    events = happened.instance.all_logs(run_id)
    failure = next(e.dagster_event for e in events if e.dagster_event and e.dagster_event.is_step_failure)
    assert "odds_api is down" in str(failure.step_failure_data.error)
    assert not [e for e in events if e.dagster_event and e.dagster_event.is_step_up_for_retry], "a retry cannot help"


def opened_by_an_operator(theirs: Deployment, happened: Happened) -> None:
    before = len(happened.bets())
    done = theirs.busta("gate", "open", "odds_api", "--for", "10m", "--reason", "prices checked by hand")
    assert done.returncode == 0, done.stderr
    eventually(
        lambda: [run for run in happened.bets()[: len(happened.bets()) - before] if run.status is DONE], "it runs"
    )
    assert theirs.busta("gate", "reset", "odds_api").returncode == 0
    eventually(lambda: _starts(happened.said("place_bets_gated"), "HELD "), "it closes")


def recovery(theirs: Deployment, happened: Happened, built: int) -> None:
    assert happened.models() == built, "the outage built nothing"
    before = {run.run_id for run in happened.bets()}
    theirs.odds.new_prices()
    theirs.odds.down = False

    def released() -> list[dict[str, str]]:
        new = [run for run in happened.bets() if run.run_id not in before and run.status is DONE]
        return [dict(run.tags) for run in new if "busta/held_s" in run.tags]

    (once,) = eventually(released, "the bets are released")
    assert int(once["busta/held_s"]) > 0
    eventually(lambda: happened.models() == built + 1, "the model is built from the new odds")
    eventually(lambda: _notified(theirs, "resolved"), "someone is told that it is over")
    slots = [run.tags["busta/slot"] for run in happened.bets()]
    assert len(slots) == len(set(slots)), "no slot runs twice"
    assert happened.models() == built + 1, "once"


def night(theirs: Deployment, happened: Happened) -> None:
    """The retention, on an instance in which everything is older than it keeps."""
    storage = happened.instance.run_storage
    with storage.connect() as connection:
        for table, column in (("runs", "create_timestamp"), ("event_logs", "timestamp")):
            connection.exec_driver_sql(f"UPDATE {table} SET {column} = {column} - INTERVAL '5 days'")
    known = {run.run_id for run in happened.instance.get_runs()}
    ours = {run.run_id for run in happened.runs("health_tick")}
    night = theirs.submit("retention_daily", "betting")
    assert eventually(lambda: happened.ended(night), "the retention runs") is DONE
    left = {run.run_id for run in happened.instance.get_runs()}
    assert known - left, "ours are gone"
    assert known - left <= ours, "and nothing of theirs"
    assert happened.instance.get_materialized_partitions(PNL) == set(WEEKS)
    assert theirs.gate()["usable"] is True


def _starts(text: str, wanted: str) -> str:
    return text if text.startswith(wanted) else ""


def _has(theirs: Deployment, text: str) -> str:
    page = requests.get(f"{theirs.page}/source-health/s/odds_api", timeout=60).text
    return page if text in page else ""


def _notified(theirs: Deployment, event: str) -> str:
    path = theirs.base / "notifications.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line for line in lines if json.loads(line)["type"] == f"alert.{event}"), "")
