"""Making rollups agree with the raw observations, after a maintenance window changed or because someone asks."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, select

from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.engines.maintenance import merged
from busta_health_dagster.engines.service_levels.timeslices import SHORTEST_SLICE_S
from busta_health_dagster.store.observation_scan import scan
from busta_health_dagster.store.packing import MAINTENANCE, quality_of
from busta_health_dagster.store.rollup_stats import RollupStats, decode, evaluated, one_slot_slice
from busta_health_dagster.store.rollup_writer import DAY_S, HOUR_S, RollupWriter, empty_deltas
from busta_health_dagster.store.schema.observing import observation, rollup_hour

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.store.unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class Recomputed:
    """How many observations got another maintenance mark, and how many hours of rollups changed."""

    observations: int
    hours: int


def recompute(
    uow: UnitOfWork,
    keys: Mapping[int, str],
    since: int,
    until: int,
    maintenance: Mapping[str, Sequence[tuple[int, int]]] | None,
) -> Recomputed:
    """See `Rollups.recompute`."""
    uow.sources.lock(keys)
    states = uow.states.rows(keys)
    marked, deltas = 0, empty_deltas()
    oldest = uow.observations.first_slot()
    for key, name in keys.items():
        if key not in states or states[key]["first_slot"] is None or oldest is None:
            continue
        begin, end = floor_to(since, HOUR_S), -(-until // HOUR_S) * HOUR_S
        if states[key]["first_slot"] < oldest:  # something of it was pruned: the first hour may be incomplete
            begin = max(begin, -(-oldest // HOUR_S) * HOUR_S)
        begin = max(begin, floor_to(states[key]["first_slot"], HOUR_S))
        end = min(end, floor_to(states[key]["last_slot"], HOUR_S) + HOUR_S)
        if begin >= end:
            continue
        rows = _rows(uow, key, begin, end)
        if maintenance is not None:
            changed = _mark(uow, key, rows, merged(maintenance.get(name, ())), since, until)
            uow.metric_rollups.recompute(name, {floor_to(slot, HOUR_S) for slot in changed})
            marked += len(changed)
        short = uow.sources.get(name).interval_s < SHORTEST_SLICE_S
        for hour, delta in _differences(uow, key, rows, begin, end, short=short).items():
            deltas[key][hour] = delta
    RollupWriter(uow).post(deltas, {key: row["last_slot"] for key, row in states.items()})
    return Recomputed(marked, sum(len(hours) for hours in deltas.values()))


def _rows(uow: UnitOfWork, key: int, since: int, until: int) -> list[dict[str, Any]]:
    names = ("slot", "source_id", "verdict", "response", "items", "trace")
    columns = ", ".join(f"o.{name}" for name in names)
    fleet = uow.sources.fleet()
    rows = scan(uow.connection, columns, ids=[key], fleet=fleet, since=since, until=until)
    return [dict(zip(names, r, strict=True)) for r in rows if r.source_id == key]


def _mark(
    uow: UnitOfWork, key: int, rows: list[dict[str, Any]], planned: Sequence[tuple[int, int]], since: int, until: int
) -> list[int]:
    """Set or clear the maintenance mark of the rows in [since, until), -> the slots of those that changed."""
    begins = [begin for begin, _ in planned]
    changed = []
    for row in rows:
        if not since <= row["slot"] < until:
            continue
        at = bisect_right(begins, row["slot"]) - 1
        inside = at >= 0 and row["slot"] < planned[at][1]
        verdict = row["verdict"] | MAINTENANCE if inside else row["verdict"] & ~MAINTENANCE
        if verdict != row["verdict"]:
            row["verdict"] = verdict
            changed.append({"at": row["slot"], "key": key, "code": verdict})
    if changed:
        c = observation.c
        wish = observation.update().where(c.slot == bindparam("at"), c.source_id == bindparam("key"))
        uow.connection.execute(wish.values(verdict=bindparam("code")), changed)
    return [row["at"] for row in changed]


def _differences(
    uow: UnitOfWork, key: int, rows: list[dict[str, Any]], begin: int, end: int, *, short: bool
) -> dict[int, RollupStats]:
    """Per hour: what the observations say minus what the rollup says, where they differ."""
    deltas: dict[int, RollupStats] = defaultdict(RollupStats)
    slices: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        noise = deltas[floor_to(row["slot"], HOUR_S)]
        noise.see(row["verdict"], row["response"], row["items"], quality_of(row["trace"]))
        if short:
            slices[floor_to(row["slot"], SHORTEST_SLICE_S)].append(row["verdict"])
        else:
            noise.slice_seen(one_slot_slice(row["verdict"]))
    for start, verdicts in slices.items():
        deltas[floor_to(start, HOUR_S)].slice_seen(evaluated(verdicts))
    for hour, stored in _stored(uow, key, begin, end).items():
        deltas[hour].add(stored, -1)
    return {hour: delta for hour, delta in deltas.items() if delta}


def _stored(uow: UnitOfWork, key: int, begin: int, end: int) -> dict[int, RollupStats]:
    c = rollup_hour.c
    asked = select(c.hour, c.total).where(c.hour >= floor_to(begin, DAY_S), c.hour < end, c.source_id == key)
    found: dict[int, RollupStats] = {}
    so_far, day = RollupStats(), None
    for hour, total in uow.connection.execute(asked.order_by(c.hour)):
        if floor_to(hour, DAY_S) != day:
            so_far, day = RollupStats(), floor_to(hour, DAY_S)
        reading = decode(total)
        if hour >= begin:
            found[hour] = reading.copy().add(so_far, -1)
        so_far = reading
    return found
