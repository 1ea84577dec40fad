"""Outages that come back at the same local time, every day or every week: proposed as maintenance windows.

A habit is at least five days (three weeks) with an outage that begins within half an hour of the others. Its window covers
one on at least 70% of the days since the first of them, and at least half of all outages of the source. So what fails at random,
or all the time, is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final, Literal

from busta_health_dagster.domain.units import floor_to, from_epoch

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from zoneinfo import ZoneInfo

NEAR_S: Final = 1800
LONGEST_S: Final = 4 * 3600
LEAST: Final = {"day": 5, "week": 3}
_SHARE = (7, 10)
_ENDED = (9, 10)
"""The window ends when nine of ten of its outages had: one long outage of the kind is not what is planned."""
_ROUND_S = 300
_DAY_S = 86400
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass(frozen=True, slots=True)
class Outage:
    """[start, end) in epoch seconds: slots in a row that were down."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Habit:
    """A window that would have covered `covered` of `of` days (weeks). `next` is its next local start; `nights` are the local
    dates of the outages that it would have covered whole.
    """

    every: Literal["day", "week"]
    next: datetime
    duration_s: int
    nights: tuple[date, ...]
    of: int

    @property
    def rrule(self) -> str:
        return "FREQ=DAILY" if self.every == "day" else f"FREQ=WEEKLY;BYDAY={_WEEKDAYS[self.next.weekday()]}"


def outages(slots: Iterable[tuple[int, bool]], interval_s: int) -> list[Outage]:
    """Slots (oldest first) with whether the source was down -> its outages."""
    found: list[Outage] = []
    for slot, down in slots:
        if not down:
            continue
        if found and found[-1].end == slot:
            found[-1] = Outage(found[-1].start, slot + interval_s)
        else:
            found.append(Outage(slot, slot + interval_s))
    return found


def habits(found: Sequence[Outage], now: int, zone: ZoneInfo) -> list[Habit]:
    """The window that explains the most outages; none where they have no habit. Daily ones come before weekly ones."""
    short = [o for o in found if o.end - o.start <= LONGEST_S]
    local = [(from_epoch(o.start).astimezone(zone), o) for o in short]
    choices = [c for every in ("day", "week") for c in _of(local, every, len(found), now, zone)]
    return choices[:1]


def _of(
    local: Sequence[tuple[datetime, Outage]], every: Literal["day", "week"], total: int, now: int, zone: ZoneInfo
) -> list[Habit]:
    best: dict[date, tuple[int, Outage]] = {}
    for anchor in dict.fromkeys(_phase(at, every) for at, _ in local):
        mine: dict[date, tuple[int, Outage]] = {}
        for at, outage in local:
            off = _distance(_phase(at, every), anchor, _DAY_S if every == "day" else 7 * _DAY_S)
            if abs(off) <= NEAR_S:
                # The day on which the habit began, also where this one came just after midnight.
                night = (at - timedelta(seconds=off)).date()
                if night not in mine or abs(off) < abs(mine[night][0] - anchor):
                    mine[night] = (anchor + off, outage)
        if len(mine) > len(best):
            best = mine
    if len(best) < LEAST[every]:
        return []
    begin = floor_to(min(phase for phase, _ in best.values()), _ROUND_S)
    ends = sorted(phase + o.end - o.start for phase, o in best.values())
    end = _ROUND_S * -(-ends[-(-len(ends) * _ENDED[0] // _ENDED[1]) - 1] // _ROUND_S)
    nights = tuple(sorted(n for n, (phase, o) in best.items() if phase + o.end - o.start <= end))
    first, last = min(best), from_epoch(now).astimezone(zone).date()
    step = 1 if every == "day" else 7
    of = max((last - first).days // step + (0 if every == "day" else 1), len(best))
    # What counts is what the window covers: an outage that lasts beyond it would be told all the same.
    if len(nights) < LEAST[every] or len(nights) * _SHARE[1] < of * _SHARE[0] or 2 * len(nights) < total:
        return []
    return [Habit(every, _next(begin, every, now, zone), end - begin, nights, of)]


def _phase(at: datetime, every: str) -> int:
    """Seconds since the local midnight of its day, or of its week's Monday."""
    return at.hour * 3600 + at.minute * 60 + at.second + (at.weekday() * _DAY_S if every == "week" else 0)


def _distance(phase: int, anchor: int, cycle: int) -> int:
    """From the anchor to the phase, the short way round."""
    return (phase - anchor + cycle // 2) % cycle - cycle // 2


def _next(phase: int, every: str, now: int, zone: ZoneInfo) -> datetime:
    today = from_epoch(now).astimezone(zone)
    days, seconds = divmod(phase, _DAY_S)
    midnight = datetime.combine(today.date(), time())
    start = midnight + timedelta(seconds=seconds)
    if every == "week":
        start += timedelta(days=days - today.weekday())
    while start <= today.replace(tzinfo=None):
        start += timedelta(days=1 if every == "day" else 7)
    return start
