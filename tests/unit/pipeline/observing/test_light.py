"""Light observations of a metered API: that it answers each interval, what it delivers as often as the credits pay for."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from http_stories import Answer, answering

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.gate import GatePolicy
from busta_health_dagster.domain.observation import Observation, SourceState
from busta_health_dagster.domain.season import ActiveTimes, DateRange, Season
from busta_health_dagster.engines.gate import usable_verdict
from busta_health_dagster.engines.rules import Inputs, evaluate
from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
from busta_health_dagster.pipeline.app.app import App
from busta_health_dagster.pipeline.app.calendars import calendar_problems, kept_calendars
from busta_health_dagster.pipeline.observing.observe import check_now, observe
from busta_health_dagster.pipeline.views.quota import quotas
from busta_health_dagster.pipeline.views.source_page import source_page
from busta_health_dagster.pipeline.views.status import source_info
from busta_health_dagster.testing import FakeClock
from busta_health_dagster.web.pages.source_facts import payload

T0 = 1_795_420_800  # 2026-11-23T08:00:00Z
FULL, LIGHT = "/odds", "/sports"


class Api:
    """Each full answer costs a credit, and brings data that are `age_s` old. `status` holds for either path."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.status = {FULL: 200, LIGHT: 200}
        self.clock, self.age_s, self.credits = FakeClock(float(T0)), 60, 500

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer:
        del headers
        place = path.partition("?")[0]
        self.asked[place] += 1
        if place == LIGHT:
            return Answer(b'[{"key": "americanfootball_nfl"}]', self.status[LIGHT], {"X-Left": "7"})
        self.credits -= 1
        at = self.clock.now() - self.age_s
        games = json.dumps([{"at": at, "price": 2.5}, {"at": at, "price": 1.5}]).encode()
        return Answer(games, self.status[FULL], {"X-Left": str(self.credits)})


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def app(api: Api, tmp_path: Path) -> Iterator[App]:
    (tmp_path / "config").mkdir()
    with answering(api.answer) as at:
        (tmp_path / "config" / "sources.yaml").write_text(
            "version: 1\ndefaults: {allow_private: true, confirm: 0}\nsources:\n"
            f"  - name: odds\n    type: odds\n    probe: http\n    url: 'http://{at}{FULL}'\n    items: '$[*]'\n"
            "    interval: 5m\n    max_data_age: 10m\n    data_age: {path: '$[*].at'}\n"
            "    metrics: {best: {path: '$[*].price', agg: max}}\n"
            "    quota: {remaining: {header: x-left}, resets: monthly}\n"
            f"    light: {{every: 1h, url: 'http://{at}{LIGHT}'}}\n"
        )
        (tmp_path / "config" / "alerts.yaml").write_text(
            "version: 1\nrules:\n  - {name: stale-data, metric: data_age_s, op: '>', value: max_data_age}\n"
            "  - {name: few-items, metric: items, op: '<', value: 1}\n"
            "  - {name: source-down, metric: status, op: '==', value: down}\n"
            "  - {name: cheap, metric: best, op: '<', value: 2, agg: mean, over: 4h}\n"
        )
        environ = {"BUSTA_HOME": str(tmp_path / "home"), "BUSTA_CONFIG_DIR": str(tmp_path / "config")}
        with bootstrap.open_app(environ=environ, create_store=True, clock=api.clock) as app:
            yield app


def tick(app: App, n: int = 1) -> list[Observation]:
    found = []
    for _ in range(n):
        seen, _due = observe(app)
        alert_pass(app, ticking=True)
        found += seen
        app.clock.advance(300)
    return found


def state(app: App) -> SourceState:
    with app.store.read() as uow:
        found = uow.states.get("odds")
    assert found is not None
    return found


def opened(app: App) -> set[str]:
    with app.store.read() as uow:
        return {a.rule for a in uow.alerts.list(limit=50) if a.opened_at is not None and a.resolved_at is None}


def test_the_payload_is_asked_for_once_an_hour_and_the_source_every_five_minutes(api: Api, app: App) -> None:
    seen = tick(app, 25)

    assert [o.light for o in seen] == [False, *[True] * 11, False, *[True] * 11, False]
    assert api.asked == {FULL: 3, LIGHT: 22}


def test_a_light_observation_leaves_items_age_facts_and_metrics_as_the_full_one_saw_them(app: App) -> None:
    (full,) = tick(app)
    light = tick(app, 3)[-1]

    assert (light.items, light.data_age_s, light.metrics) == (None, None, {})
    assert light.status.word == "up"
    now = state(app)
    assert (now.items, now.data_age_s, now.metrics) == (2, full.data_age_s, {"best": 2.5, "quota_remaining": 499})
    assert now.facts == full.facts
    assert (now.slot, now.last_full.slot, now.last_full.observed_at) == (T0 + 900, T0, full.observed_at)


def test_what_was_stale_stays_stale_until_a_full_observation_says_otherwise(api: Api, app: App) -> None:
    api.age_s = 7200
    tick(app, 12)
    assert {"stale-data"} == opened(app)
    assert (state(app).status.word, state(app).reason) == ("degraded", "stale")
    assert state(app).detail == "data 2 h old, limit 10 min (full observation of 08:00 UTC)"

    api.age_s = 60
    tick(app, 2)
    assert state(app).status.word == "up"


