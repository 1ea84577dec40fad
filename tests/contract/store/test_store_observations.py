"""Observations: stored once, found again."""

from __future__ import annotations

import pytest
from store_stories import DAY, HOUR, T0, added, seen, synced

from busta_health_dagster.domain.errors import UnknownName
from busta_health_dagster.domain.observation import Kind, Observation, Phases, Status
from busta_health_dagster.domain.source import Source
from busta_health_dagster.store import Store


def test_an_observation_comes_back_as_it_was_seen(store: Store) -> None:
    synced(store, odds=300)
    first = Observation(
        "odds",
        T0,
        T0 + 7,
        Status.DEGRADED,
        "rate_limited",
        "429, retry in 30 s – später",
        response_ms=94.3,
        phases=Phases(1.0, 12.0, 20.0, 58.0, 3.3),
        items=120,
        data_age_s=90.0,
        http_status=429,
        size_bytes=48_211,
        tls_days_left=61.7,
        retry_after_s=30.5,
        attempts=3,
        suspect=True,
        quality=97.25,
    )
    second = seen("odds", T0 + 300, Status.DOWN)
    added(store, first, second)
    with store.read() as uow:
        found = uow.observations.window(["odds"], T0, T0 + HOUR)["odds"]
    assert found[1] == second
    assert found[0].phases is not None
    exact = ("slot", "observed_at", "status", "reason", "detail", "response_ms", "items", "data_age_s", "http_status")
    assert all(getattr(found[0], name) == getattr(first, name) for name in (*exact, "size_bytes", "retry_after_s"))
    assert (found[0].attempts, found[0].suspect, found[0].quality, found[0].tls_days_left) == (3, True, 97.25, 61.0)
    assert found[0].phases.first_byte == pytest.approx(58.0, rel=0.03)
    assert found[0].phases.tls == pytest.approx(20.0, rel=0.03)


def test_a_duplicate_tick_stores_and_counts_nothing_twice(store: Store) -> None:
    synced(store, odds=300, scores=300)
    tick = [seen("odds", T0), seen("scores", T0, Status.DOWN)]
    assert added(store, *tick) == {("odds", T0), ("scores", T0)}
    again = [seen("odds", T0, Status.DOWN), seen("scores", T0), seen("odds", T0 + 300)]
    assert added(store, *again) == {("odds", T0 + 300)}
    with store.read() as uow:
        assert [o.status for o in uow.observations.window(["odds"], T0, T0 + HOUR)["odds"]] == [Status.UP, Status.UP]
        assert uow.rollups.summary(["scores"], {"1h": (T0, T0 + HOUR)})["scores"]["1h"].down == 1
        state = uow.states.get("odds")
    assert state is not None
    assert (state.slot, state.since, state.status) == (T0 + 300, T0, Status.UP)


def test_the_same_slot_twice_in_one_batch_is_one_observation(store: Store) -> None:
    synced(store, odds=300)
    assert added(store, seen("odds", T0), seen("odds", T0, Status.DOWN)) == {("odds", T0)}
    with store.read() as uow:
        assert uow.rollups.summary(["odds"], {"w": (T0, T0 + 1)})["odds"]["w"].seen == 1


def test_a_look_that_a_person_asked_for_moves_the_state_and_no_count(store: Store) -> None:
    synced(store, odds=300)
    manual = seen("odds", T0 + 130, Status.DOWN, kind=Kind.MANUAL)
    added(store, seen("odds", T0))
    assert added(store, manual) == {("odds", T0 + 130)}
    with store.read() as uow:
        summary = uow.rollups.summary(["odds"], {"1h": (T0, T0 + HOUR)})["odds"]["1h"]
        assert (summary.up, summary.down) == (1, 0)
        assert uow.observations.window(["odds"], T0, T0 + HOUR)["odds"] == [seen("odds", T0)]
        assert uow.observations.window(["odds"], T0, T0 + HOUR, manual=True)["odds"] == [seen("odds", T0), manual]
        assert uow.observations.recent(5, ["odds"], manual=True)["odds"][-1] == manual
        state = uow.states.get("odds")
    assert state is not None
    assert (state.status, state.slot, state.scheduled_slot) == (Status.DOWN, T0 + 130, T0)


