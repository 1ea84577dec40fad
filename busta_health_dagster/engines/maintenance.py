"""When maintenance is on: windows expanded to instants, and an index that answers for thousands of sources.

Start inclusive, end exclusive, duration elapsed. Maintenance suppresses alerting, never monitoring. Known events
expand the same way; hand in the one or the other, never both. What lies outside a source's season is a window too, of a kind
of its own: it is left out of what is counted just as maintenance is.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from busta_health_dagster.domain.errors import Problem
from busta_health_dagster.domain.maintenance import Occurrence, Window
from busta_health_dagster.domain.season import OFF_SEASON
from busta_health_dagster.domain.units import LATEST, LONGEST_S, config_duration, from_epoch, iso, near_instant
from busta_health_dagster.engines import recurrence
from busta_health_dagster.engines.seasons import off_season

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from busta_health_dagster.domain.source import Source

Interval = tuple[int, int]
"""[start, end) in epoch seconds, UTC."""

_A_DAY = timedelta(days=1)
_SEARCH_AHEAD_S = 5 * 366 * 86400


def validate(window: Window) -> tuple[Problem, ...]:
    """Everything wrong with a window, each with its remedy; warnings for what is allowed and probably not meant."""
    problems = list(_field_problems(window))
    if problems or window.rrule is None:
        return tuple(problems)
    try:
        rule = recurrence.parse(window.rrule, window.start)
    except ValueError as why:
        says, _, remedy = str(why).partition("; ")
        return (_problem(window, "rrule", f"{says}.", remedy),)
    begin = _instant(window.start, window.zone)
    first = next(iter(_local_starts(window, begin, begin + _SEARCH_AHEAD_S)), None)
    if first is None:
        says = "The rule has no occurrence in five years from its start."
        return (_problem(window, "rrule", says, "check UNTIL, the exdates and BYDAY", "warning"),)
    if window.start not in window.exdates and next(rule.starts(window.start, window.start), None) is None:
        begins = iso(_instant(first, window.zone))
        says = f"{window.start:%a %Y-%m-%d %H:%M} does not fit {window.rrule}; the first window is {begins}."
        problems.append(_problem(window, "start", says, "let start be the first occurrence", "warning"))
    for left_out in window.exdates:
        if next(rule.starts(left_out, left_out), None) is None:
            # A left-out date that is a day or an hour off leaves nothing out: the night it was meant for stays quiet.
            says = f"{left_out:%a %Y-%m-%d %H:%M} is no start of {window.rrule}: it leaves nothing out."
            problems.append(
                _problem(window, "exdates", says, "write the local start that is to be left out", "warning")
            )
    return tuple(problems)


def occurrences(window: Window, since: int, until: int) -> list[Occurrence]:
    """Every occurrence that overlaps [since, until), unclipped, in order.

    A local start that does not exist shifts forward by the gap; an ambiguous one is the first: both are what zoneinfo
    does with fold 0. Rules without an end cost only the range asked for.

    Raises:
        ValueError: an unreadable rule, or an unknown zone (`validate` says it nicely).
    """
    if since >= until:
        return []
    if window.season is not None:
        gaps = off_season(window.season, since, until)
        return [Occurrence(window.name, *gap, window.reason, window.select, window.kind) for gap in gaps]
    found: dict[int, Occurrence] = {}
    for local in _local_starts(window, since, until):
        start = _instant(local, window.zone)
        if start < until and start + window.duration_s > since:
            # An hourly rule meets itself in the gap: 02:30 shifted and 03:30 are one instant, hence the dict.
            found[start] = Occurrence(
                window.name, start, start + window.duration_s, window.reason, window.select, window.kind
            )
    return [found[start] for start in sorted(found)]


def active(windows: Iterable[Window], source: Source, at: int) -> tuple[Occurrence, ...]:
    """The occurrences that cover `source` at the instant `at`; several when windows overlap."""
    return tuple(o for w in windows if w.select.matches(source) for o in occurrences(w, at, at + 1))


def merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Their union, in order: overlapping and touching ones become one."""
    union: list[Interval] = []
    for start, end in sorted(intervals):
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(union[-1][1], end))
        elif end > start:
            union.append((start, end))
    return tuple(union)


def differences(one: Iterable[Interval], other: Iterable[Interval]) -> tuple[Interval, ...]:
    """The stretches that lie in one of two unions and not in the other, in order."""
    edges: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for side, intervals in enumerate((one, other)):
        for begin, end in merged(intervals):
            edges[begin][side] += 1
            edges[end][side] -= 1
    found: list[Interval] = []
    inside, before = [0, 0], 0
    for at in sorted(edges):
        if inside[0] != inside[1]:
            found.append((before, at))
        inside, before = [a + b for a, b in zip(inside, edges[at], strict=True)], at
    return merged(found)


_NO_WINDOW: tuple[list[int], tuple[Interval, ...]] = ([], ())


