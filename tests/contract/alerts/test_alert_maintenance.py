"""Maintenance on both databases: alerts are held, the past agrees, and what still fails is sent at the end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest
from alert_stories import HOUR, ODDS, T0, TICK, WEATHER, Story, app_on, events, observed

from busta_health_dagster.domain.alert import AlertState
from busta_health_dagster.domain.errors import ConfigError, Refused, UnknownName
from busta_health_dagster.domain.maintenance import Window
from busta_health_dagster.domain.observation import Kind
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.pipeline.maintenance import actions
from busta_health_dagster.pipeline.observing.reprobe import reprobe
from busta_health_dagster.pipeline.service_levels.service_levels import ask, service_levels
from busta_health_dagster.store import Store

BAD, WELL = "down", "odds_api/source-down"


def window(start: int, duration_s: int, name: str = "move", **more: Any) -> Window:
    local = from_epoch(start).replace(tzinfo=None)
    return Window(name, Selector(names=(ODDS.name,)), local, "UTC", duration_s, **more)


@pytest.fixture
def story(store: Store) -> Story:
    return Story(app_on(store))


def test_a_window_holds_the_alert_and_opens_it_at_its_end(story: Story) -> None:
    story.tick()
    actions.add(story.app, window(T0 + TICK, 3 * TICK, reason="host move"), actor="op-1")
    found = story.ticks(3, odds_api=BAD)
    assert found == [(WELL, "pending"), (WELL, "suppressed")]
    assert story.messages() == []
    (opened,) = story.tick(odds_api=BAD).changes.transitions
    assert (opened.event.value, opened.reason) == ("opened", "failing since maintenance move: down")
    assert story.messages() == [("chat", "opened")]


def test_a_source_that_is_well_before_the_end_never_alerts(story: Story) -> None:
    story.tick()
    actions.add(story.app, window(T0 + TICK, 3 * TICK), actor="op-1")
    story.ticks(2, odds_api=BAD)
    assert story.ticks(3) == [(WELL, "cancelled")]
    assert story.messages() == []


def test_the_look_before_the_end_decides_where_no_scheduled_one_is_near(store: Store) -> None:
    rare = replace(ODDS, interval_s=HOUR)
    story = Story(app_on(store, sources=(rare, WEATHER)))
    actions.add(story.app, window(T0 - TICK, 9 * TICK), actor="op-1")
    story.tick(odds_api=BAD)
    asked: list[str] = []

    class Prober:
        async def check(self, todo: Any, kind: Kind, *, budget_s: float | None = None) -> list[Any]:
            asked.extend(source.name for source, _ in todo)
            return [observed(source, slot, BAD, kind) for source, slot in todo]

    story.app.__dict__["prober"] = Prober()
    for _ in range(8):
        at = story.app.now()
        story.look(odds_api=None)
        story.pass_(manual=reprobe(story.app, since=at), ticking=True)
        story.clock.advance(TICK)
    assert asked == ["odds_api"], "once, in the last tick before the end, and only the one that is held"
    opened = story.alert(WELL)
    assert (opened.state, opened.opened_at) == (AlertState.OPEN, T0 + 8 * TICK), "30 minutes before its next own look"


def test_an_open_alert_goes_quiet_and_its_clock_stands(story: Story) -> None:
    story.tick(odds_api=BAD)
    actions.add(story.app, window(T0 + TICK, HOUR), actor="op-1")
    assert story.ticks(12, odds_api=BAD) == [(WELL, "suppressed")]
    assert story.ticks(5, odds_api=BAD) == [(WELL, "released")]
    assert story.ticks(2, odds_api=BAD)[-1] == (WELL, "escalated"), "30 minutes open, the window not counted"


def test_everyone_who_was_told_hears_of_the_end_also_in_maintenance(story: Story) -> None:
    story.tick(odds_api=BAD)
    actions.add(story.app, window(T0 + TICK, HOUR), actor="op-1")
    story.ticks(3)
    assert story.messages() == [("chat", "opened"), ("chat", "resolved")]


def uptime(story: Story) -> float:
    """Of odds_api in the last day, as far as it was observed."""
    (level,) = service_levels(story.app, ask(story.app, "24h"), ["odds_api"])
    assert level.result.uptime is not None
    return float(level.result.uptime * 100)


def test_a_window_for_the_past_counts_again_and_is_audited(story: Story) -> None:
    story.ticks(2)
    story.ticks(6, odds_api=BAD)
    story.ticks(4)
    assert uptime(story) == 50.0
    added, _ = actions.add(story.app, window(T0 + 2 * TICK, 6 * TICK, reason="forgot to say"), actor="op-1")
    assert uptime(story) == 100.0
    with story.app.store.read() as uow:
        (entry,) = uow.audit.list()
    assert (entry.actor, entry.action) == ("op-1", "maintenance.add")
    assert "retroactive: 6 observations counted again" in entry.detail
    assert "forgot to say" in entry.detail
    actions.remove(story.app, added.window.id or 0, actor="op-2")
    assert uptime(story) == 50.0


def test_ending_a_window_lets_alerts_open_and_keeps_what_it_covered(story: Story) -> None:
    actions.add(story.app, window(T0, 24 * HOUR), actor="op-1")
    story.ticks(3, odds_api=BAD)
    left = actions.end(story.app, "move", actor="op-1")
    assert left is not None
    assert left.window.duration_s == 3 * TICK
    assert events(story.tick(odds_api=BAD)) == [(WELL, "opened")]
    with pytest.raises(Refused, match="is over"):
        actions.end(story.app, "move", actor="op-1")


def test_ending_a_weekly_window_keeps_its_past_and_stops_its_future(story: Story) -> None:
    week = 7 * 86400
    actions.add(story.app, window(T0 - 2 * week, 2 * HOUR, rrule="FREQ=WEEKLY"), actor="op-1")
    story.clock.advance(HOUR)
    actions.end(story.app, "move", actor="op-1")
    found = [(o.start, o.end - o.start) for o in actions.preview(story.app, T0 - 3 * week, T0 + 3 * week)]
    assert found == [(T0 - 2 * week, 2 * HOUR), (T0 - week, 2 * HOUR), (T0, HOUR)]


def test_a_window_that_has_not_begun_is_gone_when_it_is_ended(story: Story) -> None:
    actions.add(story.app, window(T0 + HOUR, HOUR), actor="op-1")
    assert actions.end(story.app, "move", actor="op-1") is None
    assert actions.listing(story.app) == []


def test_wrong_windows_are_refused_with_what_would_be_right(story: Story) -> None:
    with pytest.raises(ConfigError, match="lasts 0s"):
        actions.add(story.app, window(T0, 0), actor="op-1")
    with pytest.raises(ConfigError, match="rrule"):
        actions.add(story.app, window(T0, HOUR, rrule="EVERY=DAY"), actor="op-1")
    actions.add(story.app, window(T0, HOUR), actor="op-1")
    with pytest.raises(Refused, match="called 'move' already"):
        actions.add(story.app, window(T0, HOUR), actor="op-1")
    with pytest.raises(UnknownName, match="There are: move"):
        actions.end(story.app, "mvoe", actor="op-1")
    assert [p.window.name for p in actions.listing(story.app)] == ["move"]


def test_a_window_of_the_file_is_changed_in_the_file(store: Store) -> None:
    filed = replace(window(T0, HOUR), where="config/maintenance.yaml:8")
    story = Story(app_on(store, windows=(filed,)))
    with pytest.raises(Refused, match=r"config/maintenance.yaml:8"):
        actions.end(story.app, "move", actor="op-1")
    (planned,) = actions.listing(story.app)
    assert planned.active
    assert planned.sources == ("odds_api",)


def test_two_people_who_edit_one_window_do_not_overwrite_each_other(story: Story) -> None:
    added, _ = actions.add(story.app, window(T0, HOUR), actor="op-1")
    key = added.window.id or 0
    version = actions.find(story.app, key).version
    actions.change(story.app, key, window(T0, 2 * HOUR), actor="op-1", version=version)
    with pytest.raises(Refused, match="someone changed it meanwhile"):
        actions.change(story.app, key, window(T0, 3 * HOUR), actor="op-2", version=version)


def test_overlaps_and_windows_of_nothing_are_said(story: Story) -> None:
    actions.add(story.app, window(T0, HOUR), actor="op-1")
    _, warnings = actions.add(story.app, window(T0 + 600, HOUR, name="again"), actor="op-1")
    assert any("Overlaps 'move'" in p.message or "Overlaps 'again'" in p.message for p in warnings)
    nowhere = replace(
        window(T0, HOUR, name="nobody"), select=Selector(names=("gone",)), start=datetime(2026, 11, 23, 8)
    )
    _, warnings = actions.add(story.app, nowhere, actor="op-1")
    assert any("No source matches" in p.message for p in warnings)
