"""A source that is introduced: its rules are evaluated and recorded, and notify no one before its day."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_stories import ODDS, T0, TICK, WEATHER, Story, app_on

from busta_health_dagster.pipeline.views.explain import explain_source
from busta_health_dagster.store import Store

NEW = replace(ODDS, shadow_until=T0 + 4 * TICK)


@pytest.fixture
def story(store: Store) -> Story:
    return Story(app_on(store, sources=(NEW, WEATHER)))


def test_an_outage_before_the_day_is_recorded_and_notifies_no_one(story: Story) -> None:
    story.ticks(3, odds_api="down", weather_api="down")
    alert = story.alert("odds_api/source-down")
    assert (alert.state.value, alert.shadow) == ("open", True)
    assert story.alert("weather_api/source-down").shadow is False
    assert {r.rule: r.shadow for r in explain_source(story.app, "odds_api").rules}["source-down"] is True
    assert story.messages() == [("chat", "opened")]


def test_what_is_still_bad_on_the_day_notifies_then(story: Story) -> None:
    story.ticks(4, odds_api="down")
    assert story.messages() == []
    story.ticks(2, odds_api="down")
    assert story.messages() == [("chat", "opened")]
    alert = story.alert("odds_api/source-down")
    assert (alert.state.value, alert.shadow) == ("open", False)
    assert {r.rule: r.shadow for r in explain_source(story.app, "odds_api").rules}["source-down"] is False


def test_what_has_ended_before_the_day_is_never_sent(story: Story) -> None:
    story.ticks(2, odds_api="down")
    story.ticks(6)
    assert story.messages() == []
