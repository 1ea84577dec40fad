"""Service levels from the store: exact counts of [T - W, T), the error budget and how fast it burns, and quality.

Uptime comes from the rollups (two small rows per source instead of 8,640). A source that is checked more often than a
timeslice is long is counted from its observations while they are kept.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.source import Source
from busta_health_dagster.domain.units import iso, near_instant, to_epoch
from busta_health_dagster.domain.uptime_and_budget import SliceCounts
from busta_health_dagster.engines.service_levels import burn, timeslices
from busta_health_dagster.engines.service_levels.burn import Forecast
from busta_health_dagster.engines.service_levels.periods import Period, period
from busta_health_dagster.pipeline.app.source_lookup import known_sources
from busta_health_dagster.pipeline.maintenance.index import maintenance
from busta_health_dagster.pipeline.maintenance.recompute_rollups import moved_windows
from busta_health_dagster.pipeline.service_levels.windows import window_end

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from busta_health_dagster.domain.documents.service import ServiceLevelRow
    from busta_health_dagster.domain.uptime_and_budget import QualitySla, SlaResult
    from busta_health_dagster.engines.maintenance import Interval
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.rollup_queries import Summary

HOUR_S, DAY_S = 3600, 86400
RECENT_S = {"1h": HOUR_S, "6h": 6 * HOUR_S, "3d": 3 * DAY_S}
"""Stretches whose burn rates stand beside the window's; the forecast takes the pace of 6 h."""
PACE = "6h"
QUALITY_AGES = 2
"""A score counts for so many of its own intervals, as it does for the rules."""


@dataclass(frozen=True, slots=True)
class ServiceLevel:
    """One source over one window: the result, its forecast, and the source as it was counted."""

    source: Source
    period: Period
    result: SlaResult
    forecast: Forecast

    def as_json(self) -> ServiceLevelRow:
        """The public shape of one entry of `busta sla -o json`."""
        return {
            **self.result.as_json(),
            "since": iso(self.period.since),
            "until": iso(self.period.until),
            "forecast": {"exhausted_in_s": self.forecast.in_s, "text": self.forecast.text},
            "time_to_breach_s": burn.time_to_breach_s(self.result),
        }


def ask(app: App, window: str, at: str | None = None) -> Period:
    """`30d`, `week`, `2026-W47` ... as it was at `at` (ISO 8601 with zone; None: now).

    Raises:
        BadInput: not a window, or not a time.
    """
    try:
        moment = app.now() if at is None else instant(at)
    except ValueError as error:
        raise BadInput(f"at: {error}") from error
    return _period(app, window, moment, moment)


def ask_levels(app: App, window: str, at: str | None = None) -> Period:
    """As `ask`. What is asked for now ends with the newest slice that was observed, as on every other surface.

    Raises:
        BadInput: not a window, or not a time.
    """
    if at is not None:
        return ask(app, window, at)
    now = app.now()
    with app.store.read() as uow:
        end = window_end(uow.states.newest_slot(now), now)
    return _period(app, window, now, end)


def _period(app: App, window: str, at: int, end: int) -> Period:
    try:
        return period(window, at, app.config.settings.schedule.zone, end=end)
    except ValueError as error:
        raise BadInput(f"window: {error}") from error


def instant(text: str) -> int:
    """ISO 8601 with zone -> epoch seconds.

    Raises:
        ValueError: something else; the message says what is missing.
    """
    try:
        at = to_epoch(datetime.fromisoformat(text))
    except ValueError:
        raise ValueError(f"{text!r} is not a time with its zone; write 2026-11-23T08:25:00Z or +01:00") from None
    return near_instant(at)


def service_levels(app: App, asked: Period, names: Collection[str] | None = None) -> list[ServiceLevel]:
    """Worst first: missed, then those that can be down for the shortest time, then those no one can evaluate."""
    with app.store.read() as uow:
        sources = known_sources(app, uow, names)
        counts = _Counts(app, uow, sources, asked)
        levels = [counts.level(source) for source in sources.values()]
    return sorted(levels, key=_worst_first)


def next_to_breach(levels: Iterable[ServiceLevel]) -> SlaResult | None:
    """Of those that meet their target, the one that may be down for the shortest time."""
    return burn.next_to_breach(level.result for level in levels)


def slice_counts(app: App, uow: UnitOfWork, sources: Mapping[str, Source], asked: Period) -> dict[str, SliceCounts]:
    """The verdicts of all slices of the window, without budget, burn and quality: for many windows of many sources."""
    counts = _Counts(app, uow, sources, asked, burning=False)
    return {name: counts.slices(source, asked) for name, source in sources.items()}


def up_seconds(app: App, uow: UnitOfWork, sources: Mapping[str, Source], asked: Period) -> dict[str, float]:
    """How long each source was up in the window: good slices x their length."""
    return {
        name: float(some.good(sources[name].sla.degraded) * timeslices.slice_length(sources[name].interval_s))
        for name, some in slice_counts(app, uow, sources, asked).items()
    }


def _worst_first(level: ServiceLevel) -> tuple[int, Fraction | int, str]:
    result = level.result
    if result.met is None:
        return 2, 0, result.source
    left = result.budget_left
    return (1 if result.met else 0), Fraction(0) if left is None else left, result.source


def _score_age(source: Source) -> int:
    """How long a score holds."""
    every = source.quality.every_s if source.quality is not None else HOUR_S
    return QUALITY_AGES * max(every, source.interval_s)


