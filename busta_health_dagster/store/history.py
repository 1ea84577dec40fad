"""Reading observations back: everything of a stretch, the last few, or only what rules need."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select

from busta_health_dagster.domain.observation import Kind, Observation
from busta_health_dagster.engines.rules.metrics import LIMITED_REASON, NETWORK_REASON
from busta_health_dagster.store.observation_scan import scan
from busta_health_dagster.store.packing import (
    CONFIRMATION,
    LIGHT,
    MAINTENANCE,
    NEAR_EVENT,
    SCORED,
    SUSPECT,
    Packed,
    attempts_of,
    has_metrics,
    metrics_of,
    quality_of,
    unpack,
)
from busta_health_dagster.store.schema.observing import manual_observation, observation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from busta_health_dagster.store.unit import UnitOfWork

_T = observation.c
_M = manual_observation.c
ROW_FIELDS = ("slot", "source_id", "verdict", "response", "items", "data_age", "trace")
ROW = ", ".join(f"o.{name}" for name in ROW_FIELDS)
_DAY_S = 86400
_SINGLY_AT_MOST = 8


NO_METRICS: Mapping[str, float] = MappingProxyType({})


class ObservationRow(NamedTuple):
    """An observation as the rules need it. `status` is the code of a Status; times in milliseconds and seconds."""

    slot: int
    status: int
    response_ms: float | None
    items: int | None
    data_age_s: int | None
    quality: float | None
    attempts: int
    suspect: bool
    maintenance: bool
    lost: bool = False  # unknown because the monitor's own network was out
    limited: bool = False  # a 429, or not asked because of one
    metrics: Mapping[str, float] = NO_METRICS
    light: bool = False  # brought no data


class MeasuredRow(NamedTuple):
    """The custom metrics of one observation."""

    slot: int
    maintenance: bool
    metrics: Mapping[str, float]


class Mean(NamedTuple):
    """What one source delivered in [start, start + bucket), on average; None where nothing was counted."""

    start: int
    items: float | None
    data_age_s: float | None


class History:
    """The reading half of `Observations`."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def window(
        self, names: Collection[str] | None, since: int, until: int, *, manual: bool = False
    ) -> dict[str, list[Observation]]:
        """Everything in [since, until) per source, oldest first; None: of all sources. Every name asked for has its
        list.
        """
        keys = self._uow.sources.ids(names)
        found: dict[str, list[Observation]] = {name: [] for name in keys.values()}
        for row in self._scan(ROW, keys, since, until):
            if row[1] in keys:
                found[keys[row[1]]].append(self._observation(keys[row[1]], row))
        if manual:
            for one in self._manual(keys, since, until):
                found[one.source].append(one)
            for some in found.values():
                some.sort(key=lambda o: (o.slot, o.observed_at))
        return found

    def recent(
        self, n: int, names: Collection[str] | None = None, *, manual: bool = False
    ) -> dict[str, list[Observation]]:
        """The last n of each source, oldest first, however long ago."""
        keys = self._uow.sources.ids(names)
        spans = self._uow.states.spans(keys)
        intervals = {s.id: s.interval_s for s in self._uow.sources.all(removed=True)}
        rows: dict[int, list[Any]] = {key: [] for key in keys}
        for interval in sorted({intervals[k] for k in spans}):
            group = {k: spans[k] for k in spans if intervals[k] == interval}
            rows |= self._newest(n, group, interval)
        found = {keys[key]: [self._observation(keys[key], row) for row in some] for key, some in rows.items()}
        if manual:
            for name, some in self._newest_manual(n, keys).items():
                found[name] = sorted([*found[name], *some], key=lambda o: (o.slot, o.observed_at))[-n:]
        return found

    def columns(self, since: int, until: int, names: Collection[str] | None = None) -> dict[str, list[ObservationRow]]:
        """Like `window`, without what only people read: for rules and backtests."""
        keys = self._uow.sources.ids(names)
        found: dict[str, list[ObservationRow]] = {name: [] for name in keys.values()}
        into = {key: found[name].append for key, name in keys.items()}
        metric_names = self._uow.metric_names.codes
        make = tuple.__new__  # a Look without the cost of its constructor: 860,000 of them make a month of 100 sources
        for slot, key, verdict, response, items, age, trace in self._scan(ROW, keys, since, until):
            if key in into:
                quality = quality_of(trace)
                reason = "" if verdict & 1 else self._reason(slot, verdict, trace)  # neither up nor down
                into[key](
                    make(
                        ObservationRow,
                        (
                            slot,
                            verdict & 3,
                            None if response is None else response / 10,
                            items,
                            age,
                            None if quality is None else quality / 100,
                            attempts_of(verdict),
                            verdict & SUSPECT > 0,
                            verdict & MAINTENANCE > 0,
                            not verdict & 3 and reason == NETWORK_REASON,
                            reason == LIMITED_REASON,
                            metrics_of(trace, metric_names) if has_metrics(trace) else NO_METRICS,
                            verdict & LIGHT > 0,
                        ),
                    )
                )
        return found

    def scores(self, since: int, until: int, names: Collection[str]) -> dict[str, list[tuple[int, float]]]:
        """Slot and quality of the observations that have one, oldest first.

        The database leaves the others out: with a score an hour they are eleven of twelve, and a month of 100 sources
        took 4 CPU seconds to go through.
        """
        keys = self._uow.sources.ids(names)
        found: dict[str, list[tuple[int, float]]] = {name: [] for name in keys.values()}
        sqlite = self._uow.connection.dialect.name == "sqlite"
        holds = "instr(:{0}, {1}) > 0" if sqlite else "position({1} in :{0}) > 0"
        scored = " AND ".join(
            holds.format(name, f"substr(o.trace, {at}, 1)") for at, name in enumerate(("more", "rare"), 1)
        )
        rows = scan(
            self._uow.connection,
            "o.source_id, o.slot, o.trace",
            ids=keys,
            fleet=self._uow.sources.fleet(),
            since=since,
            until=until,
            tail=f"AND {scored} ORDER BY o.slot",
            more=SCORED[0],
            rare=SCORED[1],
        )
        for key, slot, trace in rows:
            quality = quality_of(trace) if key in keys else None
            if quality is not None:
                found[keys[key]].append((slot, quality / 100))
        return found

    def means(self, name: str, since: int, until: int, bucket_s: int) -> list[Mean]:
        """Of one source, for the buckets of [since, until) in which something was seen, oldest first."""
        keys = self._uow.sources.ids([name])
        bar = "(o.slot - :origin) / :bucket AS bar"
        rows = scan(
            self._uow.connection,
            f"o.source_id, {bar}, avg(o.items), avg(o.data_age)",
            ids=keys,
            fleet=self._uow.sources.fleet(),
            since=since,
            until=until,
            tail="GROUP BY o.source_id, bar ORDER BY bar",
            origin=since,
            bucket=bucket_s,
        )
        return [
            Mean(since + bar * bucket_s, None if n is None else float(n), None if age is None else float(age))
            for key, bar, n, age in rows
            if key in keys
        ]

    def measured(self, name: str, since: int, until: int) -> list[MeasuredRow]:
        """The custom metrics of one source in [since, until), oldest first, of the observations that have any."""
        key = self._uow.sources.get(name).id
        rows = (row for row in self._scan(ROW, {key: name}, since, until) if row[1] == key)
        found = ((row, self._observation(name, row).metrics) for row in rows)
        return [MeasuredRow(row[0], bool(row[2] & MAINTENANCE), metrics) for row, metrics in found if metrics]

    def any_in_maintenance(self, name: str, since: int, until: int) -> bool:
        """Is an observation of [since, until) marked as one in maintenance?"""
        key = self._uow.sources.get(name).id
        rows = self._scan("o.source_id", {key: name}, since, until, f"AND o.verdict & {MAINTENANCE} > 0")
        return any(row[0] == key for row in rows)

    def iter_ticks(
        self, since: int, until: int, names: Collection[str] | None = None
    ) -> Iterator[tuple[int, list[Observation]]]:
        """Slot by slot, oldest first; holds one day at a time in memory."""
        keys = self._uow.sources.ids(names)
        first, last = self._uow.connection.execute(select(func.min(_T.slot), func.max(_T.slot))).one()
        if first is None:
            return
        for start in range(max(since, first), min(until, last + 1), _DAY_S):
            ticks: dict[int, list[Observation]] = defaultdict(list)
            for row in self._scan(ROW, keys, start, min(start + _DAY_S, until), "ORDER BY o.slot, o.source_id"):
                if row[1] in keys:
                    ticks[row[0]].append(self._observation(keys[row[1]], row))
            yield from ticks.items()

    def last_slot(self) -> int | None:
        """The newest scheduled slot of the whole store."""
        newest: int | None = self._uow.connection.execute(select(func.max(_T.slot))).scalar_one()
        return newest

    def first_slot(self) -> int | None:
        """The oldest one that retention has left."""
        oldest: int | None = self._uow.connection.execute(select(func.min(_T.slot))).scalar_one()
        return oldest

    def _scan(
        self, columns: str, keys: dict[int, str], since: int, until: int, tail: str = "ORDER BY o.slot"
    ) -> Sequence[Any]:
        fleet = self._uow.sources.fleet()
        return scan(self._uow.connection, columns, ids=keys, fleet=fleet, since=since, until=until, tail=tail)

    def _reason(self, slot: int, verdict: int, trace: bytes) -> str:
        packed = Packed(verdict, None, None, None, bytes(trace))
        return unpack("", slot, packed, self._uow.reasons.codes, Kind.SCHEDULED).reason

    def _observation(self, name: str, row: Any, kind: Kind = Kind.SCHEDULED) -> Observation:
        slot, _, verdict, response, items, age, trace = row
        packed = Packed(verdict, response, items, age, bytes(trace))
        return unpack(name, slot, packed, self._uow.reasons.codes, kind, self._uow.metric_names.codes)

    def _newest(self, n: int, spans: dict[int, tuple[int, int]], interval: int) -> dict[int, list[Any]]:
        """The last n rows of sources with one interval: a common stretch first, longer where ticks are missing, few
        singly.
        """
        found: dict[int, list[Any]] = {}
        newest = max(last for _, last in spans.values())
        oldest = min(first for first, _ in spans.values())
        reach = n * interval
        while len(found) < len(spans):
            missing = {k: s for k, s in spans.items() if k not in found}
            if len(missing) <= _SINGLY_AT_MOST:
                return found | {k: self._newest_of(n, k, *span) for k, span in missing.items()}
            since = newest - reach + 1
            rows: dict[int, list[Any]] = {k: [] for k in missing}
            for row in self._scan(ROW, dict.fromkeys(missing, ""), since, newest + 1):
                if row[1] in rows:
                    rows[row[1]].append(row)
            whole = since <= oldest
            found |= {k: r[-n:] for k, r in rows.items() if whole or len(r) >= n or spans[k][0] >= since}
            reach *= 4
        return found

    def _newest_of(self, n: int, key: int, first: int, last: int) -> list[Any]:
        asked = select(observation).where(_T.source_id == key, _T.slot >= first, _T.slot <= last)
        rows = self._uow.connection.execute(asked.order_by(_T.slot.desc()).limit(n)).all()
        return [tuple(r) for r in reversed(rows)]

    def _manual(self, keys: dict[int, str], since: int, until: int) -> Iterator[Observation]:
        asked = select(manual_observation).where(_M.slot >= since, _M.slot < until).order_by(_M.slot, _M.id)
        for row in self._uow.connection.execute(asked):
            if row.source_id in keys:
                yield self._observation(keys[row.source_id], (row.slot, row.source_id, *row[3:]), _kind(row.verdict))

    def _newest_manual(self, n: int, keys: dict[int, str]) -> dict[str, list[Observation]]:
        ranked = select(
            manual_observation, func.row_number().over(partition_by=_M.source_id, order_by=_M.id.desc()).label("rank")
        ).subquery()
        found: dict[str, list[Observation]] = defaultdict(list)
        for row in self._uow.connection.execute(select(ranked).where(ranked.c.rank <= n).order_by(ranked.c.id)):
            if row.source_id in keys:
                name = keys[row.source_id]
                found[name].append(self._observation(name, (row.slot, row.source_id, *row[3:-1]), _kind(row.verdict)))
        return found


def _kind(verdict: int) -> Kind:
    """Of an observation outside the slots."""
    if verdict & NEAR_EVENT:
        return Kind.NEAR_EVENT
    return Kind.CONFIRMATION if verdict & CONFIRMATION else Kind.MANUAL
