"""Two sources on one store, of which one depends on the other: the cause is told, and what follows from it is not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.alert_stories import ODDS, WEATHER, Story, app_on

if TYPE_CHECKING:
    from busta_health_dagster.store import Store

# In the alphabet, and in the file, the child comes first.
CHILD = replace(WEATHER, name="a_child", tier=2, depends_on=("odds_api",))


@pytest.fixture
def story(store: Store) -> Story:
    return Story(app_on(store, sources=(CHILD, ODDS)))


def test_what_fails_with_its_cause_in_one_tick_is_quiet(story: Story) -> None:
    story.ticks(2)
    story.ticks(1, odds_api="down", a_child="down")
    assert story.messages() == [("chat", "opened")]
    assert story.alert("a_child/source-down").suppressed_by == "odds_api/source-down"
    assert story.alert("odds_api/source-down").state == "open"


def test_what_is_still_down_when_the_cause_is_up_is_told(story: Story) -> None:
    story.ticks(2)
    story.ticks(2, odds_api="down", a_child="down")
    story.ticks(3, a_child="down")
    assert sorted(story.messages()) == [("chat", "opened"), ("chat", "opened"), ("chat", "resolved")]
    assert story.alert("a_child/source-down").state == "open"


def test_what_recovers_with_its_cause_was_never_told(story: Story) -> None:
    story.ticks(2)
    story.ticks(2, odds_api="down", a_child="down")
    story.ticks(3)
    assert story.messages() == [("chat", "opened"), ("chat", "resolved")]


def test_who_was_told_of_the_child_before_the_cause_is_told_of_its_end(story: Story) -> None:
    story.ticks(2)
    story.ticks(1, a_child="down")
    story.ticks(8, odds_api="down", a_child="down")
    kinds = [kind for _, kind in story.messages()]
    assert kinds.count("escalated") == 2, "the ladder of the cause climbs, that of the child is quiet"
    story.ticks(4)
    assert [kind for _, kind in story.messages()].count("resolved") == 3
