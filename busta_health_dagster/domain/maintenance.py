"""Maintenance and known events: a local start, a zone, an elapsed length, and how it recurs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from busta_health_dagster.domain.source import Selector

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Window:
    """A maintenance window (or, in `events`, a known event). Start inclusive, end exclusive; `duration_s` is elapsed
    time.

    `start` and `exdates` are naive local times in `zone`. A start that does not exist shifts forward by the gap; an
    ambiguous one
    is the first. `origin` says where it comes from: `file` or `store` (added with `busta maintenance add`).
    """

    name: str
    select: Selector
    start: datetime
    zone: str
    duration_s: int
    rrule: str | None = None
    exdates: tuple[datetime, ...] = ()
    reason: str = ""
    kind: str = "maintenance"
    origin: str = "file"
    by: str = ""
    where: str = ""
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One instance of a window: [start, end) in epoch seconds, UTC."""

    window: str
    start: int
    end: int
    reason: str = ""
    select: Selector = field(default_factory=Selector)
