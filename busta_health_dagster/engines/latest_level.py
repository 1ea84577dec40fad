"""Where a daily number stands: its newest value, since when it is past its limit, and how long there has been none.

A slope of thirty days says nothing of this: it may point up while the score has been too low for a week, or has not come at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from busta_health_dagster.engines.slope import Side

SILENT_DAYS = 2
"""A day without a value may be one that is not over; two are silence."""


@dataclass(frozen=True, slots=True)
class LatestLevel:
    """`value` is that of `day`, the newest day with one. `past_since`: the first day of an unbroken run past `limit`, as far
    back as the days go (`from_start`: it is the first of them); None while it is within. `silent_days` have passed since
    without a value.
    """

    value: float
    day: date
    silent_days: int
    limit: float | None
    side: Side
    past_since: date | None = None
    from_start: bool = False

    @property
    def is_silent(self) -> bool:
        return self.silent_days >= SILENT_DAYS

    @property
    def is_well(self) -> bool:
        """There is a value, and it is within its limit."""
        return not self.is_silent and self.past_since is None

    def words(self, written: Callable[[float], str], what: str = "score") -> str:
        """`below 90 since 18 Nov, 85.0 now`; `no score for 10 days, 96.2 on 20 Nov`; `96.2 now`."""
        at = f"on {_day(self.day)}" if self.silent_days else "now"
        past = self.past(written)
        if self.is_silent:
            last = f"no {what} for {plural(self.silent_days, 'day')}, {written(self.value)} {at}"
            return f"{last}, {past}" if past else last
        return f"{past}, {written(self.value)} {at}" if past else f"{written(self.value)} {at}"

    def past(self, written: Callable[[float], str] = "{:g}".format) -> str:
        """`below 90 since 18 Nov`; empty while it is within its limit."""
        if self.past_since is None or self.limit is None:
            return ""
        word = "below" if self.side == "lower" else "above"
        return f"{word} {_bare(written(self.limit))} {self.since}"

    @property
    def since(self) -> str:
        """`since 18 Nov`; empty while it is within its limit."""
        if self.past_since is None:
            return ""
        return f"since {_day(self.past_since)}" + (" or earlier" if self.from_start else "")


def latest_level(
    days: Iterable[tuple[date, float | None]], until: date, limit: float | None, side: Side
) -> LatestLevel | None:
    """Of days that stand oldest first and end with `until` or before; None where no day has a value."""
    known = [(day, value) for day, value in days if value is not None and day <= until]
    if not known:
        return None
    since: date | None = None
    for day, value in reversed(known):
        if limit is None or not (value < limit if side == "lower" else value > limit):
            break
        since = day
    newest, value = known[-1]
    return LatestLevel(
        value, newest, (until - newest).days, limit, side, since, since is not None and since == known[0][0]
    )


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"


def _bare(text: str) -> str:
    """A limit is a round number: 90, not 90.0."""
    return text.removesuffix(".0")
