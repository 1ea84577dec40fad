"""What the gate remembers, on both databases: overrides that end by themselves, jobs that wait, versions of the data."""

from __future__ import annotations

from dataclasses import replace

import pytest
from store_stories import T0, added, seen, synced

from busta_health_dagster.domain.errors import UnknownName
from busta_health_dagster.domain.gate import GatedJob, GateOverride
from busta_health_dagster.engines.dagster_events import Reported
from busta_health_dagster.store import Store

OPEN = GateOverride("odds", True, T0, T0 + 600, "checked by hand", "ann")


def test_an_override_ends_by_itself_and_a_newer_one_takes_its_place(store: Store) -> None:
    synced(store, odds=300, scores=300)
    with store.write() as uow:
        uow.gates.override(OPEN)
    with store.read() as uow:
        assert uow.gates.overrides(T0) == uow.gates.overrides(T0 + 599) == {"odds": OPEN}
        assert uow.gates.overrides(T0 + 600) == {}
    closed = replace(OPEN, usable=False, since=T0 + 60, until=T0 + 120, by="bob")
    with store.write() as uow:
        uow.gates.override(closed)
    with store.read() as uow:
        assert uow.gates.overrides(T0 + 60) == {"odds": closed}
        assert uow.gates.overrides(T0 + 120) == {}, "the older one does not come back"


def test_an_override_is_ended_once(store: Store) -> None:
    synced(store, odds=300)
    with store.write() as uow:
        uow.gates.override(OPEN)
        assert uow.gates.end_override("odds", T0 + 1)
        assert not uow.gates.end_override("odds", T0 + 2)
        assert uow.gates.overrides(T0 + 2) == {}
        with pytest.raises(UnknownName):
            uow.gates.override(replace(OPEN, source="nothing"))


def test_a_job_is_as_its_sensor_saw_it_last(store: Store) -> None:
    held = GatedJob("bets", "place", ("odds", "scores"), T0 + 900, T0, T0 - 60, "odds is down")
    twin = replace(held, location="other", held_since=None, reason="")
    with store.write() as uow:
        uow.gates.put_job(held)
        uow.gates.put_job(twin)
        uow.gates.put_job(replace(held, evaluated_at=T0 + 30, held_since=None, next_at=None))
    with store.read() as uow:
        assert uow.gates.jobs() == [replace(held, evaluated_at=T0 + 30, held_since=None, next_at=None), twin]
        assert [job.location for job in uow.gates.jobs(T0 + 1)] == ["bets"], "the other did not speak since"


def test_some_states_are_read_alone(store: Store) -> None:
    synced(store, odds=300, scores=300, silent=300)
    added(store, seen("odds", T0), seen("scores", T0))
    with store.read() as uow:
        assert list(uow.states.of(["odds", "silent", "nothing"])) == ["odds"]
        assert uow.states.of(["odds"])["odds"] == uow.states.get("odds")


def test_the_version_that_dagster_knows_survives(store: Store) -> None:
    synced(store, odds=300)
    told = Reported({"usable": "good"}, T0, "etag abc", T0 + 5)
    with store.write() as uow:
        uow.reported.put({"odds": told})
    with store.read() as uow:
        assert uow.reported.all() == {"odds": told}
