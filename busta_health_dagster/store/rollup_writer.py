"""Writing the rollups: every change is a delta per source and hour, added to the running totals that lie after it.

In the usual case (a tick newer than everything stored) that is one row per source. A late or corrected observation
also moves the later hours of its day and the later days.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from sqlalchemy import select

from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.store.rollup_stats import RollupStats, decode, encode
from busta_health_dagster.store.schema.observing import rollup_day, rollup_hour

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Table

    from busta_health_dagster.store.unit import UnitOfWork

HOUR_S = 3600
DAY_S = 86400

Deltas = dict[int, dict[int, RollupStats]]
"""source id -> start of an hour -> what to add to it."""


def empty_deltas() -> defaultdict[int, defaultdict[int, RollupStats]]:
    return defaultdict(lambda: defaultdict(RollupStats))


class RollupWriter:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._hours: dict[tuple[int, int], RollupStats] = {}
        self._days: dict[tuple[int, int], RollupStats] = {}

    def post(self, deltas: Mapping[int, Mapping[int, RollupStats]], last_slots: Mapping[int, int | None]) -> None:
        """Add the deltas. `last_slots` are each source's newest slot that is already in the rollups (None: none is)."""
        heads = {key: None if (last := last_slots.get(key)) is None else floor_to(last, HOUR_S) for key in deltas}
        usual: dict[int, Mapping[int, RollupStats]] = {}
        late: dict[int, Mapping[int, RollupStats]] = {}
        for key, hours in deltas.items():
            head = heads[key]
            (usual if head is None or min(hours) >= head else late)[key] = hours
        self._append(usual, heads)
        for key, hours in late.items():
            self._correct(key, hours)
        self._write(rollup_hour, self._hours)
        self._write(rollup_day, self._days)

    def _append(self, deltas: Mapping[int, Mapping[int, RollupStats]], heads: Mapping[int, int | None]) -> None:
        known = {key: head for key in deltas if (head := heads[key]) is not None}
        totals = self._load(rollup_hour, known)
        days = {key: floor_to(head, DAY_S) for key, head in known.items()}
        turning = {key: days[key] for key in known if max(deltas[key]) >= days[key] + DAY_S}
        starts = self._load(rollup_day, turning)
        for key, hours in deltas.items():
            so_far, start = totals.get(key, RollupStats()), starts.get(key, RollupStats())
            day = days.get(key)
            for hour in sorted(hours):
                if day != floor_to(hour, DAY_S):
                    day = floor_to(hour, DAY_S)
                    start.add(so_far)
                    self._days[day, key] = start.copy()
                    so_far = RollupStats()
                so_far.add(hours[hour])
                self._hours[hour, key] = so_far.copy()

    def _correct(self, key: int, deltas: Mapping[int, RollupStats]) -> None:
        by_day: dict[int, dict[int, RollupStats]] = defaultdict(dict)
        for hour, delta in deltas.items():
            by_day[floor_to(hour, DAY_S)][hour] = delta
        first = min(by_day)
        starts = self._starts_from(key, first)
        for day in sorted(by_day):
            totals = self._totals_of(key, day)
            if day not in starts:
                starts[day] = self._start_of(key, day, starts)
                self._days[day, key] = starts[day]
            moved = RollupStats()
            before = RollupStats()
            for hour in sorted({*totals, *by_day[day]}):
                before = totals.get(hour, before)
                moved.add(by_day[day].get(hour, _NOTHING))
                if hour >= min(by_day[day]):
                    self._hours[hour, key] = before.copy().add(moved)
            for later, start in starts.items():
                if later > day:
                    self._days[later, key] = start.add(moved)

    def _starts_from(self, key: int, day: int) -> dict[int, RollupStats]:
        asked = select(rollup_day.c.day, rollup_day.c.total).where(
            rollup_day.c.source_id == key, rollup_day.c.day >= day
        )
        return {r.day: decode(r.total) for r in self._uow.connection.execute(asked)}

    def _totals_of(self, key: int, day: int) -> dict[int, RollupStats]:
        """The hours of a day, as last written."""
        c = rollup_hour.c
        asked = select(c.hour, c.total).where(c.hour >= day, c.hour < day + DAY_S, c.source_id == key)
        stored = {r.hour: decode(r.total) for r in self._uow.connection.execute(asked)}
        return stored | {h: t for (h, k), t in self._hours.items() if k == key and day <= h < day + DAY_S}

    def _start_of(self, key: int, day: int, starts: Mapping[int, RollupStats]) -> RollupStats:
        """The running total at a day that had no row: that of the last day before it, and what happened on it."""
        earlier = max((d for d in starts if d < day), default=None)
        if earlier is None:
            c = rollup_day.c
            asked = select(c.day, c.total).where(c.day < day, c.source_id == key).order_by(c.day.desc()).limit(1)
            row = self._uow.connection.execute(asked).first()
            if row is None:
                return RollupStats()
            earlier, start = row.day, decode(row.total)
        else:
            start = starts[earlier].copy()
        totals = self._totals_of(key, earlier)
        return start.add(totals[max(totals)]) if totals else start

    def _load(self, table: Table, keys: Mapping[int, int]) -> dict[int, RollupStats]:
        """Source id -> instant => source id -> noise."""
        if not keys:
            return {}
        when, key = list(table.c)[:2]
        asked = select(when, key, table.c.total).where(when.in_(set(keys.values())))
        if len(keys) <= 500:
            asked = asked.where(key.in_(keys))
        return {r[1]: decode(r[2]) for r in self._uow.connection.execute(asked) if keys.get(r[1]) == r[0]}

    def _write(self, table: Table, totals: dict[tuple[int, int], RollupStats]) -> None:
        if not totals:
            return
        when = next(iter(table.c)).name
        wish = self._uow.insert(table)
        rows: Iterable[tuple[tuple[int, int], RollupStats]] = sorted(totals.items(), key=lambda item: item[0])
        self._uow.connection.execute(
            wish.on_conflict_do_update(index_elements=[when, "source_id"], set_={"total": wish.excluded.total}),
            [{when: at, "source_id": key, "total": encode(noise)} for (at, key), noise in rows],
        )
        totals.clear()


_NOTHING = RollupStats()
