"""Custom metrics by hour and day: how many values, their sum, the lowest and the highest.

The other rollups are running totals; a lowest value cannot be taken away again, so these are rows of their own: added to by
new observations, and made again from the observations of an hour where one of them was changed or deleted.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, select

from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.store.packed_numbers import put, put_number, take, take_number
from busta_health_dagster.store.schema.custom_metrics import metric_day, metric_hour

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from sqlalchemy import Table

    from busta_health_dagster.store.unit import UnitOfWork

HOUR_S, DAY_S = 3600, 86_400


class MetricStats(NamedTuple):
    """The values of one custom metric over a stretch of time, in its own unit."""

    n: int
    total: float
    lowest: float
    highest: float

    @property
    def mean(self) -> float:
        return self.total / self.n

    def plus(self, other: MetricStats) -> MetricStats:
        return MetricStats(
            self.n + other.n,
            self.total + other.total,
            min(self.lowest, other.lowest),
            max(self.highest, other.highest),
        )


def one(value: float) -> MetricStats:
    return MetricStats(1, value, value, value)


_Stats = dict[str, MetricStats]
_Table = dict[tuple[int, int], _Stats]


class MetricRollups:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, values: Iterable[tuple[int, int, Mapping[str, float]]]) -> None:
        """Count what new observations measured outside maintenance: (source id, slot, values by metric)."""
        hours: _Table = defaultdict(dict)
        for key, slot, metrics in values:
            _merge(hours[floor_to(slot, HOUR_S), key], {name: one(value) for name, value in metrics.items()})
        days: _Table = defaultdict(dict)
        for (hour, key), stats in hours.items():
            _merge(days[floor_to(hour, DAY_S), key], stats)
        for table, fresh in ((metric_hour, hours), (metric_day, days)):
            stored = self._at(table, fresh)
            for at, stats in fresh.items():
                _merge(stats, stored.get(at, {}))
            self._write(table, fresh)

    def recompute(self, name: str, hours: Collection[int]) -> None:
        """Make these hours of a source, and their days, again from its observations."""
        key = self._uow.sources.get(name).id
        found: _Table = {(hour, key): {} for hour in hours}
        if not found or not (self._at(metric_hour, found) or self._uow.states.has_metrics(key)):
            return
        first, last = min(hours), max(hours)
        for row in self._uow.observations.measured(name, first, last + HOUR_S):
            at = (floor_to(row.slot, HOUR_S), key)
            if at in found and not row.maintenance:
                _merge(found[at], {metric: one(value) for metric, value in row.metrics.items()})
        self._write(metric_hour, found)
        days: _Table = {}
        for day in {floor_to(hour, DAY_S) for hour in hours}:
            stats: _Stats = {}
            for _, of_hour in self._between(metric_hour, key, day, day + DAY_S):
                _merge(stats, of_hour)
            days[day, key] = stats
        self._write(metric_day, days)

    def series(self, name: str, since: int, until: int, *, step_s: int) -> dict[str, list[tuple[int, MetricStats]]]:
        """By metric: (start of the step, its statistics), oldest first, of the steps in [since, until) with a value.
        `step_s` is a multiple of an hour or of a day.
        """
        table = metric_day if step_s % DAY_S == 0 else metric_hour
        found: dict[str, dict[int, MetricStats]] = defaultdict(dict)
        for at, stats in self._between(table, self._uow.sources.get(name).id, since, until):
            for metric, some in stats.items():
                step = floor_to(at, step_s)
                held = found[metric].get(step)
                found[metric][step] = some if held is None else held.plus(some)
        return {metric: sorted(steps.items()) for metric, steps in found.items()}

    def _between(self, table: Table, key: int, since: int, until: int) -> list[tuple[int, _Stats]]:
        start, source_id, stats = table.c
        asked = select(start, stats).where(source_id == key, start >= since, start < until).order_by(start)
        return [(at, self._decoded(blob)) for at, blob in self._uow.connection.execute(asked)]

    def _at(self, table: Table, wanted: Collection[tuple[int, int]]) -> _Table:
        if not wanted:
            return {}
        start, source_id, stats = table.c
        asked = select(start, source_id, stats).where(
            start.in_({at for at, _ in wanted}), source_id.in_({key for _, key in wanted})
        )
        return {(at, key): self._decoded(blob) for at, key, blob in self._uow.connection.execute(asked)}

    def _write(self, table: Table, rows: Mapping[tuple[int, int], _Stats]) -> None:
        start = next(iter(table.c))
        for at, key in (where for where, stats in rows.items() if not stats):
            self._uow.connection.execute(delete(table).where(start == at, table.c.source_id == key))
        full = [
            {start.name: at, "source_id": key, "stats": self._encoded(stats)}
            for (at, key), stats in sorted(rows.items())
            if stats
        ]
        if full:
            wish = self._uow.insert(table)
            changed = {"stats": wish.excluded.stats}
            self._uow.connection.execute(
                wish.on_conflict_do_update(index_elements=[start.name, "source_id"], set_=changed), full
            )

    def _encoded(self, stats: _Stats) -> bytes:
        ids = self._uow.metric_names.numbers(stats)
        body = bytearray()
        for name, (n, total, lowest, highest) in stats.items():
            put(body, n)
            for value in (total, lowest, highest):
                put_number(body, ids[name], value)
        return bytes(body)

    def _decoded(self, blob: bytes) -> _Stats:
        data, at, names = bytes(blob), 0, self._uow.metric_names.codes
        stats: _Stats = {}
        while at < len(data):
            n, at = take(data, at)
            number, total, at = take_number(data, at)
            _, lowest, at = take_number(data, at)
            _, highest, at = take_number(data, at)
            stats[names[number]] = MetricStats(n, total, lowest, highest)
        return stats


def _merge(into: _Stats, more: Mapping[str, MetricStats]) -> None:
    for name, stats in more.items():
        into[name] = into[name].plus(stats) if name in into else stats
