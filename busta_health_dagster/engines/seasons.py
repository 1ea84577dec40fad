"""When a source is off season: the gaps between its active times, as intervals that the maintenance index takes.

A day is active or not by its local date; its hours become instants as the start of a maintenance window does (a time that
does not exist moves on by the gap, an ambiguous one is the first).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.season import DAY_MINUTES
from busta_health_dagster.domain.units import EARLIEST, LATEST, from_epoch
from busta_health_dagster.domain.verdict import CheckVerdict, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from busta_health_dagster.domain.observation import Observation
    from busta_health_dagster.domain.season import ActiveTimes, Season
    from busta_health_dagster.domain.source import Source

Interval = tuple[int, int]

_DAY_S = 86_400
_MARGIN = timedelta(days=2)
"""More than any zone's distance from UTC and a night that runs into the next day."""
_AHEAD = timedelta(days=8 * 366)
"""A 29 February that must fall on no special weekday comes again within eight years."""
_FIRST, _LAST = date(1970, 1, 3), date(2199, 12, 29)
CONTENT_REASONS = frozenset({"payload", "assertion", "shape", "too_large", "stale", "age_unknown", "metric_unreadable"})
"""Reasons that are about what was delivered: the source answered."""


def off_season(season: Season, since: int, until: int) -> tuple[Interval, ...]:
    """Every gap that overlaps [since, until), unclipped, in order. One without a beginning starts in 1970, one without an
    end lasts to 2200.
    """
    if since >= until:
        return ()
    return tuple(
        gap for gap in _gaps(season, since // _DAY_S, -(-until // _DAY_S)) if gap[0] < until and gap[1] > since
    )


def off_season_at(season: Season | None, at: int) -> Interval | None:
    """The gap that `at` lies in; None while the source is active."""
    if season is None:
        return None
    return next(iter(off_season(season, at, at + 1)), None)


def off_season_text(gap: Interval) -> str:
    """`off season until 2027-09-09 04:00 UTC`, without the end where none is known."""
    return "off season" if gap[1] >= LATEST else f"off season until {from_epoch(gap[1]):%Y-%m-%d %H:%M} UTC"


def without_verdicts(checks: Mapping[str, CheckVerdict], source: Source, now: int) -> dict[str, CheckVerdict]:
    """The asset checks of a source as they are; off season none passes and none fails."""
    gap = off_season_at(source.active, now)
    if gap is None:
        return dict(checks)
    return {name: CheckVerdict(name, Outcome.UNKNOWN, "WARN", off_season_text(gap)) for name in checks}


def reachability_only(o: Observation) -> Observation:
    """What is seen of a source off season: that it answers. What it delivers is not evaluated, and not kept."""
    bare = replace(o, items=None, data_age_s=None, quality=None, sample=None, metrics={})
    if o.reason not in CONTENT_REASONS:
        return bare
    return replace(
        bare, status=Status.UP, reason="ok", detail="answers; off season, so what it delivers is not evaluated"
    )


@lru_cache(maxsize=8192)
def _gaps(season: Season, first_day: int, last_day: int) -> tuple[Interval, ...]:
    """By whole days, so that the sources of one type and the passes of one day share an answer."""
    low = max(from_epoch(max(first_day * _DAY_S, EARLIEST)).date() - _MARGIN, _FIRST)
    high = min(from_epoch(min(last_day * _DAY_S, LATEST - 1)).date() + _MARGIN, _LAST)
    on = sorted(span for times in season.times for day in _days(low, high) for span in _spans(times, day))
    before = max((span[1] for times in season.times for span in _nearest(times, low, back=True)), default=EARLIEST)
    after = min((span[0] for times in season.times for span in _nearest(times, high, back=False)), default=LATEST)
    found, at = [], before
    for start, end in (*on, (after, LATEST)):
        if start > at:
            found.append((at, start))
        at = max(at, end)
    return tuple(found)


def _nearest(times: ActiveTimes, day: date, *, back: bool) -> Iterable[Interval]:
    """What is active on the last included day before `day`, or on the first after it."""
    for other in _candidates(times, day, back=back):
        if times.includes(other):
            return list(_spans(times, other))
    return ()


def _candidates(times: ActiveTimes, day: date, *, back: bool) -> Iterator[date]:
    """Days in which to look, nearest first: the years around, and those at which a range with years begins or ends."""
    step = timedelta(days=-1 if back else 1)
    yearly = not times.dates or any(some.yearly for some in times.dates)
    reach = max(day - _AHEAD, _FIRST) if back else min(day + _AHEAD, _LAST)
    if yearly:
        starts = [(day + step, reach)]
    else:
        starts = []
        for some in times.dates:
            first, last = (date(*edge) for edge in (some.first, some.last))  # type: ignore[arg-type]  # both have a year
            if back and first < day:
                starts.append((min(last, day + step), first))
            elif not back and last > day:
                starts.append((max(first, day + step), last))
        starts.sort(reverse=back)
    for begin, end in starts:
        other = begin
        while (other >= end) if back else (other <= end):
            yield other
            other += step


def _days(low: date, high: date) -> Iterator[date]:
    day = low
    while day <= high:
        yield day
        day += timedelta(days=1)


def _spans(times: ActiveTimes, day: date) -> Iterator[Interval]:
    """The active stretches of one local day."""
    if not times.includes(day):
        return
    for start, end in times.hours or ((0, DAY_MINUTES),):
        begin = _instant(day, start, times.zone)
        stop = _instant(day, end if end > start else end + DAY_MINUTES, times.zone)
        if stop > begin:
            yield begin, stop


def _instant(day: date, minutes: int, zone: str) -> int:
    local = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)  # noqa: DTZ001  local times are naive here
    return int(local.replace(tzinfo=ZoneInfo(zone), fold=0).timestamp())
