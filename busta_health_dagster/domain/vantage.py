"""Vantage points: places from which sources are observed besides the machine of the monitor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from busta_health_dagster.domain.observation import Observation

OWN_OBSERVATION: Mapping[str, str] = {
    "heartbeat": "its pipeline calls the monitor, no one calls it",
}
"""Probes that ask nothing from anywhere, and why: vantage points leave their sources to the tick."""


@dataclass(frozen=True, slots=True)
class VantageAnswer:
    """What one vantage point observed of a source in one slot."""

    vantage: str
    observation: Observation


@dataclass(frozen=True, slots=True)
class VantageReports:
    """When each vantage point last finished a run, epoch seconds; `since`: when the monitor first expected one."""

    at: Mapping[str, int] = field(default_factory=dict)
    since: Mapping[str, int] = field(default_factory=dict)

    def newest(self, name: str) -> int | None:
        """Its last report; before the first one, when it was first expected. None: it is not known yet."""
        return self.at.get(name, self.since.get(name))
