"""From a number in a payload to an alert: a rule on a custom metric, live and again from the store."""

from __future__ import annotations

from dataclasses import replace

from alert_stories import ODDS, Story, app_on

from busta_health_dagster.domain.custom_metric import CustomMetric
from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.rule import Condition, Pattern, Rule
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.pipeline.observing.observe import store_observations
from busta_health_dagster.store import Store

BOARD = replace(ODDS, metrics=(CustomMetric("books", "distinct", path="$"), CustomMetric("left", header="x")))
FEW = Rule("few-books", Pattern.THRESHOLD, (Condition("books", "<", 5.0),), for_=2)
MEAN = Rule("thin", Pattern.THRESHOLD, (Condition("books", "<", 9.0, over_s=1800, agg="mean"),))


def observe(story: Story, **metrics: float) -> None:
    now = int(story.app.now())
    store_observations(
        story.app,
        [Observation("odds_api", floor_to(now, 300), now, Status.UP, items=30, metrics=metrics)],
    )


def opened(story: Story) -> set[str]:
    with story.app.store.read() as uow:
        return {alert.rule for alert in uow.alerts.open()}


def test_a_board_that_loses_its_bookmakers_is_an_alert(store: Store) -> None:
    story = Story(app_on(store, sources=(BOARD,), rules=(FEW, MEAN)))
    for books in (11, 11, 11, 11, 4, 4):
        observe(story, books=books)
        story.pass_()
        story.clock.advance(300)
    assert opened(story) == {"few-books", "thin"}
    alert = story.alert("odds_api/few-books")
    assert alert.reason == "4, limit 5"


def test_a_slot_without_the_metric_says_nothing_of_it(store: Store) -> None:
    story = Story(app_on(store, sources=(BOARD,), rules=(FEW,)))
    for metrics in ({"books": 4.0}, {"left": 3.0}, {"left": 3.0}, {"books": 4.0}):
        assert opened(story) == set()
        observe(story, **metrics)
        story.pass_()
        story.clock.advance(300)
    assert opened(story) == {"few-books"}, "two evaluations, whatever lies between"


def test_a_window_that_was_lost_is_built_again_from_the_store(store: Store) -> None:
    story = Story(app_on(store, sources=(BOARD,), rules=(MEAN,)))
    for books in (11, 11, 4, 4):
        observe(story, books=books)
        story.pass_()
        story.clock.advance(300)
    with store.write() as uow:
        uow.rule_windows.put({"odds_api": {"sig": "of another shape"}})
    assert opened(story) == {"thin"}
    observe(story, books=20)
    story.pass_()
    assert story.alert("odds_api/thin").good_run == 1
