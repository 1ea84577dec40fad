"""A source that asks us to stay away: asked again in time, never counted as well meanwhile, and told of when it lasts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from http_stories import Answer, answering

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
from busta_health_dagster.pipeline.app.app import App
from busta_health_dagster.pipeline.observing.observe import check_now, observe
from busta_health_dagster.pipeline.service_levels.service_levels import ask, service_levels
from busta_health_dagster.testing import FakeClock

T0 = 1_795_420_800  # 2026-11-23T08:00:00Z
FAR = "Wed, 21 Oct 2037 07:28:00 GMT"


class Api:
    """Answers with `status`, and counts."""

    def __init__(self) -> None:
        self.status, self.retry_after, self.asked, self.url = 200, "", 0, ""

    def answer(self, path: str, headers: Mapping[str, str]) -> Answer:
        del path, headers
        self.asked += 1
        return Answer(b"[]", self.status, {"Retry-After": self.retry_after} if self.retry_after else {})

    def limits(self, retry_after: str = FAR) -> None:
        self.status, self.retry_after = 429, retry_after

    def answers(self, status: int) -> None:
        self.status, self.retry_after = status, ""


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    with answering(api.answer) as at:
        api.url = f"http://{at}"
        yield api


@pytest.fixture
def app(api: Api, tmp_path: Path) -> Iterator[App]:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "sources.yaml").write_text(
        "version: 1\ndefaults: {allow_private: true, confirm: 0}\nsources:\n"
        f"  - {{name: odds, type: odds, probe: http, url: '{api.url}/', interval: 5m}}\n"
        f"  - {{name: daily, type: files, probe: file, path: '{api.url}/odds.json', interval: 1h}}\n"
    )
    (tmp_path / "config" / "alerts.yaml").write_text(
        "version: 1\nrules:\n  - {name: no-data, pattern: no_data, intervals: 3}\n"
        "  - {name: source-down, metric: status, op: '==', value: down}\n"
    )
    environ = {"BUSTA_HOME": str(tmp_path / "home"), "BUSTA_CONFIG_DIR": str(tmp_path / "config")}
    with bootstrap.open_app(environ=environ, create_store=True, clock=FakeClock(float(T0))) as app:
        yield app


def tick(app: App, n: int = 1, step: int = 300) -> list[list[tuple[str, str, str]]]:
    """n ticks; what each stored: (source, status, reason)."""
    found = []
    for _ in range(n):
        seen, _due = observe(app)
        alert_pass(app, ticking=True)
        found.append([(o.source, o.status.word, o.reason) for o in seen if o.source == "odds"])
        app.clock.advance(step)
    return found


def opened(app: App) -> set[str]:
    with app.store.read() as uow:
        return {a.fingerprint for a in uow.alerts.list(limit=50) if a.opened_at is not None and a.resolved_at is None}


def test_a_pause_until_2037_is_six_intervals_and_its_slots_are_unknown(api: Api, app: App) -> None:
    tick(app)
    api.limits()
    limited, *held = tick(app, 6)
    assert limited == [("odds", "degraded", "rate_limited")]
    assert held == [[("odds", "unknown", "rate_limited")]] * 5
    asked = api.asked
    api.answers(500)
    assert tick(app) == [[("odds", "down", "http_status")]]
    assert api.asked == asked + 1
    odds = next(x for x in service_levels(app, ask(app, "1d")) if x.as_json()["source"] == "odds").as_json()
    assert (odds["good"], odds["bad"]) == (2, 1), "five skipped slots are no uptime"


def test_an_hourly_source_loses_no_second_slot_to_a_few_seconds(api: Api, app: App) -> None:
    api.limits()
    observe(app)
    asked = api.asked
    app.clock.advance(3600)
    observe(app)
    assert api.asked == asked + 2


@pytest.mark.parametrize("header", ["-5", "soon", "Thu, 01 Jan 1970 00:00:00 GMT", "0"])
def test_a_pause_that_makes_no_sense_is_none(api: Api, app: App, header: str) -> None:
    api.limits(header)
    tick(app)
    api.answers(200)
    assert tick(app) == [[("odds", "up", "ok")]]


def test_any_other_answer_ends_the_pause_and_429_and_503_do_not(api: Api, app: App) -> None:
    source = [app.config.sources["odds"]]
    for status, ends in ((503, False), (429, False), (500, True)):
        api.limits()
        check_now(app, source)
        api.answers(status)
        check_now(app, source)
        assert (tick(app) == [[("odds", "unknown", "rate_limited")]]) is not ends, status


def test_who_keeps_us_away_for_three_intervals_raises_no_data_and_a_429_never_clears_it(api: Api, app: App) -> None:
    tick(app)
    api.limits()
    tick(app, 2)
    assert opened(app) == set()
    tick(app)
    assert opened(app) == {"odds/no-data"}
    with app.store.read() as uow:
        assert uow.alerts.list(limit=5)[0].reason == "the source keeps us away (429) for 3 intervals, limit 3"
    assert [("odds", "degraded", "rate_limited")] in tick(app, 5)
    check_now(app, [app.config.sources["odds"]])
    tick(app, 6)
    assert "odds/no-data" in opened(app), "neither a second 429 nor one to a person's check is data"
    api.answers(200)
    tick(app, 8)
    assert opened(app) == set()


def test_no_data_stands_also_when_the_windows_are_built_again_from_the_store(api: Api, app: App) -> None:
    tick(app)
    api.limits()
    tick(app, 4)
    with app.store.write() as uow:
        uow.rule_windows.put({"odds": {}})
    tick(app, 2)
    assert opened(app) == {"odds/no-data"}


def test_a_file_over_http_that_answers_429_is_limited_too(api: Api, app: App) -> None:
    api.limits("60")
    seen, _ = observe(app)
    daily = next(o for o in seen if o.source == "daily")
    assert (daily.status, daily.reason, daily.retry_after_s) == (Status.DEGRADED, "rate_limited", 60.0)
