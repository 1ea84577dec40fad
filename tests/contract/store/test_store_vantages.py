"""Answers of vantage points in the store: side by side, each once, in whatever order the runs of the places write them."""

from __future__ import annotations

import threading

from store_stories import T0, seen, synced

from busta_health_dagster.domain.observation import Observation, Sample, Status
from busta_health_dagster.store import Store

NAMES = tuple(f"s{n:02}" for n in range(40))


def answers(*names: str, slot: int = T0) -> list[Observation]:
    return [seen(name, slot, facts={"bytes": 2}) for name in names]


def test_an_answer_comes_back_as_it_was_and_the_first_one_stands(store: Store) -> None:
    synced(store, odds=300, other=300)
    down = seen("odds", T0, Status.DOWN)
    with store.write() as uow:
        uow.vantages.add("nyc", [down, *answers("other")])
        uow.vantages.add("fra", answers("odds"))
        uow.vantages.add("fra", [seen("odds", T0, Status.DOWN)])
        uow.vantages.add("lon", [])
    with store.read() as uow:
        assert uow.vantages.at(["odds"], [T0, T0 + 300]) == {("odds", T0): {"nyc": down, "fra": answers("odds")[0]}}
        assert uow.vantages.answered("nyc", [T0]) == {("odds", T0), ("other", T0)}
        assert uow.vantages.answered("lon", [T0]) == set()
        assert uow.vantages.statuses(["odds"], [T0]) == {"odds": {"nyc": (T0, Status.DOWN), "fra": (T0, Status.UP)}}
    with store.write() as uow:
        uow.vantages.closed([("odds", T0)])
    with store.read() as uow:
        assert uow.vantages.at(["odds"], [T0])["odds", T0]["fra"].facts == {}
        assert uow.vantages.at(["other"], [T0])["other", T0]["nyc"].facts == {"bytes": 2}


def test_two_places_that_write_the_same_sources_in_another_order_do_not_stop_each_other(store: Store) -> None:
    synced(store, **dict.fromkeys(NAMES, 300))
    failed: list[Exception] = []

    def write(vantage: str, names: tuple[str, ...]) -> None:
        try:
            for n in range(15):
                with store.write() as uow:
                    uow.vantages.add(vantage, answers(*names, slot=T0 + 300 * n))
                    for name in names:
                        uow.samples.put({name: Sample([{"by": vantage}], 1)}, T0 + n)
        except Exception as error:  # noqa: BLE001  told by the test, not by the thread
            failed.append(error)

    places = [threading.Thread(target=write, args=each) for each in (("nyc", NAMES), ("fra", NAMES[::-1]))]
    for place in places:
        place.start()
    for place in places:
        place.join()
    assert failed == []
    with store.read() as uow:
        assert len(uow.vantages.answered("nyc", range(T0, T0 + 4500, 300))) == 15 * len(NAMES)
