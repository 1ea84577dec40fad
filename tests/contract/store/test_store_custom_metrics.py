"""Custom metrics in the store: with their observation, by hour and day, and in agreement whatever is changed."""

from __future__ import annotations

import random

from store_stories import synced

from busta_health_dagster.domain.observation import Kind, Observation, Phases, Status
from busta_health_dagster.store import Store

DAY = 86_400
START = 1_764_547_200  # 2025-12-01 00:00 UTC


def observed(slot: int, status: Status = Status.UP, kind: Kind = Kind.SCHEDULED, **metrics: float) -> Observation:
    return Observation(
        "odds", slot, slot + 2, status, detail="why" if status is Status.DOWN else "", kind=kind, metrics=metrics
    )


def test_an_observation_comes_back_with_its_metrics(store: Store) -> None:
    synced(store, odds=300)
    values = {"books": 11.0, "age_s": 0.125, "left": 1e15, "delta": -3.0, "share": -0.001}
    with store.write() as uow:
        uow.observations.add([observed(START, **values), observed(START + 300, Status.DOWN, books=0)])
        uow.observations.score("odds", START, 98.5)
    with store.read() as uow:
        first, second = uow.observations.window(["odds"], START, START + DAY)["odds"]
        state = uow.states.all()["odds"]
    assert first.metrics == values
    assert first.quality == 98.5
    assert (second.metrics, second.detail) == ({"books": 0.0}, "why")
    assert state.metrics == {"books": 0.0}


def test_hours_and_days_agree_with_the_observations_whatever_is_changed(store: Store) -> None:
    """Late ones, repeated ones, deleted ones and those that turn out to lie in maintenance."""
    synced(store, odds=300)
    rng = random.Random(4)
    slots = list(range(START, START + 2 * DAY, 300))
    rng.shuffle(slots)
    with store.write() as uow:
        for n in range(0, len(slots), 100):
            part = [observed(slot, books=rng.randrange(20), age_s=rng.random() * 100) for slot in slots[n : n + 100]]
            uow.observations.add(part)
            uow.observations.add(part[:10])  # they are there already
        uow.observations.delete("odds", START + 7200, START + 10_000)
        window = (START + DAY - 3_600, START + DAY + 3_600)
        uow.rollups.recompute(["odds"], START, START + 2 * DAY, maintenance={"odds": [window]})
    with store.read() as uow:
        seen = [
            o
            for o in uow.observations.window(["odds"], START, START + 2 * DAY)["odds"]
            if not window[0] <= o.slot < window[1]
        ]
        hours = uow.metric_rollups.series("odds", START, START + 2 * DAY, step_s=3_600)
        days = uow.metric_rollups.series("odds", START, START + 2 * DAY, step_s=DAY)
    for step, found in ((3_600, hours), (DAY, days)):
        assert set(found) == {"books", "age_s"}
        for metric, rows in found.items():
            expected: dict[int, list[float]] = {}
            for one in seen:
                expected.setdefault(one.slot // step * step, []).append(one.metrics[metric])
            assert [at for at, _ in rows] == sorted(expected)
            for at, stats in rows:
                values = expected[at]
                assert (stats.n, stats.lowest, stats.highest) == (len(values), min(values), max(values))
                assert abs(stats.mean - sum(values) / len(values)) < 0.01


def test_a_manual_observation_is_no_part_of_an_hour(store: Store) -> None:
    synced(store, odds=300)
    with store.write() as uow:
        uow.observations.add([observed(START, kind=Kind.MANUAL, books=3)])
        uow.observations.add([observed(START, books=5)], in_maintenance=["odds"])
    with store.read() as uow:
        assert uow.metric_rollups.series("odds", START, START + DAY, step_s=3_600) == {}
        assert [o.metrics for o in uow.observations.window(["odds"], START, START + DAY, manual=True)["odds"]] == [
            {"books": 5.0},
            {"books": 3.0},
        ]


def test_rules_and_backtests_read_them_beside_everything_else(store: Store) -> None:
    synced(store, odds=300)
    rich = Observation(
        "odds",
        START,
        START + 1,
        Status.DOWN,
        "timeout",
        "too late",
        response_ms=12.5,
        phases=Phases(1.0, 2.0, 3.0, 4.0, 2.5),
        http_status=503,
        size_bytes=900,
        tls_days_left=30.0,
        retry_after_s=60.0,
        quality=91.5,
        metrics={"books": 4.0, "left": 120.5},
    )
    with store.write() as uow:
        uow.observations.add([rich, observed(START + 300)])
    with store.read() as uow:
        first, second = uow.observations.columns(START, START + DAY)["odds"]
    assert (first.metrics, first.quality) == ({"books": 4.0, "left": 120.5}, 91.5)
    assert second.metrics == {}
