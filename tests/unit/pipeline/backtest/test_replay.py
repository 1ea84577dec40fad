"""The virtual clock: the same decisions as live, at the time of the slot, and none that depends on what comes later."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from busta_health_dagster.domain.digest import Digest
from busta_health_dagster.domain.maintenance import Window
from busta_health_dagster.domain.policy import AlertPolicy, Escalation, Grouping, Route, Step
from busta_health_dagster.domain.rule import Condition, Override, Pattern, Rule, Severity
from busta_health_dagster.domain.source import Selector, Source
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.pipeline.backtest.backtest import BacktestRun, lines, tried
from busta_health_dagster.pipeline.backtest.noise_summary import summarize_noise
from busta_health_dagster.pipeline.backtest.replay import ReplayInput, ticks_of
from busta_health_dagster.pipeline.backtest.suggestions import suggest
from busta_health_dagster.pipeline.backtest.variants import Variant, best_trade, summarise
from busta_health_dagster.store.history import ObservationRow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

T0 = 1_790_812_800
DOWN = Rule("source-down", Pattern.STATUS, (Condition("status", "==", "down"),))
SLOW = Rule("slow-response", Pattern.THRESHOLD, (Condition("response_ms", ">", 5000.0),), for_=2)
NO_DATA = Rule("no-data", Pattern.NO_DATA)
LADDER = Escalation(
    "default",
    (Step(0, ("chat",), Severity.WARNING), Step(1800, ("chat", "mail"), Severity.CRITICAL)),
    repeat_s=4 * 3600,
)
POLICY = AlertPolicy({"default": LADDER}, (Route(Selector(), "default"),), grouping=Grouping())


def source(name: str = "feed", interval_s: int = 300, **more: Any) -> Source:
    return Source(name, more.pop("type", "odds"), "imported", interval_s=interval_s, **more)


def observations(statuses: str, *, step: int = 300, ms: float = 100.0) -> list[ObservationRow]:
    """`u` up, `d` down, `s` slow, `?` unknown, a blank: no observation."""
    found = []
    for n, letter in enumerate(statuses):
        if letter != " ":
            slow = 6000.0 if letter == "s" else None if letter in "d?" else ms
            status = {"u": 1, "s": 1, "d": 3, "?": 0}[letter]
            found.append(ObservationRow(T0 + n * step, status, slow, None, None, None, 1, False, False))
    return found


def trial(
    histories: Mapping[str, Sequence[ObservationRow]],
    rules: Sequence[Rule] = (DOWN,),
    *,
    sources: Sequence[Source] = (),
    windows: tuple[Window, ...] = (),
    policy: AlertPolicy = POLICY,
    since: int = T0,
) -> BacktestRun:
    known = {s.name: s for s in sources} or {name: source(name) for name in histories}
    until = max(x[-1].slot for x in histories.values()) + 300
    script = ReplayInput(known, tuple(rules), policy, windows, T0, until)
    count = sum(len(x) for x in histories.values())
    return BacktestRun(
        script, lambda: ticks_of(histories), since, until, count, {n: x[-1].slot for n, x in histories.items()}
    )


def notified(one: BacktestRun) -> list[tuple[int, str, str, str]]:
    """(minutes after the start, source, rule, event)."""
    return [
        ((int(_epoch(line["at"])) - T0) // 60, line["source"], line["rule"], line["event"])
        for changes in one.run()
        for line in lines(changes)
    ]


def _epoch(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp()


def test_an_outage_opens_at_its_slot_escalates_on_time_and_resolves_after_two_good_ones() -> None:
    assert notified(trial({"feed": observations("uudddddddduuu")})) == [
        (10, "feed", "source-down", "opened"),
        (40, "feed", "source-down", "escalated"),
        (55, "feed", "source-down", "resolved"),
    ]


def test_a_line_says_who_would_have_been_told_and_why() -> None:
    first, second, *_ = [
        line for changes in trial({"feed": observations("uudddddddduuu")}).run() for line in lines(changes)
    ]
    assert first == {
        "at": "2026-10-01T00:10:00Z",
        "source": "feed",
        "rule": "source-down",
        "event": "opened",
        "severity": "warning",
        "notify": ["chat"],
        "reason": "down",
    }
    assert (second["severity"], second["notify"]) == ("critical", ["chat", "mail"])


def test_an_hourly_source_escalates_between_its_looks() -> None:
    one = trial({"feed": observations("udddduuu", step=3600)}, sources=[source(interval_s=3600)])
    assert [(at, event) for at, _, _, event in notified(one)][:2] == [(60, "opened"), (90, "escalated")]


def test_a_dead_monitor_neither_escalates_nor_resolves_nor_misses_data() -> None:
    one = trial({"feed": observations("ud" + " " * 30 + "duu")}, (DOWN, NO_DATA))
    events = [(at, rule, event) for at, _, rule, event in notified(one)]
    assert events[0] == (5, "source-down", "opened")
    assert [e for e in events if e[1] == "no-data"] == []
    assert events[-1] == (170, "source-down", "resolved")


def test_silence_counts_only_for_a_source_that_the_tick_missed() -> None:
    one = trial({"feed": observations("uu     uuu"), "other": observations("uuuuuuuuuu")}, (NO_DATA,))
    assert notified(one)[0] == (20, "feed", "no-data", "opened")
    assert notified(one)[-1] == (40, "feed", "no-data", "resolved")


def test_a_source_whose_history_has_ended_is_not_missed() -> None:
    assert notified(trial({"feed": observations("uu"), "other": observations("uuuuuuuuuu")}, (NO_DATA,))) == []


def test_maintenance_suppresses_opening_and_a_bad_slot_at_its_end_opens() -> None:
    window = Window("upgrade", Selector(), from_epoch(T0 + 600).replace(tzinfo=None), "UTC", 1200)
    one = trial({"feed": observations("uuudddddduu")}, windows=(window,))
    assert [(at, event) for at, _, _, event in notified(one)] == [(15, "suppressed"), (30, "opened"), (50, "resolved")]
    reasons = [line["reason"] for changes in one.run() for line in lines(changes)]
    assert reasons[1].startswith("failing since maintenance upgrade")


def test_source_down_keeps_the_other_rules_of_its_source_quiet() -> None:
    burn = Rule("budget-burn", Pattern.BURN_RATE, severity=Severity.CRITICAL)
    events = notified(trial({"feed": observations("u" * 20 + "d" * 5 + "u" * 20)}, (burn, DOWN)))
    assert [(rule, event) for _, _, rule, event in events] == [
        ("source-down", "opened"),
        ("budget-burn", "suppressed"),
        ("source-down", "resolved"),
    ]


def test_shadow_rules_take_part_only_when_asked_and_then_as_live_ones() -> None:
    shadow = replace(DOWN, shadow=True, overrides=(Override(Selector(types=("odds",)), {"shadow": True}),))
    history = {"feed": observations("uudduu")}
    assert tried([shadow], include_shadow=False) == ()
    assert notified(trial(history, tried([shadow], include_shadow=False, keep_shadow=True))) == []
    assert len(notified(trial(history, tried([shadow], include_shadow=True)))) == 2


def test_what_lies_before_the_time_asked_for_fills_the_windows_and_tells_nothing() -> None:
    rate = Rule("failure-rate", Pattern.RATE, (Condition("failed", ">", 5.0),), over_s=6 * 3600, min_bad=4)
    history = {"feed": observations("uuuddd" + "u" + "d" + "uuuuuuuu")}
    since = T0 + 6 * 300
    assert notified(trial(history, (rate,), since=since))[0] == (35, "feed", "failure-rate", "opened")
    assert notified(trial({"feed": history["feed"][6:]}, (rate,), since=since)) == [], (
        "without them it counts one failure"
    )


def test_ladders_may_be_missing_altogether() -> None:
    one = trial({"feed": observations("uudduu")}, policy=AlertPolicy())
    assert [event for _, _, _, event in notified(one)] == ["opened", "resolved"]


@settings(max_examples=40)
@given(
    st.text("uuuuuds? ", min_size=4, max_size=90).filter(lambda s: s[0] != " " and s[-1] != " "),
    st.integers(1, 89),
    st.booleans(),
)
def test_what_was_told_does_not_depend_on_what_came_later(story: str, cut: int, second: bool) -> None:
    rules = (DOWN, SLOW, NO_DATA, Rule("budget-burn", Pattern.BURN_RATE, severity=Severity.CRITICAL))
    more = {"other": observations("u" * 90)} if second else {}
    whole = notified(trial({"feed": observations(story)} | more, rules))
    part = {
        n: [x for x in some if x.slot < T0 + cut * 300] for n, some in ({"feed": observations(story)} | more).items()
    }
    assert notified(trial(part, rules)) == [t for t in whole if t[0] < cut * 5 and not _after(part, t)]


def _after(part: Mapping[str, Sequence[ObservationRow]], event: tuple[int, str, str, str]) -> bool:
    """A pass between two ticks of which the second is cut off."""
    last = max(x[-1].slot for x in part.values())
    return T0 + event[0] * 60 > last


def test_the_summary_counts_messages_noise_and_time_and_names_the_best_trade() -> None:
    blips = ("u" * 30 + "d") * 6 + "u" * 30 + "d" * 12 + "u" * 30
    one = trial({"feed": observations(blips), "other": observations("u" * len(blips))})
    report = summarise(one, summarize_noise(one, lambda _n, _t: None, lambda _c: None))
    (down,) = report.rules
    # Six blips open and resolve on one channel; the outage opens, escalates on two, and resolves on two.
    assert (down.alerts, down.notifications, down.blips) == (7, 6 * 2 + 1 + 2 + 2, 6)
    assert down.under_alert_s == 6 * 600 + 13 * 300
    shown = {v.label: (v.notifications, v.kept, v.real, v.later_s) for v in report.variants}
    assert shown["1"] == (17, 1, 1, None)
    assert shown["2"] == (5, 1, 1, 300.0)
    assert report.best == "source-down for 2: 12 notifications fewer, no real alert lost, 5 min later."
    assert [name for name, _, _ in report.noisiest] == ["feed"]


def test_an_alert_that_reopens_counts_again_as_it_does_among_the_events() -> None:
    one = trial({"feed": observations("u" * 30 + "d" + "uu" + "d" + "u" * 30)})
    noise = summarize_noise(one, lambda _n, _t: None, lambda _c: None)
    opened = [event for _, _, _, event in notified(one)].count("opened")
    assert noise.alerts["source-down"] == noise.blips["source-down"] == opened == 2


def test_a_limit_under_which_one_alert_never_ends_is_no_trade() -> None:
    def choice(label: str, notified: int, under: int, *, present: bool = False) -> Variant:
        return Variant("slow-response", "response_ms", label, present, notified, 5, 5, None if present else 0.0, under)

    now, endless, better = (
        choice("5 s", 32, 9_000, present=True),
        choice("3.75 s", 15, 90_000),
        choice("6 s", 20, 8_000),
    )
    assert best_trade([endless, now]) == ""
    assert best_trade([endless, now, better]).startswith("slow-response response_ms 6 s: 12 notifications fewer")


def test_a_threshold_is_suggested_per_type_within_the_budget() -> None:
    def wave(ms: float) -> list[ObservationRow]:
        ordinary = observations("u" * 2016, ms=ms)
        for n in range(0, 2016, 40):
            ordinary[n] = ordinary[n]._replace(response_ms=ms * 3)
            ordinary[n + 1] = ordinary[n + 1]._replace(response_ms=ms * 3)
        for n in range(1000, 1030):
            ordinary[n] = ordinary[n]._replace(response_ms=ms * 20)
        return ordinary

    rule = replace(SLOW, conditions=(Condition("response_ms", ">", 250.0),))
    fast, slow = source("fast", type="api"), source("slow", type="page")
    one = trial({"fast": wave(100.0), "slow": wave(900.0)}, (rule,), sources=[fast, slow])
    found = {s.group: s for s in suggest(one, summarize_noise(one, lambda _n, _t: None, lambda _c: None), 6.0, "type")}
    assert found.keys() == {"api", "page"}
    assert found["api"].proposed is not None
    assert 300 <= found["api"].proposed.value <= 2000
    assert found["api"].proposed.per_source_week <= 6
    assert found["api"].proposed.caught >= 1
    assert found["api"].override().startswith("{select: {types: [api]}, value: ")


def test_what_a_digest_collects_is_counted_as_one_message_a_day() -> None:
    digest = Digest(480)
    calm = Escalation("calm", (Step(0, ("chat",), Severity.WARNING), Step(7200, ("chat", "mail"), Severity.CRITICAL)))
    policy = replace(POLICY, escalations={"calm": calm}, routes=(Route(Selector(), "calm", digest=digest),))
    day = "u" * 20 + "sssuuuuuu" * 6 + "u" * (288 - 20 - 54)
    run = trial({"feed": observations(day * 3 + "u" * 12 + "s" * 30 + "u" * 10)}, (SLOW,), policy=policy)
    noise = summarize_noise(run, lambda *_: None, lambda _: None)
    assert len(noise.digests) == 4
    assert noise.notified["slow-response"] == 4, "critical, to two channels, and its end"
    assert summarise(run, noise).as_json()["digests"] == 4
    sent = [line for changes in run.run() for line in lines(changes) if line["notify"]]
    assert [line["event"] for line in sent] == ["escalated", "resolved"]
