"""Outages with a habit, from the store to a window that can be planned as it is proposed."""

from __future__ import annotations

import shlex
from datetime import datetime

from alert_stories import T0, TICK, WEATHER, app_on, observed

from busta_health_dagster.domain.source import Selector
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.pipeline.observing.observe import store_observations
from busta_health_dagster.store import Store
from busta_health_dagster.testing import FakeClock

DAY = 86400
MIDNIGHT = T0 // DAY * DAY


def test_a_nightly_outage_is_proposed_once_and_no_more_when_it_is_planned(store: Store) -> None:
    app = app_on(store, clock=FakeClock(MIDNIGHT + 8 * DAY), now=MIDNIGHT)
    down = {(3 * 3600) // TICK + n for n in range(4)}
    slots = [MIDNIGHT + night * DAY + n * TICK for night in range(8) for n in range(30, 45)]
    store_observations(app, [observed(WEATHER, s, "down" if s % DAY // TICK in down else "up") for s in slots])
    monitor = Monitor(app, "test")
    (found,) = monitor.suggest_windows(since_s=30 * DAY)
    assert (found["source"], found["every"], found["start"][11:], found["duration"]) == (
        "weather_api",
        "day",
        "03:00",
        "20m",
    )
    assert (len(found["nights"]), found["of"]) == (8, 8)
    words = shlex.split(found["command"])
    assert words[:3] == ["busta", "maintenance", "add"]
    options = dict(zip(words[4::2], words[5::2], strict=True))
    assert options == {
        "--for": "20m",
        "--start": found["start"],
        "--zone": "UTC",
        "--rrule": "FREQ=DAILY",
        "--source": "weather_api",
    }
    assert monitor.suggest_windows(["odds_api"], since_s=30 * DAY) == []
    past = datetime.fromisoformat(found["start"]).replace(year=2020)
    monitor.add_window(
        words[3], Selector(names=("weather_api",)), duration_s=1200, start=past, zone="UTC", rrule=found["rrule"]
    )
    assert monitor.suggest_windows(since_s=30 * DAY) == [], "what a window covers is planned already"
