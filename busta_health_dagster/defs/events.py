"""Tells Dagster what changed, with events that belong to no run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from busta_health_dagster.defs.catalog import source_key
from busta_health_dagster.defs.metadata import check_evaluation, state_metadata
from busta_health_dagster.pipeline.dagster_events.pending import mark_reported, pending_reports

if TYPE_CHECKING:
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.pipeline.tick.tick import TickReport


def report_changes(instance: dg.DagsterInstance, app: App, tick: TickReport) -> tuple[int, int]:
    """Send what this tick may afford; returns (events sent, sources that wait).

    A kill between an event and its mark sends that event once more with the next tick: Dagster then shows the same
    thing twice,
    and nothing is lost.
    """
    plan, states = pending_reports(app, tick.verdicts)
    events = 0
    for report in plan.reports:
        key = source_key(report.source)
        instance.report_runless_asset_event(
            dg.AssetMaterialization(asset_key=key, metadata=state_metadata(states[report.source]))
        )
        for check in report.checks:
            instance.report_runless_asset_event(check_evaluation(key, tick.verdicts[report.source][check]))
        events += report.events
    mark_reported(app, plan, tick.verdicts)
    return events, plan.waiting
