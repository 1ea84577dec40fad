"""Which of our schedules and sensors someone has stopped: nothing fails then, there is only nothing any more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster._core.scheduler.instigation import InstigatorStatus

if TYPE_CHECKING:
    from dagster import DagsterInstance

OURS = frozenset(
    {
        "health_tick",
        "vantage_observations",
        "quality_hourly",
        "trends_daily",
        "baselines_daily",
        "weekly_report",
        "retention_daily",
        "alert_sensor",
        "notification_sensor",
    }
)


def stopped(instance: DagsterInstance, location: str | None) -> tuple[str, ...] | None:
    """Names of ours that are stopped in this code location, sorted; None when it is not known which location is ours.

    Other locations of a shared instance may have a schedule of the same name, which is stopped on purpose.
    """
    if location is None:
        return None
    found = instance.all_instigator_state(instigator_statuses={InstigatorStatus.STOPPED})
    names = {state.instigator_name for state in found if state.origin.location_name == location}
    return tuple(sorted(names & OURS))
