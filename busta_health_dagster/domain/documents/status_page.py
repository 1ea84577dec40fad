"""The status page for consumers as documents: groups, never sources, hosts or reasons."""

from __future__ import annotations

from typing_extensions import TypedDict


class GroupStatus(TypedDict):
    """How one group is. `state` is operational, limited, degraded, partial_outage, outage, no_data, maintenance or off_season."""

    name: str
    state: str
    since: str | None


class GroupIncident(TypedDict):
    """One incident of a group of the last 30 days; `kind` is outage or degradation."""

    id: str
    group: str
    kind: str
    started_at: str
    ended_at: str | None
    lasted_s: int


class GroupMaintenance(TypedDict):
    """Maintenance of a group, now or in the next 7 days."""

    group: str
    start: str
    end: str
    now: bool


class ConsumerStatus(TypedDict):
    """All that /status says: the answer of /status.json. `checked_at` is when the monitor checked last."""

    title: str
    at: str
    checked_at: str | None
    stale: bool
    state: str
    groups: list[GroupStatus]
    incidents: list[GroupIncident]
    maintenance: list[GroupMaintenance]
