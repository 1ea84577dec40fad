"""The credits of a metered API: where they are read, when they are renewed, and when they will be gone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from busta_health_dagster.domain.units import iso

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.sources import QuotaRow

QUOTA_REMAINING, QUOTA_LIMIT, QUOTA_RESET = "quota_remaining", "quota_limit", "quota_reset"
"""The custom metrics that `quota:` makes: stored, drawn and offered to rules as any other."""
LOOKBACK_S = 86_400
"""The stretch that the present rate is taken from, where nothing else is said."""
Period = Literal["hourly", "daily", "weekly", "monthly"]


@dataclass(frozen=True, slots=True)
class Quota:
    """When credits are renewed: each period of a local calendar (`day` of the month, or of the week from Monday, 1), or
    when the answer says so (`period` None: metric `quota_reset`). `limit`: how many there are, where it is configured.
    """

    period: Period | None = None
    day: int = 1
    zone: str = "UTC"
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class QuotaForecast:
    """What is left, and when it ends at the present rate. Instants are epoch seconds; None: it cannot be said, or (`ends_at`
    with a rate of 0) it does not end. `short`: it ends before the reset.
    """

    at: int
    remaining: float
    limit: float | None
    per_day: float | None
    ends_at: int | None
    resets_at: int | None
    short: bool | None
    reason: str

    def as_json(self) -> QuotaRow:
        """`quota` of `sources info -o json` and of REST."""
        return {
            "remaining": self.remaining,
            "limit": self.limit,
            "per_day": None if self.per_day is None else round(self.per_day, 2),
            "ends_at": iso(self.ends_at),
            "resets_at": iso(self.resets_at),
            "short": self.short,
            "reason": self.reason,
        }
