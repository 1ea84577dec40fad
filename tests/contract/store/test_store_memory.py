"""Small things that survive a restart: states, samples, heartbeats, counters, what Dagster was sent, the event log."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from store_stories import T0, added, seen, synced

from busta_health_dagster.domain.alert import Event
from busta_health_dagster.domain.errors import UnknownName
from busta_health_dagster.domain.observation import Phases, Sample, SourceState, Status
from busta_health_dagster.engines.alerting.transition import NotSent
from busta_health_dagster.engines.dagster_events import Reported
from busta_health_dagster.store import Store


def test_the_state_holds_the_newest_look_exactly(store: Store) -> None:
    synced(store, odds=300)
    phases = Phases(dns=1.25, first_byte=80.5)
    one = seen("odds", T0, response_ms=94.37, phases=phases, facts={"bytes": 12, "type": "json"}, tls_days_left=61.7)
    added(store, one)
    with store.read() as uow:
        assert uow.states.get("odds") == SourceState(
            "odds",
            Status.UP,
            T0,
            T0,
            T0 + 3,
            "ok",
            "",
            response_ms=94.37,
            phases=phases,
            tls_days_left=61.7,
            facts={"bytes": 12, "type": "json"},
            scheduled_slot=T0,
        )


def test_cursors_move_forward_only(store: Store) -> None:
    synced(store, odds=300, silent=300)
    added(store, seen("odds", T0 + 300))
    with store.write() as uow:
        uow.states.set_evaluated({"odds": T0 + 300, "silent": T0})
        uow.states.set_evaluated({"odds": T0})
        uow.states.set_not_before({"odds": T0 + 900})
        uow.states.set_not_before({"odds": T0 + 600})
        uow.states.set_quality({"odds": (91.5, T0 + 60)})
        uow.states.set_quality({"odds": (12.0, T0 + 30)})
    added(store, seen("odds", T0 + 600))
    with store.read() as uow:
        assert list(uow.states.all()) == ["odds"]
        state = uow.states.all()["odds"]
        assert uow.states.get("silent") is None
    assert (state.evaluated_slot, state.not_before, state.quality, state.quality_at) == (
        T0 + 300,
        T0 + 600,
        91.5,
        T0 + 60,
    )
    assert state.pending


def test_one_sample_is_kept_the_newest(store: Store) -> None:
    synced(store, odds=300)
    rows = [{"price": Decimal("1.91"), "at": datetime(2026, 11, 16, tzinfo=UTC), "team": "Zürich", "odds": [1, None]}]
    with store.write() as uow:
        uow.samples.put({"odds": Sample(rows, 4000, truncated=True)}, T0)
        uow.samples.put({"odds": Sample([], 0)}, T0 - 60)
        uow.samples.put({}, T0)
    with store.read() as uow:
        found = uow.samples.get("odds")
    assert found == (
        Sample([{"price": "1.91", "at": "2026-11-16 00:00:00+00:00", "team": "Zürich", "odds": [1, None]}], 4000, True),
        T0,
    )


def test_the_newest_beat_counts_whatever_arrives_late(store: Store) -> None:
    synced(store, nightly=3600)
    with store.write() as uow:
        assert uow.heartbeats.last("nightly") is None
        uow.heartbeats.heartbeat("nightly", T0, items=5, message="done")
        uow.heartbeats.heartbeat("nightly", T0 - 60, ok=False)
        last = uow.heartbeats.last("nightly")
        assert last is not None
        assert (last.at, last.ok, last.items, last.message) == (T0, True, 5, "done")
        assert uow.heartbeats.all() == {"nightly": last}
        with pytest.raises(UnknownName, match="no source 'nighly'"):
            uow.heartbeats.heartbeat("nighly", T0)


def test_counters_add_up_across_transactions(store: Store) -> None:
    for _ in range(3):
        with store.write() as uow:
            uow.counters.add({'checks{result="up"}': 2, "ticks": 1.5})
            uow.counters.add({})
    with store.read() as uow:
        assert uow.counters.all() == {'checks{result="up"}': 6, "ticks": 4.5}


def test_meta_keeps_json(store: Store) -> None:
    with store.write() as uow:
        uow.meta.put("last_tick", {"at": T0, "ok": True})
        uow.meta.put("last_tick", {"at": T0 + 300, "ok": False})
    with store.read() as uow:
        assert uow.meta.get("last_tick") == {"at": T0 + 300, "ok": False}
        assert uow.meta.get("never", 7) == 7


def test_what_dagster_was_told_and_what_the_rules_remember(store: Store) -> None:
    synced(store, odds=300)
    with store.write() as uow:
        uow.reported.put({"odds": Reported({"connectivity": "good"}, T0)})
        uow.reported.put({"odds": Reported({"connectivity": "bad:error"}, T0 + 300)})
        uow.rule_windows.put({"odds": {"sig": "1", "at": [1, 2]}})
        uow.rule_windows.put({})
    with store.read() as uow:
        assert uow.reported.all() == {"odds": Reported({"connectivity": "bad:error"}, T0 + 300)}
        assert uow.rule_windows.all() == {"odds": {"sig": "1", "at": [1, 2]}}


def test_the_event_log_is_replayed_from_any_id(store: Store) -> None:
    with store.write() as uow:
        first = uow.events.append("tick", {"at": T0}, T0)
        second = uow.events.append("alert", {"id": 4}, T0 + 1)
    with store.read() as uow:
        assert [(e.id, e.kind, e.payload) for e in uow.events.since(first)] == [(second, "alert", {"id": 4})]
        assert [e.id for e in uow.events.since(0, limit=1)] == [first]
        assert uow.events.last_id() == second


def test_a_link_is_used_once_and_forgotten_when_it_has_expired(store: Store) -> None:
    with store.write() as uow:
        assert uow.used_links.used_at("a") is None
        assert uow.used_links.take("a", T0, T0 + 100)
        assert not uow.used_links.take("a", T0 + 1, T0 + 100)
    with store.write() as uow:
        assert uow.used_links.used_at("a") == T0
        assert uow.used_links.take("b", T0 + 200, T0 + 300)
        assert uow.used_links.used_at("a") is None, "it would be refused by its age"


def test_a_use_that_was_rolled_back_is_none(store: Store) -> None:
    def refused() -> None:
        with store.write() as uow:
            assert uow.used_links.take("a", T0, T0 + 100)
            raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        refused()
    with store.read() as uow:
        assert uow.used_links.used_at("a") is None


def test_what_was_put_off_for_a_channel_is_read_from_where_it_was_left(store: Store) -> None:
    with store.write() as uow:
        for n, (channel, reason) in enumerate(
            (("chat", "digest"), ("chat", "other"), ("mail", "digest"), ("chat", "digest"))
        ):
            uow.suppressions.append([NotSent(T0 + n, "a/slow", channel, Event.OPENED, reason)])
    with store.read() as uow:
        found = uow.suppressions.collected("chat", "digest", 0)
        assert [one.at for _, _, one in found] == [T0, T0 + 3]
        assert uow.suppressions.collected("chat", "digest", found[0][0]) == found[1:]
        assert uow.suppressions.collected("chat", "digest", found[1][0]) == []
