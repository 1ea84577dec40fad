"""The pure core of alerting, as a replay drives it: no store, no clock, one book for a month."""

from __future__ import annotations

from alert_stories import DOWN, ODDS, POLICY, SLOW, T0, TICK, WEATHER
from hypothesis import given, settings
from hypothesis import strategies as st

from busta_health_dagster.domain.alert import AlertState, Event
from busta_health_dagster.domain.alert_replay import replay, snapshot
from busta_health_dagster.domain.maintenance import Window
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.policy import Inhibition
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.engines.alerting.actions import acknowledge
from busta_health_dagster.engines.maintenance import MaintenanceIndex
from busta_health_dagster.pipeline.alerting.changes import Changes
from busta_health_dagster.pipeline.alerting.engine import AlertEngine, CompiledRules

LISTENS = {"chat": None, "mail": None, "pager": None}
UNTIL = T0 + 400 * TICK


def book_of(*windows: Window, inhibitions: tuple[Inhibition, ...] = ()) -> AlertEngine:
    from dataclasses import replace

    rules = CompiledRules.of([ODDS, WEATHER], (SLOW, DOWN), replace(POLICY, inhibitions=inhibitions), LISTENS)
    return AlertEngine(rules, MaintenanceIndex(windows, T0 - TICK, UNTIL))


def tick(book: AlertEngine, n: int, **states: str | float) -> Changes:
    """One slot: sources that are not named are up."""
    slot = T0 + n * TICK
    book.begin(slot, slot)
    for name, rule_state in book.rule_states.items():
        state = states.get(name, "up")
        status = Status.UP if isinstance(state, float) else Status[state.upper()]
        ms = state if isinstance(state, float) else (200.0 if status is Status.UP else None)
        rule_state.window.feed(slot, int(status), ms, maintenance=book.planned.covers(rule_state.source, slot))
        book.evaluate_rules(name)
    return book.finish()


def said(changes: Changes) -> list[tuple[str, str]]:
    return [(t.fingerprint, t.event.value) for t in changes.transitions]


def test_a_replay_tells_when_each_thing_happened() -> None:
    book = book_of()
    tick(book, 0)
    found = [(t.at, t.event.value, t.notify) for n in range(1, 12) for t in tick(book, n, odds_api="down").transitions]
    assert found == [
        (T0 + TICK, "opened", ("chat",)),
        (T0 + 7 * TICK, "escalated", ("chat", "mail")),
    ]
    assert said(tick(book, 12)) == []
    ended = tick(book, 13)
    assert said(ended) == [("odds_api/source-down", "resolved")]
    assert {n.channel for n in ended.notifications} == {"chat", "mail"}


def test_a_source_that_goes_down_keeps_its_other_rules_quiet_in_the_same_look() -> None:
    """The file lists slow-response first; the order of the file must not decide who is notified."""
    book = book_of()
    tick(book, 0, odds_api=6_000.0)
    assert said(tick(book, 1, odds_api=6_000.0)) == [("odds_api/slow-response", "opened")]
    assert said(tick(book, 2, odds_api="down")) == [
        ("odds_api/source-down", "opened"),
        ("odds_api/slow-response", "suppressed"),
    ]


def test_an_alert_of_one_source_may_keep_those_of_another_quiet() -> None:
    pair = Inhibition(Selector(names=("odds_api",)), Selector(names=("weather_api",)), equal=())
    book = book_of(inhibitions=(pair,))
    tick(book, 0, odds_api="down")
    assert said(tick(book, 1, odds_api="down", weather_api="down")) == [
        ("weather_api/source-down", "pending"),
        ("weather_api/source-down", "suppressed"),
    ]


def test_in_a_replay_maintenance_ends_with_the_first_bad_slot_after_it() -> None:
    local = from_epoch(T0 + TICK).replace(tzinfo=None)
    book = book_of(Window("move", Selector(), local, "UTC", 3 * TICK))
    found = [
        (t.at, t.event, t.reason) for n in range(6) for t in tick(book, n, odds_api="down" if n else "up").transitions
    ]
    assert found[-1] == (T0 + 4 * TICK, Event.OPENED, "failing since maintenance move: down")
    assert [event for _, event, _ in found] == [Event.PENDING, Event.SUPPRESSED, Event.OPENED]


def test_what_nobody_watches_any_more_leaves_the_book() -> None:
    book = book_of()
    tick(book, 0, odds_api="down")
    for n in range(1, 24):
        tick(book, n)
    assert book.alerts == {}


def test_what_a_person_does_is_a_pass_of_its_own() -> None:
    book = book_of()
    tick(book, 0, odds_api="down")
    book.begin(T0 + 60, T0 + 60.0)
    book.note(acknowledge(book.alerts["odds_api/source-down"], T0 + 60, T0 + 60.0, "op-1"))
    changes = book.plan()
    assert said(changes) == [("odds_api/source-down", "acked")]
    assert [(n.channel, n.event) for n in changes.notifications] == [("chat", Event.ACKED)]


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.sampled_from(["up", "down", "unknown", 6_000.0]), st.sampled_from(["up", "down"])), max_size=60
    )
)
def test_whatever_happens_the_transitions_tell_the_state_and_every_end_reaches_who_heard_the_beginning(history) -> None:
    book = book_of()
    records: dict[str, list] = {}
    listened: dict[tuple[str, str], set[str]] = {}
    for n, (odds, weather) in enumerate(history):
        changes = tick(book, n, odds_api=odds, weather_api=weather)
        for record in changes.records:
            name = record.alert.fingerprint
            if (record.transitions and record.transitions[0].event is Event.PENDING) or (
                record.transitions and record.transitions[0].from_state is None
            ):
                records[name] = []
            records.setdefault(name, []).extend(record.transitions)
            assert replay(records[name]).state is snapshot(record.alert).state
        for note in changes.notifications:
            for name in note.fingerprints:
                known = listened.setdefault((note.channel, name), set())
                if note.event is Event.RESOLVED:
                    assert known, "an end of something that no one was notified of"
                    known.clear()
                else:
                    known.add(note.event.value)
    open_now = {a.fingerprint for a in book.alerts.values() if a.state is AlertState.OPEN}
    for (_, name), known in listened.items():
        assert not known or name in open_now, "told that it fired, and never that it ended"