def test_a_source_that_was_never_synced_is_an_error_and_stores_nothing(store: Store) -> None:
    synced(store, odds=300)
    with pytest.raises(UnknownName, match=r"no source 'scores'.*busta sources list"):
        added(store, seen("odds", T0), seen("scores", T0))
    with store.read() as uow:
        assert uow.observations.last_slot() is None


def test_a_late_observation_is_history_and_not_the_state(store: Store) -> None:
    synced(store, odds=300)
    added(store, seen("odds", T0 + 600, Status.DOWN))
    added(store, seen("odds", T0))
    with store.read() as uow:
        state = uow.states.get("odds")
        assert [o.slot for o in uow.observations.window(None, T0, T0 + HOUR)["odds"]] == [T0, T0 + 600]
    assert state is not None
    assert (state.status, state.slot) == (Status.DOWN, T0 + 600)


def test_since_is_the_first_slot_of_the_present_status(store: Store) -> None:
    synced(store, odds=300)
    added(store, *(seen("odds", T0 + i * 300, Status.DOWN if i >= 2 else Status.UP) for i in range(5)))
    added(store, seen("odds", T0 + 1500, Status.DOWN))
    with store.read() as uow:
        state = uow.states.get("odds")
    assert state is not None
    assert (state.since, state.pending, state.evaluated_slot) == (T0 + 600, True, 0)


def test_the_last_looks_are_found_however_long_ago_they_were(store: Store) -> None:
    names = [f"s{n:02}" for n in range(20)]
    synced(store, **dict.fromkeys(names, 300), dead=300, daily=DAY, fresh=300)
    for day in range(3):
        added(store, seen("daily", T0 + day * DAY))
    added(store, *(seen("dead", T0 + i * 300) for i in range(4)))
    late = T0 + 3 * DAY
    for i in range(3):
        added(store, *(seen(name, late + i * 300) for name in names), *([seen("fresh", late + 600)] if i == 2 else []))
    with store.read() as uow:
        recent = uow.observations.recent(2)
    assert [o.slot for o in recent["dead"]] == [T0 + 600, T0 + 900]
    assert [o.slot for o in recent["daily"]] == [T0 + DAY, T0 + 2 * DAY]
    assert [o.slot for o in recent["fresh"]] == [late + 600]
    assert all([o.slot for o in recent[name]] == [late + 300, late + 600] for name in names)


def test_few_sources_of_many_are_read_like_all_of_them(store: Store) -> None:
    names = [f"s{n:02}" for n in range(60)]
    synced(store, **dict.fromkeys(names, 300))
    for i in range(4):
        added(store, *(seen(name, T0 + i * 300, Status(1 + (n + i) % 3)) for n, name in enumerate(names)))
    with store.read() as uow:
        everybody = uow.observations.window(None, T0 + 300, T0 + 1200)
        one = uow.observations.window(["s07"], T0 + 300, T0 + 1200)
        observations = uow.observations.columns(T0 + 300, T0 + 1200, ["s07"])["s07"]
        assert (
            uow.rollups.strip(["s07"], T0, T0 + HOUR, 600)["s07"] == uow.rollups.strip(None, T0, T0 + HOUR, 600)["s07"]
        )
    assert one == {"s07": everybody["s07"]}
    assert [(x.slot, x.status, x.response_ms) for x in observations] == [
        (o.slot, o.status, o.response_ms) for o in one["s07"]
    ]
    assert len(observations) == 3


def test_ticks_come_slot_by_slot_across_days(store: Store) -> None:
    synced(store, odds=300, scores=300)
    slots = [T0 + DAY - 300, T0 + DAY, T0 + 2 * DAY]
    for slot in slots:
        added(store, seen("odds", slot), seen("scores", slot))
    with store.read() as uow:
        ticks = list(uow.observations.iter_ticks(0, T0 + 2 * DAY + 1))
        assert list(uow.observations.iter_ticks(T0 + 5 * DAY, T0 + 9 * DAY)) == []
    assert [slot for slot, _ in ticks] == slots
    assert {o.source for o in ticks[1][1]} == {"odds", "scores"}


