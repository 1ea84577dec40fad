"""What a source's page tells beyond its state: anomalies, normal ranges, and when what it feeds was built."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pytest
import requests
from page_stories import history, seen, serving, tick, world
from starlette.applications import Starlette

from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.pipeline.alerting import actions
from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
from busta_health_dagster.pipeline.anomaly.anomaly_pass import catch_up
from busta_health_dagster.testing import FakeClock
from busta_health_dagster.web.pages import routes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from busta_health_dagster.pipeline.app.app import App


def words(app: App, path: str, **port: object) -> str:
    """The page without its tags."""
    with serving(Starlette(routes=routes(app, **port))) as base:  # type: ignore[arg-type]
        page = requests.get(f"{base}/source-health{path}", timeout=30).text
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.fixture(scope="module")
def week(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of a monitor with a week of checks of odds_api and scores_api, watched in shadow mode, up to this slot."""
    from busta_health_dagster import bootstrap

    home, clock = tmp_path_factory.mktemp("week") / "home", FakeClock()
    world(home, clock).close()
    alerts = home / "config" / "alerts.yaml"
    alerts.write_text(
        alerts.read_text().replace("rules:\n", "rules:\n  - {name: anomaly, pattern: anomaly, shadow: true}\n", 1)
    )
    now, rng = floor_to(clock.now(), 300), np.random.default_rng(7)
    noise = rng.standard_normal((2, 2016))
    with bootstrap.open_app(home=home, environ={}, create_store=True, clock=clock) as app:
        with app.store.write() as uow:
            uow.observations.add(
                Observation(
                    name,
                    now - 300 * k,
                    now - 300 * k,
                    Status.UP,
                    response_ms=200 * float(np.exp(0.1 * noise[i, k - 1])),
                    items=14,
                    data_age_s=120,
                )
                for i, name in enumerate(("odds_api", "scores_api"))
                for k in range(2016, 0, -1)
            )
        tick(app, seen(app, "odds_api", response_ms=200.0), seen(app, "scores_api", response_ms=200.0))
        assert catch_up(app)
    return home


@pytest.fixture
def learned(tmp_path: Path, clock: FakeClock, week: Path) -> Iterator[App]:
    """That monitor, in a copy of its home."""
    from busta_health_dagster import bootstrap

    shutil.copytree(week, tmp_path / "home")
    with bootstrap.open_app(home=tmp_path / "home", environ={}, create_store=True, clock=clock) as app:
        yield app


def test_the_normal_range_is_on_every_chart_that_has_learned_one(learned: App, clock: FakeClock) -> None:
    clock.advance(300)
    tick(learned, seen(learned, "odds_api", response_ms=200.0), seen(learned, "scores_api"))
    said = words(learned, "/s/odds_api")
    low, high = map(int, re.findall(r"Normal at this hour is (\d+)–(\d+) ms\.", said)[0])
    assert 150 < low < 185
    assert 215 < high < 260
    assert "Normal now is " in said  # of the items
    assert said.count("normal for the hour of the week (p5–p95)") == 2
    assert re.search(r"Items 14 usual \d+–\d+ at this hour of the week", said)
    assert "Data age over 24 h: 1–2 min, last 1 min" in said
    assert "Anomalies, 30 d shadow: recorded, notifies no one None: everything was as it usually is." in said


def test_an_anomaly_on_trial_explains_itself_and_stays_in_the_list_when_it_is_over(
    learned: App, clock: FakeClock
) -> None:
    for _ in range(4):
        clock.advance(300)
        tick(learned, seen(learned, "odds_api", response_ms=2600.0), seen(learned, "scores_api"))
    said = words(learned, "/s/odds_api")
    row = said[said.index("Anomalies, 30 d") : said.index("Last check by phase")]
    what = r"(Response time 2\.\d\d s where \d+ ms was expected|\d very slow answers where .* usual)"
    assert re.search(rf"08:\d\d {what} odds [\d^]+ to 1 against chance \(", row), row
    assert "lasts, " in row
    assert "shadow: recorded, notifies no one" in row
    assert "1 anomaly found." in said
    assert "Shadow: anomaly." in said
    assert "0 open · 1 pending" in said, "what notifies no one is no open alert"
    with learned.store.read() as uow:
        strange = next(a.id for a in uow.alerts.open() if a.rule == "anomaly")
    clock.advance(300)
    actions.resolve(learned, [strange or 0], actor="dana", note="known: a load test")
    said = words(learned, "/s/odds_api")
    row = said[said.index("Anomalies, 30 d") : said.index("Last check by phase")]
    assert "against chance" in row
    assert "lasted " in row
    assert "On trial" not in said


def test_before_the_detector_has_judged_the_list_does_not_say_that_all_is_usual(learned: App, clock: FakeClock) -> None:
    said = words(learned, "/s/espn_nfl")
    assert "Not evaluated: the detector has not evaluated it yet." in said


def test_without_a_rule_nothing_is_claimed(app: App, clock: FakeClock) -> None:
    history(app, clock, 3)
    alert_pass(app)
    said = words(app, "/s/odds_api")
    assert "no rule watches it" in said
    assert "normal for the hour" not in said


def test_what_a_source_feeds_says_when_it_was_built_and_whether_on_bad_data(app: App, clock: FakeClock) -> None:
    history(app, clock, 4, odds_api=Status.DEGRADED)
    asked: list[tuple[str, ...]] = []
    at = datetime.fromtimestamp(app.now(), UTC)
    built: dict[str, datetime | None] = {}

    def port(names: object) -> dict[str, datetime | None]:
        asked.append(tuple(names))  # type: ignore[arg-type]
        return built

    assert "models/moneyline its source is degraded" in words(app, "/s/odds_api", materialized=port)
    built["models/moneyline"] = at - timedelta(hours=2)
    said = words(app, "/s/odds_api", materialized=port)
    assert "models/moneyline built 06:20 UTC, 2 h ago, before its source became degraded" in said
    clock.advance(120)
    built["models/moneyline"] = at + timedelta(minutes=1)
    said = words(app, "/s/odds_api", materialized=port)
    assert "models/moneyline built 08:21 UTC, 1 min ago, after its source became degraded" in said
    built["models/moneyline"] = None
    assert "models/moneyline never built; its source is degraded" in words(app, "/s/odds_api", materialized=port)
    assert set(asked) == {("models/moneyline",)}, "one question per page"
