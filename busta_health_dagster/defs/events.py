"""Tells Dagster what changed, with events that belong to no run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dagster._core.definitions.data_version import DATA_VERSION_TAG

from busta_health_dagster.defs.keys import asset_key
from busta_health_dagster.defs.metadata import check_evaluation, new_data_event, observation_event
from busta_health_dagster.pipeline.dagster_events.pending import mark_reported, pending_reports

if TYPE_CHECKING:
    from collections.abc import Iterable

    import dagster as dg

    from busta_health_dagster.domain.quality import SchemaSnapshot
    from busta_health_dagster.engines.dagster_events import Report
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.pipeline.tick.tick import TickReport

RUNLESS = ""
"""The run id of events that belong to no run: ours."""


def report_changes(instance: dg.DagsterInstance, app: App, tick: TickReport) -> tuple[int, int]:
    """Send what this tick may afford; returns (events sent, sources that wait).

    The checks of a source come before the event of its asset, so that nothing starts on new data while its gate shows
    what held before. A kill before the mark sends the same once more with the next tick, new data excepted: Dagster is
    asked what it has already, because a second materialization would start what is downstream twice.
    """
    config = app.config
    plan, states = pending_reports(app, tick.verdicts)
    known = _known_versions(instance, app, plan.reports)
    shapes = _shapes(app, plan.reports)
    events = 0
    for report in plan.reports:
        source, state = config.sources[report.source], states[report.source]
        key = asset_key(source)
        for check in report.checks:
            instance.report_runless_asset_event(check_evaluation(key, tick.verdicts[report.source][check]))
        if report.version is None or known.get(key) in {report.version, _THEIRS}:
            instance.report_runless_asset_event(observation_event(key, state))
        else:
            news = new_data_event(key, state, report.version, shapes.get(report.source))
            instance.report_runless_asset_event(news)
        events += report.events
    mark_reported(app, plan, tick.verdicts)
    return events, plan.waiting


def _shapes(app: App, reports: Iterable[Report]) -> dict[str, SchemaSnapshot]:
    """The learned columns of those with new data."""
    names = [report.source for report in reports if report.version is not None]
    if not names:
        return {}
    with app.store.read() as uow:
        return {name: learned.shape for name, learned in uow.quality.learned(names).items()}


_THEIRS = object()


def _known_versions(
    instance: dg.DagsterInstance, app: App, reports: Iterable[Report]
) -> dict[dg.AssetKey, str | object | None]:
    """The version of the newest materialization of each asset with new data. An asset of someone else's that his own
    runs materialize is his to materialize: they say when it has new data.
    """
    with_news = [app.config.sources[r.source] for r in reports if r.version is not None]
    if not with_news:
        return {}
    attached = {asset_key(source) for source in with_news if source.asset is not None}
    found: dict[dg.AssetKey, str | object | None] = {}
    for record in instance.get_asset_records([asset_key(source) for source in with_news]):
        entry = record.asset_entry
        newest = entry.last_materialization
        if newest is not None and newest.asset_materialization is not None:
            theirs = entry.asset_key in attached and newest.run_id != RUNLESS
            version = newest.asset_materialization.tags or {}
            found[entry.asset_key] = _THEIRS if theirs else version.get(DATA_VERSION_TAG)
    return found
