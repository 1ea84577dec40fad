"""Keeps Dagster's own tables flat. Dagster's `retention:` covers ticks only, and `delete_run` leaves rows behind (1.13.27):
`asset_check_executions` of the run, runless rows of `event_logs`, and on SQLite one database file per run, 145 KB each.
"""

from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

BATCH = 500
_RUNLESS = ""
_ENDED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]


def prune_dagster(instance: DagsterInstance, *, now: int, runs_s: float) -> dict[str, int]:
    """Delete ended runs, their checks, files, runless events and check rows older than `runs_s`. Returns rows per kind.

    The newest event of each asset and check stays, however old: it is what the catalog shows.
    """
    before = now - runs_s
    storage = instance.event_log_storage
    deleted = {"dagster runs": _runs(instance, before)}
    if isinstance(storage, SqlEventLogStorage):
        deleted |= _events(storage, before)
    if isinstance(storage, SqliteEventLogStorage):
        deleted["dagster runless rows"] = _runless_shard(storage, before)
    return deleted


def _runs(instance: DagsterInstance, before: float) -> int:
    storage, count = instance.event_log_storage, 0
    filters = RunsFilter(statuses=_ENDED, created_before=datetime.fromtimestamp(before, UTC))
    while run_ids := [r.dagster_run.run_id for r in instance.get_run_records(filters, limit=BATCH)]:
        for run_id in run_ids:
            instance.delete_run(run_id)
            if isinstance(storage, SqliteEventLogStorage):
                for suffix in ("", "-wal", "-shm"):
                    Path(storage.path_for_shard(run_id) + suffix).unlink(missing_ok=True)
        count += len(run_ids)
    return count


def _naive(before: float) -> datetime:
    """Dagster's columns hold UTC without saying so."""
    return datetime.fromtimestamp(before, UTC).replace(tzinfo=None)


def _events(storage: SqlEventLogStorage, before: float) -> dict[str, int]:
    events, checks = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c
    newest_event = (
        sa.select(sa.func.max(events.id))
        .where(events.asset_key.is_not(None))
        .group_by(events.asset_key, events.dagster_event_type)
    )
    newest_check = sa.select(sa.func.max(checks.id)).group_by(checks.asset_key, checks.check_name)
    old_event = (events.run_id == _RUNLESS) & (events.timestamp < _naive(before)) & events.id.not_in(newest_event)
    old_check = (checks.create_timestamp < _naive(before)) & checks.id.not_in(newest_check)
    with storage.index_connection() as connection:
        return {
            "dagster check rows": connection.execute(sa.delete(AssetCheckExecutionsTable).where(old_check)).rowcount,
            "dagster runless events": connection.execute(sa.delete(SqlEventLogStorageTable).where(old_event)).rowcount,
        }


def _runless_shard(storage: SqliteEventLogStorage, before: float) -> int:
    """All runless events share one more file; what the catalog shows comes from the index, which keeps the newest."""
    events = SqlEventLogStorageTable.c
    with storage.run_connection(_RUNLESS) as connection:
        return int(
            connection.execute(sa.delete(SqlEventLogStorageTable).where(events.timestamp < _naive(before))).rowcount
        )
