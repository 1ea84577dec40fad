"""The alert pass on both databases: from observations to alerts and messages, in one transaction, and never of the past."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import datetime

import pytest
from alert_stories import (
    DOWN,
    HOUR,
    NO_DATA,
    ODDS,
    POLICY,
    QUALITY,
    SLOW,
    T0,
    TICK,
    WEATHER,
    Story,
    app_on,
    events,
    observed,
)

from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.domain.alert import AlertState
from busta_health_dagster.domain.errors import Refused, UnknownName
from busta_health_dagster.domain.maintenance import Window
from busta_health_dagster.domain.notification import Notification, NotificationKind
from busta_health_dagster.domain.observation import Kind
from busta_health_dagster.domain.rule import Pattern, Rule, Severity
from busta_health_dagster.domain.source import Selector, Source
from busta_health_dagster.domain.verdict import ExternalFact, InstanceReading
from busta_health_dagster.engines.service_levels.periods import Period
from busta_health_dagster.pipeline.alerting import actions
from busta_health_dagster.pipeline.alerting.alert_pass import LEASE, alert_pass
from busta_health_dagster.pipeline.delivery.attempt import notification_of
from busta_health_dagster.pipeline.observing.observe import store_observations
from busta_health_dagster.pipeline.service_levels.incidents import list_incidents, show_incident
from busta_health_dagster.store import Store

WELL, BAD = "odds_api/source-down", "down"


@pytest.fixture
def story(store: Store) -> Story:
    return Story(app_on(store))


def test_an_outage_opens_escalates_and_ends_and_each_of_it_is_told(story: Story) -> None:
    story.tick()
    assert events(story.tick(odds_api=BAD)) == [(WELL, "opened")]
    story.ticks(6, odds_api=BAD)
    assert events(story.tick(odds_api=BAD)) == []
    assert story.ticks(2) == [(WELL, "resolved")]
    assert story.messages() == [
        ("chat", "opened"),
        ("chat", "escalated"),
        ("mail", "escalated"),
        ("chat", "resolved"),
        ("mail", "resolved"),
    ]
    alert = story.alert(WELL)
    assert (alert.severity, alert.step, alert.first_bad_slot, alert.first_good_slot) == (
        Severity.CRITICAL,
        2,
        T0 + TICK,
        T0 + 9 * TICK,
    )
    story.check_folds()


def test_a_message_says_what_when_how_bad_and_what_comes_next(story: Story) -> None:
    story.tick()
    story.tick(odds_api=6_400.0)
    story.tick(odds_api=7_020.0)
    opened = Notification.from_json(json.dumps(story.payloads()[0]))
    assert opened.kind is NotificationKind.OPENED
    assert opened.alert is not None
    assert opened.verdict is not None
    assert opened.alert.id == story.alert("odds_api/slow-response").id
    assert (opened.verdict.value, opened.verdict.limit, opened.verdict.bad_in_a_row) == (7_020.0, 5_000.0, 2)
    assert opened.alert.first_bad_slot == T0 + TICK
    assert opened.alert.next is not None
    assert opened.alert.next.notify == ("chat", "mail")
    assert opened.source is not None
    # Three observations of a month: `busta sla` says "insufficient data", so a message names no uptime and no budget.
    assert (opened.source.uptime_30d, opened.source.budget_left) == (None, None)
    assert opened.source.feeds == ("models/moneyline",)
    story.tick(odds_api=231.0)
    story.tick(odds_api=209.0)
    ended = Notification.from_json(json.dumps(story.payloads()[-1]))
    assert ended.kind is NotificationKind.RESOLVED
    assert ended.recovered
    assert ended.verdict is not None
    assert ended.verdict.good_values == (231.0, 209.0)
    assert ended.verdict.worst == 7_020.0


def test_the_past_opens_nothing_and_what_is_still_bad_is_told_once(store: Store) -> None:
    story = Story(app_on(store))
    past = [observed(ODDS, T0 - k * TICK, BAD if k > 50 or k < 3 else "up") for k in range(400, 0, -1)]
    store_observations(story.app, past)
    first = story.pass_()
    assert [t.fingerprint for t in first.changes.transitions] == [WELL]
    assert story.alert(WELL).bad_run == 2, "the outages of the day before are no one's business now"
    assert story.messages() == [("chat", "opened")]


def test_two_hours_without_the_monitor_resolve_nothing_and_invent_nothing(story: Story) -> None:
    story.tick()
    story.tick(odds_api=BAD)
    story.clock.advance(2 * HOUR)
    assert [e for e in events(story.pass_(whole=False)) if e[0] == WELL] == [], "observe first"
    found = [e for e in events(story.tick(odds_api=BAD)) if e[0] != "monitor/ticks"]
    assert found == [(WELL, "escalated")], "missed, sent once"
    assert story.alert("weather_api/no-data") is None, "a dead monitor closes no slot"
    assert story.alert(WELL).state is AlertState.OPEN


def test_a_group_is_acknowledged_when_all_of_it_is_and_not_any_more_when_one_is_taken_back(store: Store) -> None:
    together = replace(POLICY, grouping=replace(POLICY.grouping, by=("rule",)))
    story = Story(app_on(store, rules=(DOWN,), policy=together))
    story.tick()
    story.tick(odds_api=BAD, weather_api=BAD)
    odds, weather = (story.alert(f"{name}/source-down").id for name in ("odds_api", "weather_api"))
    actions.acknowledge(story.app, [odds], actor="op1")
    actions.acknowledge(story.app, [weather], actor="op2")
    actions.unacknowledge(story.app, [odds], actor="op1")
    actions.unacknowledge(story.app, [weather], actor="op2")
    assert [kind for _, kind in story.messages()] == ["opened", "updated", "acked", "unacked", "updated"]


def test_an_acknowledgement_that_runs_out_is_told(store: Store) -> None:
    brief = {"default": replace(POLICY.escalations["default"], ack_timeout_s=600)}
    story = Story(app_on(store, rules=(DOWN,), policy=replace(POLICY, escalations=brief)))
    story.tick(odds_api=BAD)
    actions.acknowledge(story.app, [story.alert(WELL).id], actor="op1")
    story.ticks(3, odds_api=BAD)
    assert [kind for _, kind in story.messages()] == ["opened", "acked", "unacked"]


def test_a_message_counts_the_seconds_that_the_incidents_count(store: Store) -> None:
    work = Window("work", Selector(names=(ODDS.name,)), datetime(2026, 11, 23, 8, 0), "UTC", 600)
    story = Story(app_on(store, rules=(replace(DOWN, recover_after=1),), windows=(work,)))
    story.ticks(4, odds_api=BAD)  # two of them in maintenance
    story.tick()
    story.tick()
    story.tick(odds_api=BAD)  # within the grace period
    story.tick()
    ends = [p["alert"] for p in story.payloads() if p["kind"] == "resolved"]
    until = story.app.now()
    found = list_incidents(story.app, Period("7d", until - 7 * 86400, until)).resolved
    assert [i.resolve_s for i in found] == [ends[-1]["first_good_slot"] - found[0].started_at]
    assert ends[0]["first_bad_slot"] == found[0].started_at == T0 + 600


def test_a_message_says_of_what_began_again_that_it_was_on_and_off(store: Store) -> None:
    story = Story(app_on(store, rules=(replace(DOWN, recover_after=1),)))
    story.tick(odds_api=BAD)
    story.tick()
    story.tick(odds_api=BAD)  # within the grace period: the same alert
    story.tick()
    first, second = [text_of(notification_of(p)).summary for p in story.payloads() if p["kind"] == "resolved"]
    assert first.endswith("Down for 5 min")
    assert second.endswith("Down for 15 min on and off")


def test_no_clock_speaks_of_an_observation_from_before_the_monitors_death(store: Store) -> None:
    story = Story(app_on(store, rules=(replace(DOWN, recover_after=1),)))
    story.tick()
    story.tick(odds_api=BAD)
    story.pass_()
    actions.snooze(story.app, [story.alert(WELL).id], actor="op1", for_s=60)
    story.clock.advance(2 * HOUR)
    assert [e for e in events(story.pass_(whole=False)) if e[0] == WELL] == [], "neither the ladder nor the snooze"
    assert [e for e in events(story.tick()) if e[0] == WELL] == [(WELL, "resolved")]
    assert ("pager", "escalated") not in story.messages()


def test_what_waits_for_its_group_waits_for_a_tick_that_is_due(store: Store) -> None:
    waits = replace(POLICY, grouping=replace(POLICY.grouping, wait_s=60))
    story = Story(app_on(store, rules=(replace(DOWN, recover_after=1),), policy=waits))
    story.tick()
    story.tick(odds_api=BAD)
    story.clock.advance(HOUR)
    story.pass_(whole=False)
    story.tick()
    assert [m for m in story.messages() if m[0] != "monitor"] == [], "it was over before anybody was notified"


def test_a_shard_lets_no_clock_of_another_shard_speak(store: Store) -> None:
    story = Story(app_on(store, sources=(replace(ODDS, shard=0), replace(WEATHER, shard=1)), rules=(DOWN,)))
    story.tick()
    story.tick(odds_api=BAD)
    story.clock.advance(HOUR)
    story.look(odds_api=None)
    assert [e for e in events(story.pass_(ticking=True, shard=1)) if e[0] == WELL] == []
    story.look(odds_api=BAD, weather_api=None)
    assert [e for e in events(story.pass_(ticking=True, shard=0)) if e[0] == WELL] == [(WELL, "escalated")]


def test_silence_counts_only_where_a_tick_has_finished_without_the_source(story: Story) -> None:
    story.tick()
    found = story.ticks(5, weather_api=None)
    assert [f for f in found if f[0] == "weather_api/no-data"][-1:] == [("weather_api/no-data", "opened")]
    assert story.ticks(2)[-1] == ("weather_api/no-data", "resolved")


def test_a_wall_clock_that_jumps_an_hour_expires_and_resolves_nothing(story: Story) -> None:
    story.tick()
    story.tick(odds_api=BAD)
    for jump in (HOUR, -HOUR):
        story.clock.jump(jump)
        passed = story.pass_(whole=False)
        assert [e for e in events(passed) if e[0] == WELL] == []
        assert "jumped" in passed.clock_note


def test_a_second_pass_of_the_same_looks_changes_nothing(story: Story) -> None:
    story.tick(odds_api=BAD)
    before = story.messages()
    again = story.pass_()
    assert (again.observations, events(again), story.messages()) == (0, [], before)


def test_a_look_by_hand_is_judged_at_once(story: Story) -> None:
    story.tick()
    seen = store_observations(story.app, [observed(ODDS, story.app.now() + 7, BAD, Kind.MANUAL)])
    assert events(story.pass_(manual=seen)) == [(WELL, "opened")]


def test_a_source_that_is_removed_ends_its_alert_and_says_so(story: Story) -> None:
    story.tick(odds_api=BAD)
    left = story.with_(sources={WEATHER.name: WEATHER})
    with story.app.store.write() as uow:
        uow.sources.sync([WEATHER], T0)
    (ended,) = left.tick().changes.transitions
    assert (ended.event.value, ended.reason.split(":")[0]) == ("resolved", "removed")
    assert left.messages()[-1] == ("chat", "resolved")
    assert left.payloads()[-1]["recovered"] is False
    with story.app.store.read() as uow:
        assert uow.alerts.watched() == {}


def test_a_rule_that_is_taken_out_ends_its_alert(story: Story) -> None:
    story.tick(odds_api=BAD)
    assert events(story.with_(rules=(SLOW, NO_DATA)).tick(odds_api=BAD)) == [(WELL, "resolved")]


def test_the_monitors_own_network_is_one_alert_and_not_one_per_source(story: Story) -> None:
    story.tick()
    found = story.ticks(4, odds_api="network", weather_api="network")
    assert found == [("monitor/own-network", "opened")]
    assert story.ticks(1) == [("monitor/own-network", "resolved")]
    assert {p["incident"] for p in story.payloads()} == {None}


def test_a_refused_configuration_is_told_and_its_end_too(story: Story) -> None:
    story.tick()
    broken = Story(
        replace(story.app, config_problem="config/alerts.yaml:3:1  rules\n    The file ends after 12 bytes.")
    )
    (opened,) = broken.tick().changes.transitions
    assert opened.fingerprint == "monitor/configuration"
    assert "config/alerts.yaml:3:1" in opened.reason
    assert broken.ticks(2) == []
    assert Story(story.app).ticks(1) == [("monitor/configuration", "resolved")]


def test_ticks_that_stop_while_the_sensors_run_are_an_alert(story: Story) -> None:
    story.tick()
    story.clock.advance(4 * TICK)
    found = [e for _ in range(5) for e in events(story.pass_(whole=False))]
    assert found == [("monitor/ticks", "pending"), ("monitor/ticks", "opened")]
    assert story.ticks(1) == [("monitor/ticks", "resolved")]


def test_a_sensor_that_somebody_stopped_is_an_alert_until_it_runs_again(story: Story) -> None:
    story.tick()
    stopped = story.pass_(whole=False, stopped=("alert_sensor", "health_tick"))
    assert events(stopped) == [("monitor/sensor-stopped", "opened")]
    assert "alert_sensor, health_tick were stopped in Dagster" in stopped.changes.transitions[-1].reason
    story.clock.advance(TICK)
    assert events(story.pass_(whole=False)) == [], "no one looked: nothing is known, and nothing resolves"
    assert events(story.pass_(whole=False, stopped=())) == [("monitor/sensor-stopped", "resolved")]


def test_low_quality_counts_scores_and_not_ticks(story: Story) -> None:
    story.tick()
    for score, expected in ((80.0, "pending"), (79.0, "opened")):
        with story.app.store.write() as uow:
            uow.states.set_quality({ODDS.name: (score, story.app.now())})
        assert story.ticks(3) == [("odds_api/low-quality", expected)]


def test_other_assets_of_the_instance_alert_by_their_own_name(store: Store) -> None:
    rule = Rule("failing-check", Pattern.DAGSTER_CHECK, assets=("models/*",))
    story = Story(app_on(store, rules=(DOWN, rule)))
    story.tick()
    now = story.app.now()
    facts = [ExternalFact("check", f"models/{n}:rows", n != "b", now, "0 rows") for n in ("a", "b")]
    facts.append(ExternalFact("check", "other/c:rows", False, now))
    passed = story.pass_(instance=InstanceReading(tuple(facts), {"dagster_facts": {"checks": 7}}), whole=False)
    assert events(passed) == [("dagster/failing-check/models/b:rows", "opened")]
    with store.read() as uow:
        assert uow.meta.get("dagster_facts") == {"checks": 7}, "the cursor is kept with what it stands for"
    well = InstanceReading((ExternalFact("check", "models/b:rows", True, now + 60),))
    assert events(story.pass_(instance=well, whole=False)) == [("dagster/failing-check/models/b:rows", "resolved")]


def test_more_than_a_storm_of_sources_is_one_message_per_route(store: Store) -> None:
    fleet = [Source(f"s{k:02}", "odds", "http", group=f"g{k % 7}", tier=1 + k % 3) for k in range(30)]
    story = Story(app_on(store, sources=fleet, rules=(DOWN, NO_DATA)))
    story.tick()
    opened = story.tick(**{s.name: BAD for s in fleet})
    assert opened.opened == 30
    assert story.messages() == [("chat", "opened")]
    notification = story.payloads()[0]
    assert notification["group"]["storm"]
    assert len(notification["group"]["members"]) == 30
    assert notification["group"]["fleet"] == 30
    half = {s.name: BAD for s in fleet[:10]}
    story.ticks(2, **half)
    assert story.messages()[-1] == ("chat", "updated"), "some are up: the message is changed, no one is notified again"
    assert sum(m["open"] for m in story.payloads()[-1]["group"]["members"]) == 10
    story.ticks(2)
    assert story.messages()[-1] == ("chat", "resolved")


def test_an_acknowledgement_stops_the_clock_and_its_end_lets_it_run_on(story: Story) -> None:
    story.tick(odds_api=BAD)
    key = story.alert(WELL).id
    (acked,) = actions.acknowledge(story.app, [key], actor="op-1", note="ticket 88213")
    assert acked.ack is not None
    assert acked.ack.by == "op-1"
    assert story.ticks(40, odds_api=BAD) == []
    assert show_incident(story.app, f"INC-{key}").incident.state == "acked"
    actions.unacknowledge(story.app, [key], actor="op-2")
    assert show_incident(story.app, f"INC-{key}").incident.state == "open", "no one has it any more"
    assert story.ticks(7, odds_api=BAD)[-1] == (WELL, "escalated")
    with story.app.store.read() as uow:
        assert [(a.actor, a.action, a.detail) for a in uow.audit.list()] == [
            ("op-2", "alert.unack", ""),
            ("op-1", "alert.ack", "ticket 88213"),
        ]
    assert ("chat", "acked") in story.messages()
    story.check_folds()


def test_snoozing_silences_and_the_end_is_told_all_the_same(story: Story) -> None:
    story.tick(odds_api=BAD)
    actions.snooze(story.app, [story.alert(WELL).id], actor="op-1", for_s=2 * HOUR)
    assert story.ticks(10, odds_api=BAD) == []
    assert story.ticks(2) == [(WELL, "resolved")]
    assert story.messages() == [("chat", "opened"), ("chat", "snoozed"), ("chat", "resolved")]


def test_what_the_state_does_not_allow_is_refused_and_nothing_is_changed(story: Story) -> None:
    story.tick(odds_api=BAD, weather_api=BAD)
    odds, weather = story.alert(WELL).id, story.alert("weather_api/source-down").id
    actions.resolve(story.app, [odds], actor="op-1", note="false alarm")
    with pytest.raises(Refused, match=f"{odds} odds_api/source-down is resolved"):
        actions.acknowledge(story.app, [weather, odds], actor="op-1")
    assert story.alert("weather_api/source-down").ack is None, "all or nothing"
    with pytest.raises(UnknownName, match="no alert 99"):
        actions.acknowledge(story.app, [99], actor="op-1")
    assert events(story.tick(odds_api=BAD))[0] == (WELL, "reopened"), "a word fixes nothing"


def test_a_lease_that_somebody_holds_is_respected(story: Story) -> None:
    story.look(odds_api=BAD)
    with story.app.store.write() as uow:
        uow.leases.acquire(LEASE, "another", 60.0, story.app.clock.now())
    with pytest.raises(Refused, match="another"):
        alert_pass(story.app)
    story.clock.advance(61)
    assert events(story.pass_()) == [(WELL, "opened")]


def test_a_changed_rule_rebuilds_the_window_without_forgetting_or_telling_again(story: Story) -> None:
    story.ticks(3, odds_api=6_000.0)
    assert story.messages() == [("chat", "opened")]
    rate = Rule(
        "failure-rate",
        Pattern.RATE,
        (replace(DOWN.conditions[0], metric="failed", op=">", value=5.0),),
        over_s=HOUR,
        min_bad=4,
    )
    wider = story.with_(rules=(DOWN, SLOW, QUALITY, NO_DATA, rate))
    assert wider.ticks(3, odds_api=6_000.0) == []
    assert wider.ticks(2) == [("odds_api/slow-response", "resolved")]
    assert wider.messages() == [("chat", "opened"), ("chat", "resolved")]


def test_a_channel_hears_what_it_asked_for_and_every_end_of_what_it_heard(store: Store) -> None:
    picky = replace(
        POLICY, channels=POLICY.channels | {"chat": replace(POLICY.channels["chat"], events=("escalated",))}
    )
    story = Story(app_on(store, policy=picky))
    story.tick(odds_api=BAD)
    story.ticks(7, odds_api=BAD)
    story.ticks(2)
    assert ("chat", "escalated") in story.messages()
    assert ("chat", "resolved") in story.messages()


def test_a_source_that_flaps_is_one_alert_that_climbs_its_ladder_and_repeats_nothing(story: Story) -> None:
    story.tick()
    for k in range(40):
        story.tick(odds_api=BAD if k % 2 else "up")
    notified = story.messages()
    assert [kind for _, kind in notified].count("flapping_started") == 1
    assert len(notified) == len(set(notified)), "every step tells each of its channels once"
    assert {"escalated", "renotified"} <= {kind for _, kind in notified}
    story.ticks(20)
    assert [kind for _, kind in story.messages()][-1] == "resolved"
    with story.app.store.read() as uow:
        assert len(uow.alerts.list(sources=["odds_api"])) == 1
    story.check_folds()


def test_two_passes_at_once_tell_once(story: Story, store_url: str) -> None:
    story.tick()
    story.look(odds_api=BAD, weather_api=BAD)
    ready = threading.Barrier(2)
    opened: list[int] = []

    def other() -> None:
        with Store(store_url) as store:
            app = app_on(store, clock=story.clock)
            ready.wait(120)
            opened.append(alert_pass(app).opened)

    threads = [threading.Thread(target=other) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(opened) == [0, 2]
    assert story.messages() == [("chat", "opened"), ("chat", "opened")]