def test_a_light_observation_is_no_evaluation_of_rules_about_the_data(api: Api, app: App) -> None:
    """stale-data recovers after two good values: twelve light ones in between are none."""
    api.age_s = 7200
    tick(app)
    api.age_s = 60
    tick(app, 23)
    assert opened(app) == {"stale-data"}
    tick(app)
    assert opened(app) == set()


def test_a_mean_over_hours_rests_on_the_full_observations(api: Api, app: App) -> None:
    tick(app, 48)
    with app.store.read() as uow:
        (rows,) = uow.observations.columns(T0, T0 + 48 * 300).values()
    assert sum(bool(row.metrics) for row in rows) == 4
    assert [row.light for row in rows].count(False) == 4
    with app.store.read() as uow:
        seen = tuple(uow.observations.window(["odds"], T0, T0 + 36 * 300 + 1)["odds"])
    rule = next(r for r in app.config.rules if r.name == "cheap")
    assert evaluate(rule, app.config.sources["odds"], Inputs(seen)).outcome.word == "good"


def test_the_source_is_down_when_the_free_place_does_not_answer_and_up_when_it_does(api: Api, app: App) -> None:
    tick(app)
    api.status[LIGHT] = 503
    tick(app)
    assert (state(app).status.word, state(app).items) == ("down", 2)
    assert opened(app) == {"source-down"}
    api.status[LIGHT] = 200
    tick(app)
    assert state(app).status.word == "up"


def test_a_full_observation_that_brought_nothing_is_repeated_at_the_next_slot(api: Api, app: App) -> None:
    api.status[FULL] = 500
    seen = tick(app, 3)
    assert [(o.light, o.status.word) for o in seen] == [(False, "down")] * 3
    api.status[FULL] = 200
    assert [(o.light, o.status.word) for o in tick(app, 2)] == [(False, "up"), (True, "up")]


def test_check_now_is_a_full_observation_and_puts_the_next_one_off(api: Api, app: App) -> None:
    tick(app, 6)
    (seen,) = check_now(app, list(app.config.sources.values()))
    assert (seen.light, seen.items) == (False, 2)
    assert [o.light for o in tick(app, 12)] == [True] * 12
    assert [o.light for o in tick(app)] == [False]


def test_the_forecast_of_the_credits_counts_full_observations_only(app: App) -> None:
    tick(app, 49)
    with app.store.read() as uow:
        found = quotas(app, uow, {"odds": state(app)})["odds"]
    assert (found.remaining, found.per_day) == (495, 24.0)


def test_surfaces_say_when_the_data_were_observed(app: App) -> None:
    tick(app, 4)
    info = source_info(app, "odds")
    assert (info["full_every"], info["full_observed_at"]) == ("1h", "2026-11-23T08:00:00Z")
    assert info["observed_at"] == "2026-11-23T08:15:00Z"
    assert ("Observed in full", "08:00 UTC, every 1 h; light observations in between") in payload(
        source_page(app, "odds", "24h")
    )


def test_the_age_that_a_consumer_asks_for_counts_from_the_full_observation(app: App) -> None:
    """One minute old at 08:00, and nothing is known since: 46 minutes at 08:45."""
    tick(app, 10)
    policy = GatePolicy(max_data_age_s=30 * 60, unknown="block")
    verdict = usable_verdict(app.config.sources["odds"], state(app), stale=False, now=T0 + 2700, policy=policy)
    assert (verdict.usable, verdict.reason) == (False, "the data of odds are 46 min old (at most 30m asked)")


def test_off_season_no_credit_is_spent(api: Api, app: App) -> None:
    season = Season((ActiveTimes("UTC", (DateRange((None, 12, 1), (None, 12, 31)),)),))
    sources = {"odds": replace(app.config.sources["odds"], active=season)}
    idle = replace(app, config=replace(app.config, sources=sources))
    seen = [o for _ in range(3) for o in (observe(idle)[0], app.clock.advance(300))[0]]
    assert [(o.light, o.status.word) for o in seen] == [(True, "up")] * 3
    assert api.asked == {LIGHT: 3}


def test_a_light_observation_says_nothing_of_the_events_that_the_payload_names(
    api: Api, app: App, tmp_path: Path
) -> None:
    (tmp_path / "config" / "maintenance.yaml").write_text(
        "version: 1\nevents:\n  - {name: games, source: odds, path: '$[*].at', duration: 1h}\n"
    )
    environ = {"BUSTA_HOME": str(tmp_path / "home"), "BUSTA_CONFIG_DIR": str(tmp_path / "config")}
    with bootstrap.open_app(environ=environ, clock=api.clock) as again:
        tick(again)
        with again.store.read() as uow:
            full = kept_calendars(again, uow)
        seen = tick(again, 3)
        assert [o.light for o in seen] == [True] * 3
        with again.store.read() as uow:
            assert kept_calendars(again, uow) == full
            assert calendar_problems(again, uow) == {}