def test_a_score_that_comes_later_lands_on_its_observation_once(store: Store) -> None:
    synced(store, odds=300)
    added(store, seen("odds", T0), seen("odds", T0 + 300))
    with store.write() as uow:
        assert uow.observations.score("odds", T0, 88.5)
        assert uow.observations.score("odds", T0, 91.5)
        assert not uow.observations.score("odds", T0 + 900, 50.0)
    with store.read() as uow:
        assert [x.quality for x in uow.observations.columns(T0, T0 + HOUR)["odds"]] == [91.5, None]
        assert uow.rollups.summary(["odds"], {"w": (T0, T0 + HOUR)})["odds"]["w"].mean_quality == 91.5
        state = uow.states.get("odds")
    assert state is not None
    assert state.quality == 91.5


def test_a_removed_source_keeps_its_history_and_comes_back_to_it(store: Store) -> None:
    synced(store, odds=300, scores=300)
    added(store, seen("odds", T0), seen("scores", T0))
    with store.write() as uow:
        odds = Source("odds", "odds", "http")
        gone = uow.sources.sync([odds], T0 + 60)
        assert (gone.added, gone.removed) == ((), ("scores",))
        assert list(uow.states.all()) == ["odds"]
        assert list(uow.observations.window(None, T0, T0 + HOUR)) == ["odds"]
        assert len(uow.observations.window(["scores"], T0, T0 + HOUR)["scores"]) == 1
        back = uow.sources.sync([odds, Source("scores", "scores", "http", interval_s=60)], T0 + 120)
        assert (back.added, back.removed) == (("scores",), ())
        assert uow.sources.get("scores").interval_s == 60
        assert set(uow.states.all()) == {"odds", "scores"}


def test_an_imported_source_survives_a_sync_that_does_not_name_it(store: Store) -> None:
    synced(store, odds=300)
    with store.write() as uow:
        uow.sources.ensure("old_feed", "imported", 600, T0)
        uow.sources.ensure("odds", "imported", 600, T0)
        assert uow.sources.sync([Source("odds", "odds", "http")], T0).removed == ()
        assert (uow.sources.get("odds").type, uow.sources.get("old_feed").origin) == ("odds", "import")


def test_history_that_is_taken_back_leaves_no_trace(store: Store) -> None:
    synced(store, odds=300, scores=60)
    for name, step in (("odds", 300), ("scores", 60)):
        added(store, *(seen(name, T0 + i * step, Status.DOWN if i % 3 else Status.UP) for i in range(40)))
        with store.write() as uow:
            assert uow.observations.delete(name, T0 + 10 * step, T0 + 30 * step) == 20
            summary = uow.rollups.summary([name], {"w": (T0, T0 + DAY)})[name]["w"]
            assert (summary.seen, summary.measured) == (20, summary.up)
            assert uow.rollups.recompute([name], T0, T0 + DAY).hours == 0
            assert uow.observations.delete(name, T0 - DAY, T0) == 0


def test_scores_are_found_without_the_looks_that_have_none(store: Store) -> None:
    synced(store, odds=300, scores=300)
    plain = {"phases": Phases(1.0, 12.0, 20.0, 58.0, 3.3), "http_status": 200, "size_bytes": 48_211}
    added(
        store,
        seen("odds", T0, quality=97.25, **plain),
        seen("odds", T0 + 300, **plain),
        seen("scores", T0, quality=0.0),
    )
    added(store, seen("odds", T0 + 600, Status.DOWN), seen("odds", T0 + 900, quality=88.0, http_status=429))
    with store.read() as uow:
        assert uow.observations.scores(T0, T0 + HOUR, ["odds", "scores"]) == {
            "odds": [(T0, 97.25), (T0 + 900, 88.0)],
            "scores": [(T0, 0.0)],
        }
        assert uow.observations.scores(T0 + 1, T0 + 900, ["odds"]) == {"odds": []}
