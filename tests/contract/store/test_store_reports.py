"""Finished reports, and the questions that only a report asks."""

from __future__ import annotations

from dataclasses import replace

from store_stories import T0, added, seen, synced

from busta_health_dagster.domain.alert import Event
from busta_health_dagster.engines.alerting.transition import NotSent
from busta_health_dagster.store import Store
from busta_health_dagster.store.outbox_rows import Message
from busta_health_dagster.store.pruning import prune
from busta_health_dagster.store.reports import KeptReport

WEEK = 7 * 86400
W47 = KeptReport(
    "weekly", "2026-W47", T0, T0 + WEEK, T0 + WEEK + 25200, None, "Week 47: nothing is wrong", '{"a": "— ▲"}'
)


def test_a_report_is_replaced_by_a_newer_one_and_remembers_when_it_was_sent(store: Store) -> None:
    with store.write() as uow:
        assert uow.reports.get("weekly", "2026-W47") is None
        uow.reports.put(W47)
        assert uow.reports.sent("weekly", "2026-W47", T0 + WEEK + 25201)
        assert not uow.reports.sent("weekly", "2026-W47", T0 + WEEK + 99999)
        uow.reports.put(replace(W47, headline="Week 47: corrected", written_at=T0 + WEEK + 30000))
    with store.read() as uow:
        found = uow.reports.get("weekly", "2026-W47")
    assert found == replace(W47, headline="Week 47: corrected", written_at=T0 + WEEK + 30000, sent_at=T0 + WEEK + 25201)


def test_the_list_is_newest_first_and_leaves_the_figures_out(store: Store) -> None:
    with store.write() as uow:
        uow.reports.put(W47)
        uow.reports.put(replace(W47, period="2026-W46", since=T0 - WEEK, until=T0))
        uow.reports.put(replace(W47, name="other"))
    with store.read() as uow:
        assert [(k.period, k.data) for k in uow.reports.list("weekly")] == [("2026-W47", ""), ("2026-W46", "")]


def test_reports_live_as_long_as_retention_says(store: Store) -> None:
    with store.write() as uow:
        uow.reports.put(W47)
        uow.reports.put(replace(W47, period="2026-W40", since=T0 - 7 * WEEK, until=T0 - 6 * WEEK))
    assert prune(store, {"reports": 4 * WEEK}, T0 + WEEK)["report"] == 1
    with store.read() as uow:
        assert [k.period for k in uow.reports.list("weekly")] == ["2026-W47"]


def test_slots_that_anybody_looked_at_are_found_once_each(store: Store) -> None:
    synced(store, odds=300, scores=300)
    with store.read() as uow:
        assert (uow.reports.first_slot(), uow.reports.slots_seen(T0, T0 + WEEK)) == (None, [])
    added(
        store,
        seen("odds", T0),
        seen("scores", T0),
        seen("scores", T0 + 300),
        seen("odds", T0 + 900),
        seen("odds", T0 + 1200),
    )
    with store.read() as uow:
        assert uow.reports.slots_seen(T0, T0 + 1200) == [T0, T0 + 300, T0 + 900]
        assert uow.reports.first_slot() == T0


def test_messages_and_what_was_held_back_are_told_by_when_they_were_written(store: Store) -> None:
    with store.write() as uow:
        for at in (T0 - 1, T0, T0 + 60):
            uow.outbox.enqueue([Message(f"k{at}", "log", "opened", {"x": 1}, "t", 1, (7, 8))], at)
        (row,) = uow.outbox.claim("me", 1, 60, T0 + 61)
        uow.outbox.complete(row.id, "me", T0 + 63)
        uow.suppressions.append(
            [NotSent(T0 + 5, "odds/source-down", "log", Event.RESOLVED, "flapping: it ends when the changes do")]
        )
    with store.read() as uow:
        messages = uow.reports.messages(T0, T0 + 60)
        held = uow.reports.held_back(T0, T0 + WEEK)
    assert [(m.channel, m.kind, m.alert_ids, m.created_at, m.state) for m in messages] == [
        ("log", "opened", (7, 8), T0, "waiting")
    ]
    assert held == [("odds/source-down", T0 + 5, Event.RESOLVED, "flapping: it ends when the changes do")]
