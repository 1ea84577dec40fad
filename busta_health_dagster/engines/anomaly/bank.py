"""The bank: every source of a fleet, one call per tick."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from busta_health_dagster.domain.anomaly import AnomalyVerdict, Change, Finding, Term
from busta_health_dagster.engines.anomaly import budget, learning, rules, schedule, shape, steps, thresholds
from busta_health_dagster.engines.anomaly import filter as filters
from busta_health_dagster.engines.anomaly.custom import board
from busta_health_dagster.engines.anomaly.custom.fleet import CustomMetrics
from busta_health_dagster.engines.anomaly.finding_state import Desk
from busta_health_dagster.engines.anomaly.rows import HOT_BYTES, Rows, StateUnreadable
from busta_health_dagster.engines.anomaly.thresholds import DEFAULT, DetectorSettings
from busta_health_dagster.engines.anomaly.tick import DOWN, UNKNOWN, Tick
from busta_health_dagster.engines.anomaly.verdicts import Verdicts
from busta_health_dagster.engines.baseline import units
from busta_health_dagster.engines.baseline.history import History
from busta_health_dagster.engines.baseline.units import ITEMS, METRICS, RESPONSE, Array


@dataclass(frozen=True, slots=True)
class WatchedSource:
    """What the detector needs to know of a source; `cadence_s` None: how often it publishes is not stated; `metrics`
    None: every metric that behaves is evaluated, else these alone.
    """

    name: str
    type: str
    interval_s: int
    cadence_s: float | None = None
    metrics: tuple[str, ...] | None = None


class ColdMissing(LookupError):
    """A source's day is full and its history was not loaded."""