class _Counts:
    """Everything that is read for one question, in few queries."""

    def __init__(
        self, app: App, uow: UnitOfWork, sources: Mapping[str, Source], asked: Period, *, burning: bool = True
    ) -> None:
        self._uow, self._asked, self._sources = uow, asked, sources
        longest = max((s.interval_s for s in sources.values()), default=0)
        horizon = max(burn.HORIZONS) * longest if burning else 0
        first = min(asked.since, asked.until - max(RECENT_S.values()), asked.until - horizon)
        self._planned = maintenance(app, uow, first - 2 * DAY_S, asked.until + 1)
        known = {s.name for s in uow.sources.all()}
        self._seen_ever = known
        self._first_kept = uow.observations.first_slot()
        # maintenance.yaml was edited and nothing that may write has run since: the rollups hold the old marks
        self._moved = moved_windows(app, uow, asked.until)
        self._seen: dict[str, dict[str, Summary]] = {}
        groups: dict[int, list[str]] = defaultdict(list)
        for source in sources.values():
            if source.name in known:
                groups[source.interval_s].append(source.name)
        for interval, some in groups.items():
            windows = {asked.label: (asked.since, asked.until)}
            if burning:
                windows |= {label: (asked.until - span, asked.until) for label, span in RECENT_S.items()}
                windows |= {f"last {n}": (asked.until - n * interval, asked.until) for n in burn.HORIZONS}
            self._seen |= uow.rollups.summary(some, windows)

    def level(self, source: Source) -> ServiceLevel:
        asked, target = self._asked, source.sla
        recent = {
            label: self.slices(source, Period(label, asked.until - span, asked.until))
            for label, span in RECENT_S.items()
        }
        result = timeslices.result(
            self.slices(source, asked),
            source=source.name,
            window=asked.label,
            target=target.uptime,
            degraded=target.degraded,
            interval_s=source.interval_s,
            recent={label: some for label, some in recent.items() if label != asked.label},
            burn_tier=self._tier(source),
            quality=self._quality(source),
        )
        pace = timeslices.burn_rate(recent[PACE], target.uptime, target.degraded)
        return ServiceLevel(source, asked, result, burn.exhaustion(result, pace))

    def slices(self, source: Source, span: Period) -> SliceCounts:
        """The verdicts of all slices of the span, the planned and the missing ones included."""
        planned = self._clipped(source, span)
        kept = self._first_kept is not None and span.since >= self._first_kept
        several = source.interval_s < timeslices.SHORTEST_SLICE_S or source.name in self._moved
        if several and (kept or self._is_young(source)):
            return self._exact(source, span, planned)
        seen = self._seen.get(source.name)
        counts = SliceCounts() if seen is None else seen[span.label].slices
        return timeslices.filled(
            counts, since=span.since, until=span.until, interval_s=source.interval_s, maintenance=planned
        )

    def _is_young(self, source: Source) -> bool:
        """Is all that was ever seen of it still there?"""
        if source.name not in self._seen_ever or self._first_kept is None:
            return False
        row = self._uow.states.rows([self._uow.sources.get(source.name).id])
        first = next((r["first_slot"] for r in row.values()), None)
        return first is not None and first >= self._first_kept

    def _exact(self, source: Source, span: Period, planned: list[Interval]) -> SliceCounts:
        from busta_health_dagster.domain.observation import Status

        observations = self._uow.observations.columns(span.since, span.until, [source.name])[source.name]
        return timeslices.slice_counts(
            ((x.slot, Status(x.status)) for x in observations),
            since=span.since,
            until=span.until,
            interval_s=source.interval_s,
            maintenance=planned,
        )

    def _clipped(self, source: Source, span: Period) -> list[Interval]:
        return [
            (max(a, span.since), min(b, span.until))
            for a, b in self._planned.intervals(source)
            if a < span.until and b > span.since
        ]

    def _tier(self, source: Source) -> str | None:
        """The burn tier that stands at the end of the window; tiers count slots, and maintenance is not bad."""
        seen = self._seen.get(source.name)
        if seen is None or not burn.measurable(source.sla.uptime, source.interval_s).ok:
            return None
        strict = source.sla.degraded == "bad"
        bad = {n: seen[f"last {n}"].down + (seen[f"last {n}"].degraded if strict else 0) for n in burn.HORIZONS}
        fires = burn.firing_tier(bad.__getitem__)
        return None if fires is None else fires.name

    @cached_property
    def _scores(self) -> dict[str, list[tuple[int, float]]]:
        """Of every source that has any in the window, or should: read at once."""
        some = [
            source
            for name, source in self._sources.items()
            if name in self._seen_ever
            and (source.quality is not None or self._seen[name][self._asked.label].mean_quality is not None)
        ]
        oldest = self._asked.since - max(map(_score_age, some), default=0)
        return self._uow.observations.scores(oldest, self._asked.until, [s.name for s in some]) if some else {}

    def _quality(self, source: Source) -> QualitySla | None:
        """None where no score was ever made in reach of the window."""
        if source.name not in self._seen_ever:
            return None
        asked = self._asked
        age = _score_age(source)
        scores = [(at, score) for at, score in self._scores.get(source.name, ()) if at >= asked.since - age]
        if not scores and source.quality is None:
            return None
        return timeslices.quality(
            scores,
            since=asked.since,
            until=asked.until,
            step_s=timeslices.slice_length(source.interval_s),
            threshold=float(source.sla.quality * 100),
            target=source.sla.uptime,
            max_age_s=age,
            maintenance=self._clipped(source, asked),
        )
