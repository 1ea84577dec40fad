"""Instants as the pages write them, and the filters of the templates. Numbers and durations are `wording/`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.units import from_epoch, from_iso, iso
from busta_health_dagster.wording import durations, lists, numbers, percentages, sentences

if TYPE_CHECKING:
    from collections.abc import Iterable

_DAY_S = 86400


def clock(epoch: int | None) -> str:
    """08:25."""
    return numbers.DASH if epoch is None else f"{from_epoch(epoch):%H:%M}"


def moment(epoch: int | None, now: int) -> str:
    """08:25 today, 22 Nov 08:25 before or after, with the year when it is another."""
    if epoch is None:
        return numbers.DASH
    at, today = from_epoch(epoch), from_epoch(now)
    if at.date() == today.date():
        return f"{at:%H:%M}"
    return f"{at.day} {at:%b %H:%M}" if at.year == today.year else f"{at.day} {at:%b %Y %H:%M}"


def epoch(text: str | None) -> int | None:
    """An instant of a document, 2026-11-23T08:25:00Z, for the filters that take one."""
    return None if text is None else from_iso(text)


def day(epoch: int) -> str:
    """22 Nov."""
    at = from_epoch(epoch)
    return f"{at.day} {at:%b}"


def span(start: int, end: int, now: int) -> str:
    """Thu 26, 02:00–02:45, with the month when it is another; ends 09:00 while it runs."""
    if start <= now:
        return f"ends {moment(end, now)}"
    a, b = from_epoch(start), from_epoch(end)
    tail = f"{b:%H:%M}" if a.date() == b.date() or end - start < _DAY_S else f"{b.day} {b:%b %H:%M}"
    month = "" if a.month == from_epoch(now).month else f" {a:%b}"
    return f"{a:%a} {a.day}{month}, {a:%H:%M}–{tail}"


SENT = {
    "waiting": "waiting",
    "sending": "being sent",
    "done": "delivered",
    "dead": "not delivered",
    "dropped": "dropped",
}
"""What became of a message, by the state of its row in the outbox."""


def pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """The options of a choice whose values are their words."""
    return [(name, name) for name in names]


FILTERS = {
    "share": percentages.share,
    "percent": percentages.percent,
    "budget": percentages.budget,
    "failures": percentages.failure_rate,
    "score": numbers.score,
    "response": durations.milliseconds_text,
    "duration": durations.duration_text,
    "count": numbers.count,
    "size": numbers.size,
    "clock": clock,
    "moment": moment,
    "epoch": epoch,
    "day": day,
    "plural": lists.plural,
    "capital": sentences.capital,
    "iso": iso,
    "span": span,
}
