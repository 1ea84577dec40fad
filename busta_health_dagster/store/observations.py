"""Storing observations: what is new goes into the table, the states and the rollups in one transaction."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, delete, select

from busta_health_dagster.domain.observation import Kind, Observation
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.engines.service_levels.timeslices import SHORTEST_SLICE_S
from busta_health_dagster.store.history import ROW, ROW_FIELDS, History
from busta_health_dagster.store.packing import MAINTENANCE, pack, quality_of
from busta_health_dagster.store.rollup_stats import evaluated, one_slot_slice
from busta_health_dagster.store.rollup_writer import HOUR_S, RollupWriter, empty_deltas
from busta_health_dagster.store.schema.observing import manual_observation, observation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

_T = observation.c


class Observations(History):
    """What we saw. Scheduled observations exist once per (source, slot) whatever runs twice; manual ones lie apart."""

    def add(self, observations: Iterable[Observation], in_maintenance: Collection[str] = ()) -> set[tuple[str, int]]:
        """Store what is new, move states and rollups on, -> (source, slot) of what was really stored.

        A scheduled observation whose slot is already there is left out: it was counted. `in_maintenance` names
        sources under maintenance now; for history see `rollups.recompute`.

        Raises:
            UnknownName: a source that was never synced.
        """
        batch = sorted(observations, key=lambda o: (o.slot, o.observed_at))
        if not batch:
            return set()
        keys = {name: self._uow.sources.get(name).id for name in {o.source for o in batch}}
        self._uow.sources.lock(keys.values())
        numbers = self._uow.reasons.numbers({o.reason for o in batch})
        measured = {name for o in batch for name in o.metrics}
        ids = self._uow.metric_names.numbers(measured) if measured else {}
        planned = frozenset(in_maintenance)
        rows: dict[tuple[int, int], dict[str, Any]] = {}
        manual, seen = [], {}
        for one in batch:
            key = keys[one.source]
            packed = pack(one, numbers[one.reason], maintenance=one.source in planned, metric_ids=ids)
            row = {"slot": one.slot, "source_id": key, **packed._asdict()}
            if one.kind is not Kind.SCHEDULED:
                manual.append(row)
            elif (one.slot, key) not in rows:
                rows[one.slot, key] = row
                seen[one.slot, key] = one
        if manual:
            self._uow.connection.execute(manual_observation.insert(), manual)
        stored = self._insert(rows)
        self._uow.metric_rollups.add(
            (key, slot, one.metrics)
            for (slot, key), one in seen.items()
            if one.metrics and (slot, key) in stored and one.source not in planned
        )
        before = self._uow.states.rows(keys.values())
        self._roll_up([rows[at] for at in sorted(stored)], before)
        new = [one for one in batch if one.kind is not Kind.SCHEDULED or seen[one.slot, keys[one.source]] is one]
        new = [one for one in new if one.kind is not Kind.SCHEDULED or (one.slot, keys[one.source]) in stored]
        self._uow.states.advance(before, [(keys[one.source], one) for one in new])
        return {(one.source, one.slot) for one in new}

    def score(self, name: str, slot: int, quality: float) -> bool:
        """Put a quality score (0-100) on an observation that is already stored; False: there is none at this slot."""
        key = self._uow.sources.get(name).id
        self._uow.sources.lock([key])
        at = (_T.slot == slot) & (_T.source_id == key)
        row = self._uow.connection.execute(select(observation).where(at)).first()
        if row is None:
            return False
        old = self._observation(name, (row.slot, key, *row[2:]))
        number = self._uow.reasons.numbers({old.reason})[old.reason]
        packed = pack(
            replace(old, quality=quality),
            number,
            maintenance=bool(row.verdict & MAINTENANCE),
            metric_ids=self._uow.metric_names.numbers(old.metrics) if old.metrics else {},
        )
        self._uow.connection.execute(observation.update().where(at).values(trace=packed.trace))
        deltas = empty_deltas()
        delta = deltas[key][floor_to(slot, HOUR_S)]
        delta.see(row.verdict, row.response, row.items, quality_of(row.trace), -1)
        delta.see(row.verdict, row.response, row.items, quality_of(packed.trace))
        RollupWriter(self._uow).post(deltas, {k: r["last_slot"] for k, r in self._uow.states.rows([key]).items()})
        self._uow.states.set_quality({name: (quality, old.observed_at)})
        return True

    def delete(self, name: str, since: int, until: int, *, slots: Collection[int] | None = None) -> int:
        """Take a source's scheduled observations of [since, until) back, out of the rollups too (an import replaces).

        `slots` narrows it to these; -> how many there were.
        """
        key = self._uow.sources.get(name).id
        self._uow.sources.lock([key])
        found = (dict(zip(ROW_FIELDS, r, strict=True)) for r in self._scan(ROW, {key: name}, since, until))
        rows = [r for r in found if r["source_id"] == key and (slots is None or r["slot"] in slots)]
        if not rows:
            return 0
        before = self._uow.states.rows([key])
        short = self._short([key])
        deltas = empty_deltas()
        for row in rows:
            delta = deltas[key][floor_to(row["slot"], HOUR_S)]
            delta.see(row["verdict"], row["response"], row["items"], quality_of(row["trace"]), -1)
            if key not in short:
                delta.slice_seen(one_slot_slice(row["verdict"]), -1)
        if short:
            self._count_slices(rows, deltas, -1)
        gone = delete(observation).where(_T.source_id == key, _T.slot == bindparam("at"))
        self._uow.connection.execute(gone, [{"at": row["slot"]} for row in rows])
        RollupWriter(self._uow).post(deltas, {key: before[key]["last_slot"]} if key in before else {})
        self._uow.metric_rollups.recompute(name, {floor_to(row["slot"], HOUR_S) for row in rows})
        return len(rows)

    def _insert(self, rows: dict[tuple[int, int], dict[str, Any]]) -> set[tuple[int, int]]:
        if not rows:
            return set()
        # Asked first, under the lock: having each row told back by the insert costs four times the insert.
        fresh = sorted(rows.keys() - self._there(rows))
        if fresh:
            wish = self._uow.insert(observation).on_conflict_do_nothing()
            self._uow.connection.execute(wish, [rows[at] for at in fresh])
        return set(fresh)

    def _there(self, rows: Collection[tuple[int, int]]) -> set[tuple[int, int]]:
        """Which of these (slot, source id) are stored already."""
        slots = {slot for slot, _ in rows}
        keys = dict.fromkeys((key for _, key in rows), "")
        return {(slot, key) for slot, key in self._scan("o.slot, o.source_id", keys, min(slots), max(slots) + 1, "")}

    def _roll_up(self, rows: Sequence[Any], before: dict[int, dict[str, Any]]) -> None:
        if not rows:
            return
        deltas = empty_deltas()
        short = self._short({row["source_id"] for row in rows})
        for row in rows:
            delta = deltas[row["source_id"]][floor_to(row["slot"], HOUR_S)]
            delta.see(row["verdict"], row["response"], row["items"], quality_of(row["trace"]))
            if row["source_id"] not in short:
                delta.slice_seen(one_slot_slice(row["verdict"]))
        self._count_slices([row for row in rows if row["source_id"] in short], deltas, 1)
        RollupWriter(self._uow).post(deltas, {key: row["last_slot"] for key, row in before.items()})

    def _count_slices(self, rows: Sequence[Any], deltas: Any, sign: int) -> None:
        """Slices of several observations: evaluate each touched one with and without these rows (which are in the table
        now).
        """
        if not rows:
            return
        touched: dict[tuple[int, int], set[int]] = defaultdict(set)
        for row in rows:
            touched[row["source_id"], floor_to(row["slot"], SHORTEST_SLICE_S)].add(row["slot"])
        starts = [start for _, start in touched]
        held: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)
        ids = {key for key, _ in touched}
        for slot, key, verdict in self._scan(
            "o.slot, o.source_id, o.verdict", dict.fromkeys(ids, ""), min(starts), max(starts) + SHORTEST_SLICE_S
        ):
            held[key, floor_to(slot, SHORTEST_SLICE_S)][slot] = verdict
        for (key, start), slots in touched.items():
            verdicts = held[key, start]
            delta = deltas[key][floor_to(start, HOUR_S)]
            delta.slice_seen(evaluated(v for s, v in verdicts.items() if s not in slots), -sign)
            delta.slice_seen(evaluated(verdicts.values()), sign)

    def _short(self, keys: Collection[int]) -> set[int]:
        """Those checked more often than a timeslice is long."""
        return self._uow.sources.faster_than(SHORTEST_SLICE_S, keys)
