"""What other assets and runs of this Dagster instance came to, in every code location: open-source Dagster alerts on
nothing. One query for checks and one for runs per pass, and none where no rule asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from busta_health_dagster.defs.catalog import OWN_CHECKS
from busta_health_dagster.defs.keys import asset_key, own_keys
from busta_health_dagster.domain.rule import Pattern
from busta_health_dagster.domain.verdict import ExternalFact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from busta_health_dagster.pipeline.app.app import App

MOST = 500
"""Facts per pass; the rest comes with the next one."""
_KEY = "dagster_facts"
_OVERLAP_IDS, _OVERLAP_S = 200, 120
"""Rows that commit out of order: so far back we look again, and know what we have seen."""


@dataclass(slots=True)
class Facts:
    """What is new, and the cursors to remember in the pass's own transaction."""

    facts: list[ExternalFact] = field(default_factory=list)
    remember: dict[str, Any] = field(default_factory=dict)


def instance_facts(instance: dg.DagsterInstance, app: App) -> Facts:
    """Checks and runs that ended since the last pass. The first call begins now: the past alerts no one."""
    asked = {rule.pattern for rule in app.config.rules} & {Pattern.DAGSTER_CHECK, Pattern.DAGSTER_RUN}
    if not asked:
        return Facts()
    with app.store.read() as uow:
        kept: Mapping[str, Any] = uow.meta.get(_KEY, {})
    found, cursors = Facts(), dict(kept)
    if Pattern.DAGSTER_CHECK in asked:
        cursors["checks"] = _checks(instance, app, kept.get("checks"), found.facts)
    if Pattern.DAGSTER_RUN in asked:
        cursors["runs"] = _runs(instance, app, kept.get("runs"), found.facts)
    if cursors != kept:
        found.remember = {_KEY: cursors}
    return found


def _checks(
    instance: dg.DagsterInstance, app: App, cursor: Mapping[str, Any] | None, facts: list[ExternalFact]
) -> dict[str, Any]:
    kind = dg.DagsterEventType.ASSET_CHECK_EVALUATION
    if cursor is None:
        newest = _events(instance, dg.EventRecordsFilter(kind), limit=1, ascending=False)
        begin = newest[0].storage_id if newest else 0
        return {"begin": begin, "id": begin, "seen": []}
    seen = set(cursor["seen"])
    wanted = dg.EventRecordsFilter(kind, after_cursor=max(cursor["id"] - _OVERLAP_IDS, 0))
    new = [r for r in _events(instance, wanted, limit=MOST + _OVERLAP_IDS, ascending=True) if r.storage_id not in seen]
    last = cursor["id"]
    ours = _own_checks(app)
    for record in new:
        last = max(last, record.storage_id)
        event = record.event_log_entry.dagster_event
        if event is None or record.storage_id <= cursor["begin"]:
            continue
        evaluation = event.asset_check_evaluation_data
        if ours(evaluation):
            continue
        name = f"{evaluation.asset_key.to_user_string()}:{evaluation.check_name}"
        said = app.secrets.scrub(evaluation.description or "")[:300]
        detail = said or (f"severity {evaluation.severity.value}" if not evaluation.passed else "")
        at = int(record.event_log_entry.timestamp)
        facts.append(ExternalFact("check", name, evaluation.passed, at, detail, record.event_log_entry.run_id))
    return {"begin": cursor["begin"], "id": last, "seen": _lately((*seen, *(r.storage_id for r in new)), last)}


def _own_checks(app: App) -> Callable[[dg.AssetCheckEvaluation], bool]:
    """Is it a verdict of our own rules? Also on an asset of someone else's that a source stands on."""
    with app.store.read() as uow:
        keys = own_keys(app.config, [source.name for source in uow.sources.all(removed=True)])
    attached = {asset_key(source) for source in app.config.sources.values() if source.asset is not None}

    def ours(evaluation: dg.AssetCheckEvaluation) -> bool:
        theirs = evaluation.asset_key not in attached or evaluation.check_name not in OWN_CHECKS
        return evaluation.asset_key in keys or not theirs

    return ours


def _events(
    instance: dg.DagsterInstance, wanted: dg.EventRecordsFilter, limit: int, *, ascending: bool
) -> Sequence[dg.EventLogRecord]:
    storage = instance.event_log_storage
    if isinstance(storage, SqlEventLogStorage):
        # SQLite keeps events per run and mirrors checks in its index; only the general method reads the index.
        return SqlEventLogStorage.get_event_records(storage, wanted, limit=limit, ascending=ascending)
    return storage.get_event_records(wanted, limit=limit, ascending=ascending)


def _lately(ids: Iterable[int], last: int) -> list[int]:
    return sorted({i for i in ids if i > last - _OVERLAP_IDS})


def _runs(
    instance: dg.DagsterInstance, app: App, cursor: Mapping[str, Any] | None, facts: list[ExternalFact]
) -> dict[str, Any]:
    if cursor is None:
        return {"begin": app.clock.now(), "at": app.clock.now(), "seen": []}
    seen = dict(cursor["seen"])
    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE]
    since = datetime.fromtimestamp(cursor["at"] - _OVERLAP_S, tz=UTC)
    wanted = dg.RunsFilter(statuses=ended, updated_after=since)
    last = cursor["at"]
    for record in instance.get_run_records(wanted, limit=MOST, order_by="update_timestamp", ascending=True):
        run, at = record.dagster_run, record.update_timestamp.timestamp()
        if run.run_id in seen or at <= cursor["begin"]:
            continue
        seen[run.run_id] = at
        last = max(last, at)
        ok = run.status is dg.DagsterRunStatus.SUCCESS
        facts.append(ExternalFact("run", run.job_name, ok, int(record.end_time or at), "", run.run_id))
    return {
        "begin": cursor["begin"],
        "at": last,
        "seen": sorted((k, at) for k, at in seen.items() if at > last - 2 * _OVERLAP_S),
    }
