"""The detector in the pass, on both databases: once per slot, through kills and gaps, and nothing from maintenance."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime

import numpy as np
import pytest
from alert_stories import DOWN, ODDS, T0, TICK, WEATHER, Story, app_on, events

from busta_health_dagster.domain.anomaly import Basis, Metric
from busta_health_dagster.domain.maintenance import Window
from busta_health_dagster.domain.observation import Kind, Observation, Status
from busta_health_dagster.domain.rule import Override, Pattern, Rule
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.domain.verdict import Outcome
from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
from busta_health_dagster.pipeline.anomaly.anomaly_pass import catch_up
from busta_health_dagster.pipeline.anomaly.explanation import explain_source
from busta_health_dagster.pipeline.anomaly.normal_ranges import normal_range_lookup, normal_range_of
from busta_health_dagster.pipeline.observing.observe import store_observations
from busta_health_dagster.store import Store

ANOMALY = Rule("anomaly", Pattern.ANOMALY)
RULES = (DOWN, ANOMALY)
DAY = 86_400


def noisy(source: str, slot: int, *, factor: float = 1.0, status: Status = Status.UP, **more) -> Observation:
    """An ordinary look: 200 ms and 400 items, 5% noise that depends on the slot alone."""
    rng = np.random.default_rng([slot, len(source)])
    values = {
        "response_ms": 200.0 * factor * float(np.exp(0.05 * rng.standard_normal())),
        "items": round(400 * np.exp(0.05 * rng.standard_normal())),
    }
    return Observation(source, slot, slot + 3, status, **(values | more))


def past(story: Story, days: float, names=("odds_api", "weather_api"), **more) -> None:
    """Observations of the last days, up to the slot before now, in the store and evaluated by no one."""
    now = story.app.now()
    store_observations(
        story.app, [noisy(n, now - k * TICK, **more) for k in range(int(days * DAY / TICK), 0, -1) for n in names]
    )


def tick(story: Story, factor: float = 1.0, **more):
    now = story.app.now()
    store_observations(story.app, [noisy("odds_api", now, factor=factor, **more), noisy("weather_api", now)])
    passed = story.pass_()
    story.clock.advance(TICK)
    return passed


def states_of(store: Store) -> tuple[dict, dict, dict]:
    with store.read() as uow:
        return uow.baselines.learned(), uow.baselines.hot(), uow.baselines.cold(["odds_api", "weather_api"])


@pytest.fixture
def story(store: Store) -> Story:
    """Two days of history, learned; the clock stands at the next slot."""
    made = Story(app_on(store, rules=RULES))
    past(made, 2)
    assert catch_up(made.app)
    return made


def test_a_slow_source_opens_one_alert_that_says_what_was_expected_and_ends_with_it(story: Story) -> None:
    for _ in range(3):
        quiet = tick(story)
        assert events(quiet) == []
        assert quiet.verdicts["odds_api"]["anomaly"].outcome is Outcome.GOOD
    opened = [event for _ in range(4) for event in events(tick(story, 4.0))]
    assert opened == [("odds_api/anomaly", "opened")]
    alert = story.alert("odds_api/anomaly")
    assert "response time" in alert.bad_reason
    assert "was expected since" in alert.bad_reason
    last = tick(story, 4.0).verdicts
    assert (last["odds_api"]["anomaly"].outcome, last["odds_api"]["anomaly"].severity) == (Outcome.BAD, "WARN")
    assert last["weather_api"]["anomaly"].outcome is Outcome.GOOD
    assert [e for _ in range(30) for e in events(tick(story))][-1:] == [("odds_api/anomaly", "resolved")]


def test_a_pass_that_repeats_learns_nothing_twice_and_a_killed_one_leaves_nothing(
    story: Story, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tick(story)
    learned, hot, _ = states_of(store)
    assert {n: one.slot for n, one in learned.items()} == {"odds_api": T0, "weather_api": T0}
    story.pass_()
    alert_pass(story.app, manual=[replace(noisy("odds_api", T0 + 100, factor=9.0), kind=Kind.MANUAL)])
    assert states_of(store)[:2] == (learned, hot), "neither a second pass nor an observation by hand is learned"

    def killed(name: str) -> None:
        if name == "after_detect":
            raise KeyboardInterrupt

    store_observations(story.app, [noisy("odds_api", T0 + TICK), noisy("weather_api", T0 + TICK)])
    with monkeypatch.context() as patch:
        patch.setattr("busta_health_dagster.pipeline.anomaly.anomaly_pass.failpoint", killed)
        with pytest.raises(KeyboardInterrupt):
            story.pass_()
    assert states_of(store)[:2] == (learned, hot)
    story.pass_()
    assert states_of(store)[0]["odds_api"].slot == T0 + TICK


def test_slots_that_were_missed_are_made_up_in_order_as_if_nothing_had_happened(story: Story, store: Store) -> None:
    for k in range(20):
        store_observations(story.app, [noisy(n, T0 + k * TICK) for n in ("odds_api", "weather_api")])
    story.clock.advance(19 * TICK)
    story.pass_()
    late = states_of(store)
    with store.write() as uow:
        uow.connection.exec_driver_sql("DELETE FROM baseline")
        uow.connection.exec_driver_sql("DELETE FROM baseline_history")
    assert catch_up(story.app)
    once = states_of(store)
    assert once[1:] == late[1:], "restart, gap and one go come to the same bytes"
    assert {n: one.slot for n, one in once[0].items()} == {n: one.slot for n, one in late[0].items()}


def test_nothing_is_learned_from_planned_work(store: Store) -> None:
    when = Window("works", Selector(), datetime(2026, 11, 22, 8, 0), "UTC", DAY)
    story = Story(app_on(store, rules=RULES, windows=(when,)))
    now = story.app.now()
    slots = range(now - 2 * DAY, now, TICK)
    store_observations(story.app, [noisy("odds_api", s, factor=9.0 if when_covers(s) else 1.0) for s in slots])
    assert catch_up(story.app)
    (normal_range,) = normal_range_of(story.app, "odds_api", Metric.RESPONSE, [now])
    assert 150 < normal_range.p50 < 260, "nine times as slow for a day, and none of it counts"
    assert normal_range.basis is Basis.OWN


def when_covers(slot: int) -> bool:
    return T0 - DAY <= slot < T0


def test_while_history_is_being_learned_the_source_is_unknown_and_then_judged(store: Store) -> None:
    story = Story(app_on(store, rules=RULES))
    past(story, 2)
    said = tick(story).verdicts["odds_api"]["anomaly"]
    assert said.outcome is Outcome.UNKNOWN
    assert "not evaluated it yet" in said.reason
    assert catch_up(story.app)
    assert tick(story).verdicts["odds_api"]["anomaly"].outcome is Outcome.GOOD


def test_a_state_that_cannot_be_read_starts_again_loudly(
    story: Story, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    learned, hot, _ = states_of(store)
    with store.write() as uow:
        uow.baselines.put(learned, hot | {"odds_api": b"of another version"}, T0)
    with caplog.at_level(logging.WARNING):
        said = tick(story).verdicts
    assert "The baseline of odds_api cannot be read" in caplog.text
    assert said["odds_api"]["anomaly"].outcome is Outcome.UNKNOWN
    assert said["weather_api"]["anomaly"].outcome is Outcome.GOOD
    with store.read() as uow:
        assert uow.counters.all()["busta_baselines_restarted_total"] == 1


def test_a_new_quality_score_is_given_to_the_detector_once(story: Story, store: Store) -> None:
    with store.write() as uow:
        uow.states.set_quality({"odds_api": (97.0, T0 - 60)})
    tick(story)
    first = states_of(store)[0]["odds_api"]
    assert first.quality_at == T0 - 60
    tick(story)
    assert states_of(store)[0]["odds_api"].quality_at == T0 - 60


def test_the_dial_of_an_override_is_the_dial_of_its_sources(store: Store) -> None:
    deaf = replace(ANOMALY, overrides=(Override(Selector(names=("odds_api",)), {"sensitivity": 4000.0}),))
    story = Story(app_on(store, rules=(deaf,)))
    past(story, 2)
    assert catch_up(story.app)
    assert [e for _ in range(6) for e in events(tick(story, 3.0))] == []


def test_without_a_rule_there_is_neither_detector_nor_band(store: Store) -> None:
    story = Story(app_on(store, rules=(DOWN,)))
    past(story, 1)
    assert catch_up(story.app)
    assert "anomaly" not in tick(story).verdicts["odds_api"]
    assert states_of(store)[0] == {}
    assert normal_range_of(story.app, "odds_api", Metric.RESPONSE, [T0]) == []


def test_a_new_source_has_a_band_from_its_type_and_a_message_says_what_is_normal(store: Store) -> None:
    twin = replace(ODDS, name="odds_backup")
    story = Story(app_on(store, sources=(ODDS, WEATHER, twin), rules=RULES))
    past(story, 3)
    assert catch_up(story.app)
    (normal_range,) = normal_range_of(story.app, "odds_backup", Metric.RESPONSE, [T0])
    assert normal_range.basis is Basis.TYPE
    assert normal_range.p5 < 200 < normal_range.p95
    with store.read() as uow:
        normal = normal_range_lookup(story.app, uow, T0)("odds_api", "response_ms")
        assert normal_range_lookup(story.app, uow, T0)("odds_api", "tls_days_left") is None
    assert normal is not None
    assert 150 < normal.p5 < 200 < normal.p95 < 300


def test_items_that_were_always_0_are_left_out_and_not_learned_for_ever(store: Store) -> None:
    feed = replace(WEATHER, name="empty_feed")
    story = Story(app_on(store, sources=(ODDS, feed), rules=RULES))
    past(story, 2, names=("odds_api",))
    store_observations(
        story.app,
        [replace(noisy("empty_feed", story.app.now() - k * TICK), items=0) for k in range(int(2 * DAY / TICK), 0, -1)],
    )
    catch_up(story.app)
    with store.read() as uow:
        assert "empty_feed" in uow.baselines.learned()
    (items,) = [m for m in explain_source(story.app, "empty_feed")["metrics"] if m["metric"] == "items"]
    assert (items["use"], items["why"]) == ("left out", "always 0 so far: nothing can be missing from it")
    (items,) = [m for m in explain_source(story.app, "odds_api")["metrics"] if m["metric"] == "items"]
    assert items["use"] == "learning"
