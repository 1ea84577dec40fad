"""The daily digest of a route: when it is sent, and what its reasons look like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.domain.weekly_hours import instant


@dataclass(frozen=True, slots=True)
class Digest:
    """Once a day at `minute` (of the local day) in `zone`: what a route would send below critical is collected until then."""

    minute: int
    zone: str = "UTC"

    @property
    def text(self) -> str:
        """`08:00 Europe/Berlin`, as the configuration may write it."""
        return f"{self.minute // 60:02}:{self.minute % 60:02} {self.zone}"

    @property
    def reason(self) -> str:
        """Why a channel is not notified now. The store finds by it what a digest has to tell."""
        return f"collected for the digest of {self.text}"

    def next(self, after: float) -> int:
        """The first digest later than `after`, epoch seconds. A time that the clock skips is sent when it has moved on."""
        day = self._local(after).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
        times = (instant(day + timedelta(days=n, minutes=self.minute), self.zone) for n in range(4))
        return next(at for at in times if at > after)

    def clock(self, epoch: float) -> str:
        """`Sun 29 Nov 14:05`, as people there read it."""
        at = self._local(epoch)
        return f"{at:%a} {at.day} {at:%b %H:%M}"

    def _local(self, epoch: float) -> datetime:
        return from_epoch(epoch).astimezone(ZoneInfo(self.zone)).replace(tzinfo=None)