class MaintenanceIndex:
    """The windows of a time range, expanded once; per source a sorted union that is built on first question.

    Questions outside [since, until) raise: "not covered" would be a guess.
    """

    def __init__(self, windows: Iterable[Window], since: int, until: int) -> None:
        self.since, self.until = since, until
        windows = list(windows)
        self._expanded = [(w, occurrences(w, since, until)) for w in windows if w.season is None]
        # One source has one season, and a fleet has many: matching each window with each source would be quadratic.
        self._seasons = {w.select.names[0]: w for w in windows if w.season is not None}
        self._unions: dict[tuple[str, str | None], tuple[list[int], tuple[Interval, ...]]] = {}

    def intervals(self, source: Source, kind: str | None = None) -> tuple[Interval, ...]:
        """The union of all windows of this source (or of one kind: `maintenance` or `off_season`), unclipped."""
        return self._union(source, kind)[1]

    def interval_at(self, source: Source, epoch: int, kind: str | None = None) -> Interval | None:
        """The stretch that `epoch` lies in, joined over overlapping and touching windows (of one kind, if it is given);
        its end is when work ends.
        """
        if not self.since <= epoch < self.until:
            raise ValueError(
                f"{iso(epoch)} is outside this index, {iso(self.since)} to {iso(self.until)}; build one for that time"
            )
        starts, union = self._union(source, kind)
        at = bisect_right(starts, epoch) - 1
        return union[at] if at >= 0 and epoch < union[at][1] else None

    def covers(self, source: Source, epoch: int) -> bool:
        return self.interval_at(source, epoch) is not None

    def occurrences(self, source: Source | None = None) -> list[Occurrence]:
        """All of one source, or all there are, by start; without those of seasons."""
        chosen = (o for w, found in self._expanded if source is None or w.select.matches(source) for o in found)
        return sorted(chosen, key=lambda o: (o.start, o.window))

    def overlaps(self, sources: Iterable[Source]) -> tuple[Problem, ...]:
        """A warning for each pair of windows that cover the same source at the same time. They count once: a union."""
        owner = {w.name: w for w, _ in self._expanded}
        seen: dict[tuple[str, str], tuple[int, str]] = {}
        for source in sources:
            running: list[Occurrence] = []
            for later in self.occurrences(source):
                running = [o for o in running if o.end > later.start]
                for earlier in running:
                    pair = (min(earlier.window, later.window), max(earlier.window, later.window))
                    seen.setdefault(pair, (later.start, source.name))
                running.append(later)
        return tuple(_overlap(owner[b], a, name, at) for (a, b), (at, name) in sorted(seen.items()))

    def _union(self, source: Source, kind: str | None) -> tuple[list[int], tuple[Interval, ...]]:
        if not self._expanded and not self._seasons:
            return _NO_WINDOW
        known = self._unions.get((source.name, kind))
        if known is None:
            own = [] if kind == OFF_SEASON else self.occurrences(source)
            season = self._seasons.get(source.name)
            if season is not None and kind in {None, OFF_SEASON}:
                own += occurrences(season, self.since, self.until)
            union = merged((o.start, o.end) for o in own)
            known = self._unions[source.name, kind] = ([start for start, _ in union], union)
        return known


def _overlap(window: Window, other: str, source: str, at: int) -> Problem:
    recipients = "itself" if other == window.name else repr(other)
    says = f"Overlaps {recipients} on {source} from {iso(at)}; the union counts, once."
    return _problem(window, "start", says, "shorten or merge them, if it is not meant", "warning")


def _local_starts(window: Window, since: int, until: int) -> Iterable[datetime]:
    if window.rrule is None:
        return () if window.start in window.exdates else (window.start,)
    rule = recurrence.parse(window.rrule, window.start)
    # A day on both sides is more than any zone's distance from UTC and any gap; the caller filters by instant.
    low = from_epoch(min(max(since - window.duration_s, 0), LATEST)).replace(tzinfo=None) - _A_DAY
    high = from_epoch(min(until, LATEST)).replace(tzinfo=None) + _A_DAY
    return (
        local
        for local in rule.starts(low, high)
        if local not in window.exdates
        and (rule.until_utc is None or _instant(local, window.zone) <= rule.until_utc.timestamp())
    )


def _instant(local: datetime, zone: str) -> int:
    return int(local.replace(tzinfo=ZoneInfo(zone), fold=0).timestamp())


def _field_problems(window: Window) -> Sequence[Problem]:
    problems = []
    if window.start.tzinfo is not None or any(d.tzinfo is not None for d in window.exdates):
        problems.append(
            _problem(
                window,
                "start",
                "Start and exdates are local times; an offset is written in them.",
                "start: 2026-11-26T02:00 and zone: Europe/Berlin",
            )
        )
    if not window.zone:
        problems.append(
            _problem(
                window,
                "zone",
                "The window has no zone; 02:00 could mean any of 38 instants.",
                "zone: Europe/Berlin, or zone: UTC",
            )
        )
    elif not _known(window.zone):
        problems.append(
            _problem(
                window, "zone", f"{window.zone!r} is not in the tz database.", "an IANA name such as America/New_York"
            )
        )
    if window.duration_s <= 0:
        problems.append(
            _problem(
                window, "duration", f"The window lasts {config_duration(max(window.duration_s, 0))}.", "duration: 45m"
            )
        )
    if window.duration_s > LONGEST_S:
        longer = f"The window lasts {config_duration(window.duration_s)}, longer than 10 years."
        problems.append(_problem(window, "duration", longer, "duration: 45m, or an rrule for what recurs"))
    for name, local in (("start", window.start), *(("exdates", left_out) for left_out in window.exdates)):
        try:
            near_instant(int(local.replace(tzinfo=UTC).timestamp()))
        except ValueError:
            far = f"{local:%Y-%m-%d %H:%M} lies outside 1970 to 2199."
            problems.append(_problem(window, name, far, "a local time such as 2026-11-26T02:00"))
    return problems


def _known(zone: str) -> bool:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a directory of the database, such as "Europe"
        return False
    return True


def _problem(window: Window, name: str, message: str, remedy: str, level: str = "error") -> Problem:
    return Problem(
        window.where, f"window {window.name}, {name}", message, remedy, "warning" if level == "warning" else "error"
    )
