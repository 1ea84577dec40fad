"""Scoring through store and pipeline: which sources, on what, and whatever is wrong stays with its own source."""

from __future__ import annotations

import asyncio
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from quality_home import ROOT, open_home, plays

from busta_health_dagster import bootstrap
from busta_health_dagster.demo.config import write_config
from busta_health_dagster.demo.faults import Fault
from busta_health_dagster.demo.fleet import DemoFleet
from busta_health_dagster.demo.upstreams import Address
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.domain.verdict import Outcome
from busta_health_dagster.pipeline.quality.quality_page import page_path
from busta_health_dagster.pipeline.quality.quality_pass import run_quality
from busta_health_dagster.pipeline.tick.tick import run_tick
from busta_health_dagster.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from quality_home import QualityHome

pytestmark = pytest.mark.filterwarnings("ignore:module 'sre_.*' is deprecated:DeprecationWarning")


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[list[QualityHome]]:
    homes: list[QualityHome] = []
    yield homes
    for home in homes:
        home.app.close()


@pytest.fixture
def home_of(tmp_path: Path, opened: list[QualityHome]):
    def make(**quality: str) -> QualityHome:
        opened.append(open_home(tmp_path, **quality))
        return opened[-1]

    return make


def test_only_what_is_due_and_has_a_new_sample_is_scored(home_of) -> None:
    home = home_of(hourly="{suite: plays, every: 1h}", daily="{suite: plays, every: 24h}", plain="null")
    first = home.score()
    assert {n: o for n, o in home.scores(first).items() if o is not None} == {}
    assert all("not observed yet" in o.scored.score.reason for o in first.outcomes)
    assert "has no quality" in first.skipped["plain"]
    home.look()
    run = home.score()
    assert home.scores(run) == {"hourly": 100.0}
    assert "not due" in run.skipped["daily"]
    home.clock.advance(600)
    assert home.score().outcomes == ()
    home.clock.advance(3600)
    again = home.score()
    assert again.outcomes == () or home.scores(again) == {"hourly": None}
    home.look(hours=0.5)
    assert home.scores(home.score(force=True)) == {"hourly": 100.0, "daily": 100.0}


def test_a_source_that_is_down_has_no_data_and_its_availability_is_left_alone(home_of) -> None:
    home = home_of(league="{suite: plays}")
    home.look()
    home.score()
    home.remove("league")
    home.look()
    run = home.score()
    assert home.scores(run) == {"league": None}
    assert "the source is down" in run.outcomes[0].scored.score.reason
    assert run.broken == ()
    now = home.app.now()
    with home.app.store.read() as uow:
        state = uow.states.get("league")
        seen = uow.rollups.summary(["league"], {"all": (0, now + 1)})["league"]["all"]
        history = [r.score.score for r in uow.quality.history("league", 0, now + 1)]
        trend = uow.quality.scores(0, now + 1)["league"]
    assert (seen.up, seen.down, seen.seen) == (1, 1, 2)
    assert state is not None
    assert (state.status, state.quality) == (Status.DOWN, None)
    assert history == [100.0, None]
    assert [score for _, score in trend] == [100.0, None]


def test_what_is_wrong_with_one_suite_or_validator_stays_with_its_source(home_of, caplog) -> None:
    caplog.set_level(logging.WARNING, "busta_health_dagster")
    home = home_of(
        good="{suite: plays}",
        broken="{suite: broken}",
        absent="{suite: plaze}",
        nowhere='{validator: "no_such_module:Validator", validator_scale: 100}',
        unscaled='{suite: plays, validator: "builtins:dict"}',
        columns="{suite: odds}",
    )
    (home.root / "expectations" / "broken.json").write_text(
        '{"name": "broken", "expectations": [{"type": "expect_x"}]}'
    )
    home.look()
    run = home.score()
    reasons = {o.scored.source: o.scored.score.reason for o in run.outcomes}
    assert {o.scored.source for o in run.broken} == {"broken", "absent", "nowhere", "unscaled"}
    assert home.scores(run)["good"] == 100.0
    assert "broken.json" in reasons["broken"]
    assert "the suite is broken" in reasons["broken"]
    assert "there is no suite 'plaze'" in reasons["absent"]
    assert "no_such_module" in reasons["nowhere"]
    assert "validator_scale: 1 or 100" in reasons["unscaled"]
    assert "source absent: not scored" in caplog.text
    # Columns that a suite asks for and the data does not have fail their checks: that is the data's fault.
    wrong = next(o.scored.score for o in run.outcomes if o.scored.source == "columns")
    assert wrong.score is not None
    assert wrong.score < 40
    assert "column price is missing from the data" in {c.error for c in wrong.checks}


