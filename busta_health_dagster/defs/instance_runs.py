"""Runs that ended, in every code location. A run of a job is known by location and job; an asset run by its assets: all of
those are called `__ASSET_JOB`, and the success of one says nothing of another.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import dagster as dg
from dagster._core.storage.tags import REPOSITORY_LABEL_TAG, WILL_RETRY_TAG

from busta_health_dagster.defs.instance_stream import ROWS, Budget, Owners, Stream, error_text, owners
from busta_health_dagster.domain.verdict import ExternalFact
from busta_health_dagster.settings.foreign_text import foreign_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from dagster._core.events import JobFailureData

    from busta_health_dagster.pipeline.app.app import App

_OVERLAP_S = 120
"""Rows that commit out of order: so far back we look again, and know what we have seen."""
_ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
_HIDDEN = "__"
"""Names of Dagster's own jobs over assets begin with it."""
_EVENTS = {
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.RUN_FAILURE,
}


def read_runs(instance: dg.DagsterInstance, app: App, cursor: Mapping[str, Any] | None, budget: Budget) -> Stream:
    """Runs that succeeded or failed, by when they were last written, oldest first."""
    if cursor is None:
        return Stream({"begin": app.clock.now(), "at": app.clock.now(), "seen": []}, [])
    owned_by = owners(app)
    facts: list[ExternalFact] = []
    seen, last, reached = dict(cursor["seen"]), cursor["at"], None
    while True:
        wanted = dg.RunsFilter(statuses=_ENDED, updated_after=datetime.fromtimestamp(last - _OVERLAP_S, tz=UTC))
        limit = ROWS + len(seen)  # those that we have seen take no room from the new ones
        page = instance.get_run_records(wanted, limit=limit, order_by="update_timestamp", ascending=True)
        reached = last if len(page) == limit else None
        for record in page:
            run, at = record.dagster_run, record.update_timestamp.timestamp()
            if run.run_id in seen or at <= cursor["begin"]:
                continue
            facts += _facts(instance, app, record, owned_by)
            seen[run.run_id] = at
            last = max(last, at)
            if budget.spent and record is not page[-1]:
                reached = last
                break
        if reached is None or budget.spent:
            break
    kept = sorted((k, at) for k, at in seen.items() if at > last - 2 * _OVERLAP_S)
    return Stream({"begin": cursor["begin"], "at": last, "seen": kept}, facts, reached)


def _facts(instance: dg.DagsterInstance, app: App, record: dg.RunRecord, owned_by: Owners) -> Iterator[ExternalFact]:
    run = record.dagster_run
    ok: bool | None = run.status is dg.DagsterRunStatus.SUCCESS
    if not ok and run.tags.get(WILL_RETRY_TAG) == "true":
        ok = None  # its next attempt decides
    location = _location(run)
    there = f"{location}/" if location else ""
    fact = ExternalFact(
        "run",
        f"{there}{run.job_name}",
        ok,
        int(record.end_time or record.update_timestamp.timestamp()),
        "",
        run.run_id,
        other_names=(run.job_name,),
        path=f"/runs/{run.run_id}",
    )
    by_assets = run.job_name.startswith(_HIDDEN)
    course = _course(instance, app, run) if not ok or (by_assets and run.asset_selection is None) else _Course()
    if not by_assets:
        yield replace(fact, detail=course.detail, step=course.step, owners=_job_owners(instance, run))
        return
    assets = run.asset_selection or course.planned.keys()
    failed = {asset for asset in assets if course.ended.get(course.planned.get(asset, "")) is False}
    for asset in sorted(assets):
        name, step = asset.to_user_string(), course.planned.get(asset, "")
        of_it = replace(fact, name=f"{there}asset:{name}", asset=name, owners=owned_by("asset", name))
        if ok is not False or (failed and asset not in failed):
            # Of what a failed run never came to, it says nothing.
            yield replace(of_it, ok=True if ok is False and course.ended.get(step) else ok if ok is not False else None)
        else:
            yield replace(of_it, detail=course.errors.get(step, course.detail), step=step if failed else "")


@dataclass(slots=True)
class _Course:
    """What the events of a run say: the first step that failed and why, the step of each asset, and how each step ended."""

    step: str = ""
    detail: str = ""
    planned: dict[dg.AssetKey, str] = field(default_factory=dict)
    ended: dict[str, bool] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def _course(instance: dg.DagsterInstance, app: App, run: dg.DagsterRun) -> _Course:
    found = _Course()
    for entry in instance.all_logs(run.run_id, of_type=_EVENTS):
        event = entry.dagster_event
        if event is None:
            continue
        step = event.step_key or ""
        if event.event_type is dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED:
            if event.asset_key is not None:
                found.planned[event.asset_key] = step
        elif event.event_type is dg.DagsterEventType.STEP_SUCCESS:
            found.ended[step] = True
        elif event.event_type is dg.DagsterEventType.STEP_FAILURE:
            found.ended[step] = False
            found.errors[step] = error_text(event.step_failure_data.error, app.secrets)
            if not found.step:
                found.step, found.detail = step, found.errors[step]
        elif not found.detail:
            data = cast("JobFailureData | None", event.event_specific_data)
            why = error_text(data.error, app.secrets) if data is not None else ""
            found.detail = why or foreign_text(event.message, app.secrets)
    return found


def _location(run: dg.DagsterRun) -> str:
    """The code location that launched it; empty for a run inside one process."""
    if run.remote_job_origin is not None:
        return run.remote_job_origin.location_name
    return run.tags.get(REPOSITORY_LABEL_TAG, "").rpartition("@")[2]


def _job_owners(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[str, ...]:
    if run.job_snapshot_id is None or run.status is dg.DagsterRunStatus.SUCCESS:
        return ()
    return tuple(instance.get_job_snapshot(run.job_snapshot_id).owners or ())
