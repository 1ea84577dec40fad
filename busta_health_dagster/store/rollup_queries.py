"""What the rollups say: counts and quantiles of any window, bars of a day, days of a month."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from sqlalchemy import select

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.season import OFF_SEASON
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.store.observation_scan import scan
from busta_health_dagster.store.packing import MAINTENANCE
from busta_health_dagster.store.rollup_reader import RollupReader
from busta_health_dagster.store.rollup_repair import Recomputed, recompute
from busta_health_dagster.store.rollup_stats import (
    FLAKY,
    ITEMS,
    ITEMS_N,
    PLANNED,
    QUALITY,
    QUALITY_N,
    RESPONSE,
    SEEN,
    RollupStats,
    decode,
)
from busta_health_dagster.store.rollup_writer import DAY_S
from busta_health_dagster.store.schema.observing import rollup_day

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from busta_health_dagster.domain.uptime_and_budget import SliceCounts
    from busta_health_dagster.store.unit import UnitOfWork

_WORST = (Status.UP, Status.UNKNOWN, Status.DEGRADED, Status.DOWN)  # of a bar, best first: unknown is never healthy


@dataclass(frozen=True, slots=True)
class Counts:
    """What was seen of one source in one window, without what it measured: half the cost of a `Summary`. Counts are of
    observations outside maintenance unless they say otherwise. Slots that never came are not here: who knows the interval
    knows how many were due.
    """

    noise: RollupStats

    @property
    def counts(self) -> dict[Status, int]:
        return {s: self.noise.counts[SEEN + s] for s in Status}

    @property
    def maintenance(self) -> dict[Status, int]:
        """Observations inside maintenance."""
        return {s: self.noise.counts[PLANNED + s] for s in Status}

    @property
    def up(self) -> int:
        return self.noise.counts[SEEN + Status.UP]

    @property
    def degraded(self) -> int:
        return self.noise.counts[SEEN + Status.DEGRADED]

    @property
    def down(self) -> int:
        return self.noise.counts[SEEN + Status.DOWN]

    @property
    def unknown(self) -> int:
        return self.noise.counts[SEEN + Status.UNKNOWN]

    @property
    def seen(self) -> int:
        """Observations in all, those inside maintenance included."""
        return sum(self.noise.counts[SEEN : PLANNED + 4])

    @property
    def flaky(self) -> int:
        """Up only after a repeated attempt."""
        return self.noise.counts[FLAKY]

    @property
    def slices(self) -> SliceCounts:
        """Timeslices of max(5 min, interval) in which something was seen, by verdict."""
        return self.noise.slices()

    @property
    def failure_ratio(self) -> float | None:
        """Down / (up + degraded + down)."""
        verdicts = self.up + self.degraded + self.down
        return self.down / verdicts if verdicts else None


class Summary(Counts):
    """The same, and what it measured. Response times are milliseconds over what is outside maintenance and not suspect, 4%
    exact (the mean is exact up to suspect ones). None: nothing was measured.
    """

    __slots__ = ()

    @property
    def measured(self) -> int:
        return sum(self.noise.bins.values())

    @property
    def p50(self) -> float | None:
        return self.noise.quantile(0.5)

    @property
    def p95(self) -> float | None:
        return self.noise.quantile(0.95)

    @property
    def max_ms(self) -> float | None:
        return self.noise.quantile(1.0)

    @property
    def mean_ms(self) -> float | None:
        return self.noise.counts[RESPONSE] / 10 / self.measured if self.measured else None

    @property
    def mean_items(self) -> float | None:
        return _mean(self.noise, ITEMS, ITEMS_N, 1)

    @property
    def mean_quality(self) -> float | None:
        return _mean(self.noise, QUALITY, QUALITY_N, 100)


_Seen = TypeVar("_Seen", bound=Counts)


class Bar(NamedTuple):
    """One bar of a strip: the worst status seen in [start, start + bucket), None where nothing was. `response_ms` is
    the mean. `maintenance`: all that was seen is left out of what is counted; `off_season`: because of the source's season.
    """

    start: int
    status: Status | None
    maintenance: bool
    response_ms: float | None
    off_season: bool = False

    @property
    def word(self) -> str | None:
        """The status that it shows; None where nothing was seen."""
        if self.status is None:
            return None
        return OFF_SEASON if self.off_season else "maintenance" if self.maintenance else self.status.word


class SliceRow(NamedTuple):
    """The observations of one timeslice; those in maintenance are counted only there."""

    start: int
    up: int
    degraded: int
    down: int
    unknown: int
    maintenance: int


class Rollups:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def summary(
        self, names: Collection[str] | None, windows: Mapping[str, tuple[int, int]]
    ) -> dict[str, dict[str, Summary]]:
        """Source -> label -> what was seen in [since, until). Every source asked for is there, with empty summaries
        if need be.
        """
        return self._between(names, windows, Summary, measured=True)

    def counts(
        self, names: Collection[str] | None, windows: Mapping[str, tuple[int, int]]
    ) -> dict[str, dict[str, Counts]]:
        """The same without what was measured: enough for uptime, budget and failures."""
        return self._between(names, windows, Counts, measured=False)

    def _between(
        self,
        names: Collection[str] | None,
        windows: Mapping[str, tuple[int, int]],
        make: Callable[[RollupStats], _Seen],
        *,
        measured: bool,
    ) -> dict[str, dict[str, _Seen]]:
        keys = self._uow.sources.ids(names)
        reader = RollupReader(self._uow, keys, measured=measured)
        begins = {since: reader.before(since, end=False) for since in {w[0] for w in windows.values()}}
        ends = {until: reader.before(until, end=True) for until in {w[1] for w in windows.values()}}
        none = RollupStats()
        return {
            name: {
                label: make(ends[until].get(key, none).minus(begins[since].get(key, none)))
                for label, (since, until) in windows.items()
            }
            for key, name in keys.items()
        }

    def daily(self, names: Collection[str] | None, since: int, until: int) -> dict[str, list[tuple[int, Summary]]]:
        """Source -> (start of the UTC day, what was seen on it), for every day of [since, until) that has anything,
        oldest first.
        """
        keys = self._uow.sources.ids(names)
        c = rollup_day.c
        asked = select(c.day, c.source_id, c.total).where(c.day >= floor_to(since, DAY_S)).order_by(c.day)
        if len(keys) <= 500:
            asked = asked.where(c.source_id.in_(keys))
        starts: dict[int, list[tuple[int, RollupStats]]] = defaultdict(list)
        for day, key, total in self._uow.connection.execute(asked):
            if key in keys:
                starts[key].append((day, decode(total)))
        heads = RollupReader(self._uow, starts.keys()).before(2**40, end=True)
        found: dict[str, list[tuple[int, Summary]]] = {name: [] for name in keys.values()}
        for key, days in starts.items():
            ends = [total for _, total in days[1:]] + [heads[key]]
            found[keys[key]] = [
                (day, Summary(end.minus(start))) for (day, start), end in zip(days, ends, strict=True) if day < until
            ]
        return found

    def strip(self, names: Collection[str] | None, since: int, until: int, bucket_s: int) -> dict[str, list[Bar]]:
        """Bars of `bucket_s` from `since` on, each with the worst status that counts in it; what was seen in maintenance shows
        only if nothing lies outside.
        """
        keys = self._uow.sources.ids(names)
        rank = "CASE o.verdict & 3 WHEN 1 THEN 0 WHEN 0 THEN 1 ELSE o.verdict & 3 END"
        columns = (
            f"o.source_id, max({rank} - (o.verdict & {MAINTENANCE})), avg(o.response)"  # below 0: all in maintenance
        )
        starts = range(since, until, bucket_s)
        unseen = [Bar(start, None, False, None) for start in starts]
        found = {name: unseen.copy() for name in keys.values()}
        fleet = self._uow.sources.fleet()
        for bar, start in enumerate(
            starts
        ):  # a bar at a time: sorting a whole day of 5,000 sources costs twice as much
            rows = scan(
                self._uow.connection,
                columns,
                ids=keys,
                fleet=fleet,
                since=start,
                until=min(start + bucket_s, until),
                tail="GROUP BY o.source_id",
            )
            for key, worst, response in rows:
                if key in keys:
                    ms = None if response is None else round(float(response) / 10, 1)
                    found[keys[key]][bar] = Bar(start, _WORST[worst % MAINTENANCE], worst < 0, ms)
        return found

    def slices(self, name: str, since: int, until: int, slice_s: int) -> list[SliceRow]:
        """The slices of [since, until) in which something was seen, from the raw observations, oldest first."""
        source = self._uow.sources.get(name)
        rows = scan(
            self._uow.connection,
            "o.slot, o.source_id, o.verdict",
            ids=[source.id],
            fleet=self._uow.sources.fleet(),
            since=since,
            until=until,
        )
        tallies: dict[int, list[int]] = defaultdict(lambda: [0] * 5)
        for slot, key, verdict in rows:
            if key == source.id:
                tallies[floor_to(slot, slice_s)][4 if verdict & MAINTENANCE else verdict & 3] += 1
        return [SliceRow(at, t[1], t[2], t[3], t[0], t[4]) for at, t in tallies.items()]

    def recompute(
        self,
        names: Collection[str] | None,
        since: int,
        until: int,
        maintenance: Mapping[str, Sequence[tuple[int, int]]] | None = None,
    ) -> Recomputed:
        """Make the rollups of [since, until) agree with the raw observations again; nothing changes if they do.

        `maintenance` gives per source the [start, end) of its maintenance in that range: observations are marked
        again first (a source it does not name has none). None: the marks stay as they are. Hours whose observations
        retention has deleted keep their numbers.
        """
        return recompute(self._uow, self._uow.sources.ids(names, removed=names is not None), since, until, maintenance)


def _mean(noise: RollupStats, total: int, n: int, scale: int) -> float | None:
    return noise.counts[total] / scale / noise.counts[n] if noise.counts[n] else None