def test_suite_and_validator_together_the_worse_one_rules(home_of, tmp_path, monkeypatch) -> None:
    (tmp_path / "house.py").write_text(
        "class Validator:\n"
        "    def validate(self, rows):\n"
        "        return {'completeness': 80, 'validity': 90, 'overall_score': 85, 'issues': [\n"
        "            {'severity': 'ERROR', 'message': f'{len(rows)} rows look odd'}]}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    spec = 'validator: "house:Validator", validator_scale: 100'
    home = home_of(both=f"{{suite: plays, {spec}}}", alone=f"{{{spec}}}")
    home.look()
    run = home.score()
    assert home.scores(run) == {"both": 85.0, "alone": 85.0}
    both = next(o.scored for o in run.outcomes if o.scored.source == "both")
    assert both.suite == "plays and house:Validator"
    assert "suite 100.0, validator 85.0: the validator rules" in both.score.notes
    assert both.score.checks[0].why == "100 rows look odd"


def test_the_stored_sample_is_scored_and_only_fetch_asks_again(home_of) -> None:
    home = home_of(stored="{suite: plays}", asked="{suite: plays, fetch: true}")
    home.look()
    for name in ("stored", "asked"):
        home.write(name, plays(nameless=30))
    with home.app.store.read() as uow:
        before = uow.row_counts()
    assert home.scores(home.score(force=True)) == {"stored": 100.0, "asked": 85.0}
    home.remove("asked")
    gone = home.score("asked", force=True)
    assert "the fetch failed" in gone.outcomes[0].scored.score.reason
    with home.app.store.read() as uow:
        after = uow.row_counts()
        state = uow.states.get("asked")
    assert state is not None
    assert state.status is Status.UP
    assert [after[t] - before[t] for t in ("observation", "manual_observation")] == [0, 0]


def test_zero_rows_are_no_data(home_of) -> None:
    home = home_of(league="{suite: plays}")
    home.write("league", [])
    home.look()
    assert home.score().outcomes[0].scored.score.reason != ""
    assert home.scores(home.score(force=True)) == {"league": None}


def test_a_column_that_goes_away_is_drift_until_a_person_accepts_it(home_of) -> None:
    home = home_of(league="{suite: plays}")
    for _ in range(3):
        home.look()
        assert home.scores(home.score()) == {"league": 100.0}
    home.write("league", [{k: v for k, v in row.items() if k != "yards"} for row in plays()])
    for _ in range(2):
        home.look()
        run = home.score()
        assert home.scores(run) == {"league": 55.5}
        drift = next(c for c in run.outcomes[0].scored.score.checks if c.id == "schema.columns")
        assert drift.why == "column yards (integer) is gone"
    assert run.outcomes[0].scored.score.caps[0].limit == 89
    home.look()
    home.score(force=True, relearn=True)
    home.look()
    assert home.scores(home.score()) == {"league": 100.0}


def test_failing_rows_are_kept_masked_and_shown_by_the_page(home_of) -> None:
    home = home_of(league="{suite: plays, public_columns: [], key_columns: [game_id]}")
    home.look()
    home.write("league", plays(nameless=30))
    home.look()
    home.score()
    with home.app.store.read() as uow:
        at, rows = uow.quality.failures("league")
    assert at == home.app.now()
    assert len(rows) == 20
    assert (rows[0].check, rows[0].keys, rows[0].values, rows[0].of) == (
        "player.not_null",
        {"game_id": "0"},
        {"player": "null"},
        30,
    )
    page = page_path(home.app, "league").read_text(encoding="utf-8")
    assert "game_id=0" in page
    assert "Player 31" not in page
    home.write("league", plays())
    home.look()
    home.score()
    assert "game_id=0" not in page_path(home.app, "league").read_text(encoding="utf-8")


def test_two_low_scores_raise_the_alert_and_one_does_not(home_of) -> None:
    home = home_of(league="{suite: plays}")
    home.write("league", plays(nameless=30))
    verdicts = []
    for _ in range(2):
        home.look()
        home.score()
        home.clock.advance(300)
        tick = run_tick(home.app)
        verdicts.append(tick.verdicts["league"]["quality"])
        with home.app.store.read() as uow:
            alerts = {a.rule: (a.state.value, a.value) for a in uow.alerts.watched().values()}
        if len(verdicts) == 1:
            assert alerts == {"low-quality": ("pending", 85.0)}
    assert alerts == {"low-quality": ("open", 85.0)}
    assert [(v.outcome, v.severity, v.reason) for v in verdicts] == [(Outcome.BAD, "WARN", "score 85.0, limit 90")] * 2


async def test_the_demo_is_healthy_and_its_bad_quality_falls_below_90(tmp_path: Path) -> None:
    clock = FakeClock(floor_to(1_795_420_800, 300) + 5)
    async with DemoFleet(tmp_path / "demo", clock=clock) as fleet:
        address = Address("calm", fleet.world.anchor, None, fleet.ports, fleet.urls, fleet.paths)
        write_config(tmp_path, address, expectations=ROOT / "busta_health_dagster" / "demo" / "suites")
        app = bootstrap.open_app(home=tmp_path, environ={}, create_store=True, clock=clock)

        async def scored() -> dict[str, float | None]:
            await fleet.sync()
            await asyncio.to_thread(run_tick, app)
            run = await asyncio.to_thread(run_quality, app)
            assert run.broken == ()
            return {o.scored.source: o.scored.score.score for o in run.outcomes}

        try:
            healthy = await scored()
            assert len(healthy) == 11
            assert min(s or 0.0 for s in healthy.values()) >= 99.0
            await fleet.set("injury_reports", Fault.BAD_QUALITY, share=0.18)
            await fleet.set("odds_api", Fault.BAD_QUALITY, share=0.08)
            await fleet.set("weather_api", Fault.OUTAGE)
            clock.advance(3600)
            spoilt = await scored()
        finally:
            app.close()
    assert (spoilt["injury_reports"], spoilt["odds_api"], spoilt["weather_api"]) == (89.0, 89.0, None)
    others = [s for n, s in spoilt.items() if n not in {"injury_reports", "odds_api", "weather_api"}]
    assert min(s or 0.0 for s in others) >= 99.0
    pages = {p.stem for p in (tmp_path / "reports" / "quality").glob("*.html")}
    assert pages == set(healthy)
    assert not re.search(r'(src|href)="https?:', (tmp_path / "reports/quality/odds_api.html").read_text())
