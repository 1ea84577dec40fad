"""An iCalendar that lies beside the configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.engines.ical import MOST_BYTES, read_calendar

if TYPE_CHECKING:
    from busta_health_dagster.engines.ical import ReadCalendar

PAST_S, AHEAD_S = 3 * 86_400, 60 * 86_400
"""The stretch of a calendar that is kept, around now."""


def is_remote(place: str) -> bool:
    return place.startswith(("http://", "https://"))


def local_calendar(place: str, directory: Path, now: float, zone: str) -> ReadCalendar | None:
    """The events around `now` of a calendar that is a file; None for one that is fetched.

    Raises:
        BadInput: it cannot be read; why.
    """
    if is_remote(place):
        return None
    try:
        return read_calendar(calendar_file(place, directory), int(now) - PAST_S, int(now) + AHEAD_S, zone)
    except ValueError as why:
        raise BadInput(f"The calendar {directory / place} cannot be read: {why}.") from why


def calendar_file(place: str, directory: Path) -> bytes:
    """The bytes of it, one more than may be read at most.

    Raises:
        BadInput: it cannot be read; why.
    """
    path = directory / place
    try:
        with path.open("rb") as file:
            return file.read(MOST_BYTES + 1)
    except OSError as why:
        raise BadInput(f"The calendar {path} cannot be read: {why.strerror or why}.") from why