class DetectorBank:
    """Detector state of N sources, keyed by name.

    Per tick: `cold_due` names whose history `step` will need -> `load_cold` them -> `step` -> `verdict` per source ->
    `dump_hot` of those that were polled and `take_cold` to the store. With `keep_cold` (replays, benchmarks)
    histories stay here.
    """

    def __init__(
        self, sources: Iterable[WatchedSource] = (), settings: DetectorSettings = DEFAULT, *, keep_cold: bool = False
    ) -> None:
        self.settings = settings
        self.keep_cold = keep_cold
        self.sources: list[WatchedSource] = []
        self.names: list[str] = []
        self.rows = Rows(0)
        self.custom = CustomMetrics()
        self._cold: dict[str, History] = {}
        self._dirty: set[str] = set()
        self.sync(sources)

    def sync(self, sources: Iterable[WatchedSource]) -> None:
        """Adds, removes and reorders; rows follow their name. A source whose interval changed starts again."""
        wanted = list(sources)
        where = {source.name: i for i, source in enumerate(self.sources)}
        if len({source.name for source in wanted}) != len(wanted):
            raise ValueError("two sources of one name in the detector bank; names are the identity of its rows")
        self.rows = self.rows.select([where.get(source.name, -1) for source in wanted])
        self.sources = wanted
        self.names = [source.name for source in wanted]
        self._index = {name: i for i, name in enumerate(self.names)}
        self._cold = {name: cold for name, cold in self._cold.items() if name in self._index}
        self._dirty &= set(self._index)
        self._verdicts = Verdicts(len(wanted))
        self._cadence = np.array([source.cadence_s or np.nan for source in wanted], dtype=np.float64)
        self._types = np.array([source.type for source in wanted], dtype=object)
        self.custom.keep(self.names)
        self._chosen = np.array(
            [[source.metrics is None or metric in source.metrics for source in wanted] for metric in METRICS],
            dtype=bool,
        ).reshape(len(METRICS), len(wanted))
        self._own_interval()

    def _own_interval(self) -> None:
        interval = np.array([source.interval_s for source in self.sources], dtype=np.int64)
        for row in np.nonzero((self.rows.interval_s != 0) & (self.rows.interval_s != interval))[0]:
            self.rows.blank(int(row))
            self._cold.pop(self.names[row], None)
            self.custom.forget(self.names[row])
        self.rows.interval_s[...] = interval

    def load_hot(self, blobs: Mapping[str, bytes]) -> None:
        """Restores rows from `dump_hot`; names that are not watched are ignored. Raises StateUnreadable."""
        names = [name for name in blobs if name in self._index]
        self.rows.unpack([self._index[name] for name in names], [blobs[name][:HOT_BYTES] for name in names])
        try:
            self.custom.unpack({name: blobs[name][HOT_BYTES:] for name in names})
        except (ValueError, IndexError) as why:
            raise StateUnreadable(f"its custom metrics cannot be read: {why}") from why
        self._own_interval()

    def dump_hot(self, names: Iterable[str] | None = None) -> dict[str, bytes]:
        """The rows as bytes, by name."""
        chosen = list(self.names if names is None else names)
        packed, custom = self.rows.pack([self._index[name] for name in chosen]), self.custom.pack(chosen)
        return {name: row + custom[name] for name, row in zip(chosen, packed, strict=True)}

    def confirm(self, names: Collection[str]) -> None:
        """Someone or something else has seen what these sources' open incidents are about: they cost no budget."""
        for name in names:
            row = self._index.get(name)
            if row is not None and self.rows.incident_at[row]:
                self.rows.confirmed[row] = 1

    def open_incidents(self) -> list[tuple[str, int]]:
        """(source, since when) of every incident that is open."""
        return [(self.names[i], int(self.rows.incident_at[i])) for i in np.nonzero(self.rows.incident_at)[0]]

    def cold_due(self, tick: Tick) -> list[str]:
        """Sources whose history `step(tick)` will write: load them first. Those without one yet are not named."""
        live = (tick.status > UNKNOWN) & ~tick.maintenance & (tick.slots > self.rows.last_slot)
        return [self.names[i] for i in learning.due(self.rows, tick.slots, live) if self.rows.flushes[i] > 0]

    def load_cold(self, name: str, blob: bytes | None) -> None:
        """Hands in one history; None where the store has lost it: the source goes on with an empty one."""
        row = self._index[name]
        width = learning.bin_s(self.sources[row].interval_s)
        self._cold[name] = (
            History.from_bytes(blob) if blob else History.empty(width, int(max(self.rows.day_start[row], 0)))
        )

    def take_cold(self) -> dict[str, bytes]:
        """Histories that changed since the last call, to be stored; they are released unless `keep_cold`."""
        out = {name: self._cold[name].to_bytes() for name in sorted(self._dirty)}
        self._dirty.clear()
        if not self.keep_cold:
            self._cold.clear()
        return out

    def step(self, tick: Tick) -> list[Finding]:
        """Evaluates one tick and learns from it; the findings are what changed. Nothing depends on what comes later."""
        rows, cfg, slots = self.rows, self.settings, tick.slots
        fresh = (tick.status >= UNKNOWN) & (slots > rows.last_slot)
        rows.last_slot[fresh] = slots[fresh]
        live = fresh & ~tick.maintenance & (tick.status > UNKNOWN)
        down = live & (tick.status == DOWN)
        up = live & ~down
        self._adopt(live)
        share = budget.pay(rows, cfg, slots, fresh)
        self.custom.pay(lambda name: float(share[self._index[name]]))
        self._write_history(slots, live)

        u = units.forward(tick.response_ms, tick.items, tick.quality)
        u[:, ~up] = np.nan
        recorded = u.copy()
        rules_items = np.where(up, tick.items, np.nan)
        u[ITEMS, rules.sparse(rows)] = np.nan
        inn = filters.advance(rows, cfg, u, slots, filters.shapes(rows, slots, tick.kind, tick.position))
        doubt = cfg.young * filters.doubts(rows, slots, tick.kind)
        d0, d1 = steps.limits(cfg, inn.sigma, tick.near, doubt)
        steps.update(rows, inn, doubt)
        shape.record(rows, inn, doubt, (rows.incident == 0) & (rows.incident_at == 0))
        watched = self._chosen & ~schedule.scheduled(rows, cfg)
        schedule.learn(rows, inn, slots, up)
        seen = steps.judge(rows, cfg, inn, d0=d0, d1=d1, slots=slots, watched=watched)
        for metric in range(units.M):
            shape.forget(rows, metric, seen.ended[metric])

        desk = Desk(rows, self.custom, cfg, self.names, slots)
        desk.levels(inn, seen)
        for metric, term, now in (
            (RESPONSE, thresholds.SPIKES, shape.spikes(rows, cfg, inn)),
            (ITEMS, thresholds.VARIANCE, shape.variance(rows, cfg, inn)),
        ):
            now.lit &= watched[metric]
            for row, normal in desk.follow(term, inn.evaluated[metric], now):
                shape.closed(
                    rows, cfg, metric, row, rate=float(now.observed[row] / max(now.polls[row], 1)) if normal else None
                )
        age = np.where(up, tick.data_age_s, np.nan)
        for term, polled, rule in (
            (thresholds.FAILURES, live, rules.failures(rows, cfg, live, down)),
            (thresholds.STALE, up, rules.stale(rows, up, age, self._cadence)),
            (thresholds.FROZEN, up, rules.frozen(rows, cfg, up, rules_items, tick.quality)),
            (thresholds.EMPTY, up, rules.empty(rows, slots, up, rules_items)),
        ):
            for row, normal in desk.follow(term, polled, rule):
                rules.closed(rows, term, row, float(rule.observed[row]) if normal else None)

        self._follow_custom(desk, tick, up)
        calm = (rows.incident_at == 0) & ~desk.was_open
        self._learn(tick, inn, recorded, live=live, up=up, calm=calm, age=age)
        for f in desk.findings:
            if f.change in {Change.OPENED, Change.JOINED, Change.NEWS} and f.term is not Term.LEVEL:
                hard = f.term in {Term.FAILURES, Term.STALE, Term.FROZEN, Term.EMPTY}
                (learning.blank_since if hard else learning.mark_since)(rows, self._index[f.source], f.since)
        self._verdicts.note(rows, tick, fresh, desk.findings, self.row)
        return desk.findings

    def _follow_custom(self, desk: Desk, tick: Tick, up: Array) -> None:
        rows = self.rows
        names = [name for name in tick.metrics if up[self._index[name]]]
        at = np.array([self._index[name] for name in names], dtype=np.int64)
        known = board.familiar(rows, at, tick.slots[at], tick.items[at])
        with np.errstate(invalid="ignore", divide="ignore"):
            size = np.where(tick.items[at] > 0, np.log(tick.items[at]), np.nan)
        broken = (rows.opened[[thresholds.STALE, thresholds.FROZEN]] > 0).any(axis=0) | (rows.empty_run > 0)
        values = {name: tick.metrics[name] for name, row in zip(names, at, strict=True) if not broken[row]}
        if not values:
            return
        found = self.custom.step(
            values,
            lambda name: int(tick.slots[self._index[name]]),
            lambda name: int(rows.interval_s[self._index[name]]),
            self._judges,
            lambda name: bool(rows.confirmed[self._index[name]]),
            dict(zip(names, known.tolist(), strict=True)),
            dict(zip(names, size.tolist(), strict=True)),
        )
        desk.departures(found, self.row)

    def _judges(self, source: str, metric: str) -> bool:
        chosen = self.sources[self._index[source]].metrics
        return chosen is None or metric in chosen

    def _adopt(self, live: Array) -> None:
        new = np.nonzero(live & (self.rows.phi[0] == 0))[0]
        priors: dict[str, learning.TypePrior] = {}
        for row in new:
            kind = self.sources[row].type
            if kind not in priors:
                priors[kind] = learning.type_prior(self.rows, self.members(kind))
            learning.adopt(self.rows, int(row), priors[kind])
            self.rows.phase[row] = crc32(self.names[row].encode()) % learning.PHASES

    def members(self, kind: str) -> Array:
        """Row numbers of a type's sources."""
        return np.nonzero(self._types == kind)[0]

    def row(self, name: str) -> int:
        """Where a source's columns are in `rows`; KeyError for one that is not watched."""
        return self._index[name]

    def _write_history(self, slots: Array, live: Array) -> None:
        for row in learning.due(self.rows, slots, live):
            name = self.names[row]
            if self.rows.flushes[row] == 0:
                self.load_cold(name, None)
            if name not in self._cold:
                raise ColdMissing(
                    f"the day of {name} is full and its history is not loaded; call cold_due and load_cold before step"
                )
            learning.flush(self.rows, row, int(slots[row]), self._cold[name])
            self._dirty.add(name)
            learning.follow_clock(self.rows, row, self._cold[name])
            if learning.fit_due(self.rows, row):
                learning.refit(self.rows, row, self._cold[name], self.members(self.sources[row].type))

    def _learn(
        self, tick: Tick, inn: filters.Innovation, u: Array, *, live: Array, up: Array, calm: Array, age: Array
    ) -> None:
        rows = self.rows
        filters.learn(rows, inn, (rows.incident == 0) & calm & up)
        steps.learn(rows, inn, (rows.incident == 0) & calm & up)
        shape.learn(rows, inn, calm & (rows.incident[RESPONSE] == 0))
        rules.learn_failures(rows, live, tick.status == DOWN, calm)
        rules.learn_age(rows, tick.slots, up, age, calm)
        rules.learn_frozen(rows, up, tick.items, calm)
        rules.learn_zeros(rows, up, tick.items, calm)
        rules.learn_full(rows, up, tick.items)
        # Outages, stale and frozen data are no data; a level incident may be a habit not yet known: kept, marked
        # doubtful.
        usable = up & ~(rows.opened[[*thresholds.FACTS]] > 0).any(axis=0)
        doubtful = (rows.incident != 0).any(axis=0) | ~calm
        learning.record(rows, tick.slots, u, kind=tick.kind, position=tick.position, usable=usable, doubtful=doubtful)

    def verdict(self, name: str) -> AnomalyVerdict:
        """What the last tick means for one source. An incident stays open through what could not be evaluated."""
        row = self._index[name]
        standing = (
            Desk(self.rows, self.custom, self.settings, self.names, self.rows.last_slot).standing(row)
            if self.rows.incident_at[row]
            else ()
        )
        return self._verdicts.of(row, int(self.rows.incident_at[row]), standing, stricter=self.stricter(row))

    def stricter(self, row: int) -> str:
        """What the noise budget asks of the tests of one source, as a sentence without a subject; empty: nothing."""
        doubled = max(float(budget.doublings(self.rows.debt[row])), self.custom.doublings(self.names[row]))
        return budget.sentence(doubled, int(self.rows.stricter_since[row]))
