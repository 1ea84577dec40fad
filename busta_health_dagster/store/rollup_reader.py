"""Reading the meters: the noise of everything before an instant, per source.

That is the day's running total, plus the hour's, plus the raw observations since the hour began. Two readings make a
window that is exact to the slot, at the cost of two small rows per source instead of 8,640.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.engines.service_levels.timeslices import SHORTEST_SLICE_S
from busta_health_dagster.store.observation_scan import scan
from busta_health_dagster.store.packing import quality_of
from busta_health_dagster.store.rollup_stats import RollupStats, decode, decode_counts, evaluated, one_slot_slice
from busta_health_dagster.store.rollup_writer import DAY_S, HOUR_S
from busta_health_dagster.store.schema.observing import rollup_day, rollup_hour

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sqlalchemy import Table

    from busta_health_dagster.store.unit import UnitOfWork

_FILTER_AT_MOST = 500
_DAY_SPANS = (DAY_S, 8 * DAY_S, 64 * DAY_S, 20_000 * DAY_S)


class RollupReader:
    """Readings for one set of sources (id -> name). Not `measured`: counts only, without response times, items and quality."""

    def __init__(self, uow: UnitOfWork, keys: Collection[int], *, measured: bool = True) -> None:
        self._uow = uow
        self._measured = measured
        self._decode = decode if measured else decode_counts
        self._spans = uow.states.spans(keys)
        self._short = uow.sources.faster_than(SHORTEST_SLICE_S, keys)

    def before(self, instant: int, *, end: bool) -> dict[int, RollupStats]:
        """Everything strictly before `instant`. `end` says that it ends a window: then its last timeslice is evaluated
        by what lies before, while a window that begins there leaves the whole slice to the window before.
        """
        begun = {k for k, (first, _) in self._spans.items() if first < instant}
        still = {k for k in begun if self._spans[k][1] >= instant}
        found = self._heads(begun - still)
        if still:
            found |= self._middle(still, instant, end=end)
        return found

    def _heads(self, keys: set[int]) -> dict[int, RollupStats]:
        """Of sources that have nothing at or after the instant: their newest rows, whose keys are known."""
        hours = {k: floor_to(self._spans[k][1], HOUR_S) for k in keys}
        totals = self._at(rollup_hour, hours)
        starts = self._at(rollup_day, {k: floor_to(hour, DAY_S) for k, hour in hours.items()})
        return {k: starts.get(k, RollupStats()).add(totals.get(k, RollupStats())) for k in keys}

    def _middle(self, keys: set[int], instant: int, *, end: bool) -> dict[int, RollupStats]:
        day, hour = floor_to(instant, DAY_S), floor_to(instant, HOUR_S)
        later = instant - hour > HOUR_S // 2  # from which of the hour's ends the raw observations are fewer
        known = hour + HOUR_S if later else hour
        starts = self._newest(rollup_day, keys, day + DAY_S, _DAY_SPANS, 0)
        found = {k: noise for k, (_, noise) in starts.items()}
        today = {k for k, (at, _) in starts.items() if at == day}
        ends: dict[int, set[int]] = defaultdict(set)
        for k, (at, _) in starts.items():
            ends[at].add(k)
        for at, some in ends.items():
            limit = known if at == day else at + DAY_S
            for k, (_, total) in self._newest(rollup_hour, some, limit, (HOUR_S, DAY_S), at).items():
                found[k].add(total)
        if instant != known:
            self._walk(found, today, known, instant, end=end)
        return found

    def _walk(self, found: dict[int, RollupStats], keys: set[int], known: int, instant: int, *, end: bool) -> None:
        """Walk the tallies from a full hour to the instant, forward or back, by the raw observations between."""
        sign = 1 if known < instant else -1
        since, until = min(known, instant), max(known, instant)
        short = self._short & keys
        if short:  # whole slices at the instant, to evaluate the one that it cuts
            since, until = floor_to(since, SHORTEST_SLICE_S), -(-until // SHORTEST_SLICE_S) * SHORTEST_SLICE_S
        slices: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        for slot, key, verdict, response, items, trace in self._raw(keys, since, until):
            if key not in keys:
                continue
            if (slot < instant) == (sign == 1):
                noise = found[key]
                if self._measured:
                    noise.see(verdict, response, items, quality_of(trace), sign)
                else:
                    noise.see(verdict, None, None, None, sign)
                if key not in short:
                    noise.slice_seen(one_slot_slice(verdict), sign)
            if key in short:
                slices[key, floor_to(slot, SHORTEST_SLICE_S)].append((slot, verdict))
        for (key, start), seen in slices.items():
            whole = evaluated(verdict for _, verdict in seen)
            before = evaluated(verdict for slot, verdict in seen if slot < instant) if end else whole
            if sign == 1 and start < instant:
                found[key].slice_seen(before)
            elif sign == -1:
                found[key].slice_seen(whole, -1)
                if start < instant:
                    found[key].slice_seen(before)

    def _raw(self, keys: set[int], since: int, until: int) -> Iterable[Any]:
        columns = "o.slot, o.source_id, o.verdict, o.response, o.items, o.trace"
        fleet = self._uow.sources.fleet()
        return scan(self._uow.connection, columns, ids=keys, fleet=fleet, since=since, until=until, tail="")

    def _at(self, table: Table, keys: dict[int, int]) -> dict[int, RollupStats]:
        """The row of each source at a known instant."""
        if not keys:
            return {}
        when, key = list(table.c)[:2]
        asked = select(when, key, table.c.total).where(when.in_(set(keys.values())))
        if len(keys) <= _FILTER_AT_MOST:
            asked = asked.where(key.in_(keys))
        return {r[1]: self._decode(r[2]) for r in self._uow.connection.execute(asked).all() if keys.get(r[1]) == r[0]}

    def _newest(
        self, table: Table, keys: set[int], before: int, spans: tuple[int, ...], not_before: int
    ) -> dict[int, tuple[int, RollupStats]]:
        """The newest row of each source before an instant: nearly always the last possible one, so look there first."""
        when, key = list(table.c)[:2]
        rows: dict[int, tuple[int, bytes]] = {}
        upto = before
        for span in spans:
            missing = keys - rows.keys()
            since = max(before - span, not_before)
            if not missing or since >= upto:
                continue
            asked = select(when, key, table.c.total).where(when >= since, when < upto).order_by(when)
            if len(missing) <= _FILTER_AT_MOST:
                asked = asked.where(key.in_(missing))
            rows |= {r[1]: (r[0], r[2]) for r in self._uow.connection.execute(asked).all() if r[1] in missing}
            upto = since
        return {k: (at, self._decode(total)) for k, (at, total) in rows.items()}
