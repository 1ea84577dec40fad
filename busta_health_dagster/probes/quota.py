"""`quota:` of a source: where its answers say how many credits are left, and when they are renewed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from busta_health_dagster.domain.custom_metric import CustomMetric
from busta_health_dagster.domain.fields import Strict
from busta_health_dagster.domain.quota import QUOTA_LIMIT, QUOTA_REMAINING, QUOTA_RESET, Quota
from busta_health_dagster.probes.ages import Zone
from busta_health_dagster.probes.json_path import JsonPath

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_DAY = 28
"""Every month has it."""
_DAYS_OF_WEEK = 7


class QuotaPlace(Strict):
    """A header of the answer, or a JSON path into it."""

    header: str | None = Field(None, description="A header of the answer: x-requests-remaining")
    path: JsonPath | None = Field(None, description="JSON path into the payload: $.meta.remaining")

    @model_validator(mode="after")
    def _one(self) -> QuotaPlace:
        if (self.header is None) == (self.path is None):
            raise ValueError("it stands at one place; {header: x-requests-remaining} or {path: $.meta.remaining}")
        return self

    def metric(self, name: str) -> CustomMetric:
        return CustomMetric(name, header=self.header, path=self.path)


class QuotaFields(Strict):
    """The credits of a metered API, as its answers tell them."""

    remaining: QuotaPlace = Field(description="Credits that are left.")
    limit: Annotated[int, Field(ge=1)] | QuotaPlace | None = Field(
        None, description="Credits of a whole period, if shown."
    )
    reset: QuotaPlace | None = Field(
        None, description="When they are renewed: epoch seconds, or seconds that are left."
    )
    resets: Literal["hourly", "daily", "weekly", "monthly"] | None = Field(
        None, description="Without `reset`: at the start of each such period."
    )
    day: Annotated[int, Field(ge=1, le=LONGEST_DAY)] = Field(
        1, description="Of the month; of the week where it resets weekly (1 is Monday)."
    )
    zone: Zone = Field("UTC", description="The zone in which the period begins.")

    @model_validator(mode="after")
    def _one_reset(self) -> QuotaFields:
        if (self.reset is None) == (self.resets is None):
            raise ValueError("one of `reset` and `resets` says when credits are renewed; resets: monthly")
        if self.day != 1 and self.resets not in {"weekly", "monthly"}:
            raise ValueError("`day` belongs to `resets: monthly` or `resets: weekly`; remove it")
        if self.resets == "weekly" and self.day > _DAYS_OF_WEEK:
            raise ValueError(f"a week has no day {self.day}; day: 1 is Monday, 7 is Sunday")
        return self

    @property
    def places(self) -> dict[str, QuotaPlace]:
        """The metrics that it makes, and where each is read."""
        limit = self.limit if isinstance(self.limit, QuotaPlace) else None
        found = {QUOTA_REMAINING: self.remaining, QUOTA_LIMIT: limit, QUOTA_RESET: self.reset}
        return {name: place for name, place in found.items() if place is not None}

    def metrics(self) -> Iterator[CustomMetric]:
        """Read with every observation, as any custom metric."""
        return (place.metric(name) for name, place in self.places.items())

    def domain(self) -> Quota:
        limit = float(self.limit) if isinstance(self.limit, int) else None
        return Quota(self.resets, self.day, self.zone, limit)
