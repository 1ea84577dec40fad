"""Keeps Dagster's own tables flat. Dagster's `retention:` covers ticks only, and `delete_run` leaves rows behind (1.13.27):
`asset_check_executions` of the run, runless rows of `event_logs`, and on SQLite one database file per run, 145 KB each.

A good guest deletes only what is its own: runs with our tag or of our code location, and events of the assets that we
define. The newest event of each asset and partition stays, however old it is and although its run is gone: the catalog
shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy as sa
from dagster import AssetKey, DagsterEventType, DagsterInstance, DagsterRunStatus, EventLogEntry, RunsFilter
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    SqlEventLogStorageTable,
)
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.tags import REPOSITORY_LABEL_TAG
from dagster._serdes import deserialize_value

from busta_health_dagster.settings.instance import JOB_TAG, LOCATION, REPOSITORY, written_by_us

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet
    from typing import Literal

    from sqlalchemy.engine import Connection, Row

T = TypeVar("T")

BATCH = 500
_RUNLESS = ""
_ENDED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]
_CHECK = DagsterEventType.ASSET_CHECK_EVALUATION.value
_SHOWN = (DagsterEventType.ASSET_MATERIALIZATION.value, DagsterEventType.ASSET_OBSERVATION.value)
"""Kinds of event of which the catalog and the partition pages show the newest."""
_EVENTS = SqlEventLogStorageTable.c
_CHECKS = AssetCheckExecutionsTable.c


@dataclass(frozen=True, slots=True)
class Ours:
    """Asset keys that this code location defines, or did before a source was removed; None: everything is ours."""

    keys: frozenset[str] | None = None

    @classmethod
    def of(cls, keys: Iterable[AssetKey]) -> Ours:
        return cls(frozenset(key.to_string() for key in keys))

    def has(self, key: str | None) -> bool:
        return self.keys is None or key in self.keys


def chosen_mode(
    instance: DagsterInstance, wanted: Literal["own", "instance", "off"] | None
) -> Literal["own", "instance", "off"]:
    """`retention.dagster`. Without a choice the whole instance is pruned only where no one else can be in it: busta wrote
    its file, and it keeps its records in files of that directory.
    """
    if wanted is not None:
        return wanted
    alone = isinstance(instance.event_log_storage, SqliteEventLogStorage) and not instance.is_ephemeral
    return "instance" if alone and written_by_us(Path(instance.root_directory)) else "own"


def prune_dagster(instance: DagsterInstance, *, now: int, runs_s: float, ours: Ours) -> dict[str, int]:
    """Delete ended runs, their checks, files, runless events and check rows older than `runs_s`. Returns rows per kind."""
    before = now - runs_s
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return {}
    deleted = {"dagster runs": _runs(instance, storage, before, everything=ours.keys is None)}
    with storage.index_connection() as connection:
        deleted["dagster events of runs that are gone"] = _left_behind(instance, connection, before, ours)
        deleted["dagster check rows"] = _check_rows(connection, before, ours)
        deleted["dagster runless events"] = _runless(connection, before, ours, keep=_newest(connection))
    if isinstance(storage, SqliteEventLogStorage):
        # All runless events share one more file; what the catalog shows comes from the index.
        with storage.run_connection(_RUNLESS) as connection:
            deleted["dagster runless rows"] = _runless(connection, before, ours, keep=frozenset())
    return deleted


def _runs(instance: DagsterInstance, storage: SqlEventLogStorage, before: float, *, everything: bool) -> int:
    count = 0
    for tags in [{}] if everything else _our_tags(instance):
        filters = RunsFilter(statuses=_ENDED, created_before=datetime.fromtimestamp(before, UTC), tags=tags)
        while run_ids := [r.dagster_run.run_id for r in instance.get_run_records(filters, limit=BATCH)]:
            for run_id in run_ids:
                _delete_run(instance, storage, run_id)
            count += len(run_ids)
    return count


def _our_tags(instance: DagsterInstance) -> list[dict[str, str | list[str]]]:
    """What our runs are known by: any value of our tag, or the label of our code location."""
    jobs = [value for key, values in instance.get_run_tags([JOB_TAG]) if key == JOB_TAG for value in values]
    label: dict[str, str | list[str]] = {REPOSITORY_LABEL_TAG: f"{REPOSITORY}@{LOCATION}"}
    return [label, {JOB_TAG: jobs}] if jobs else [label]


def _delete_run(instance: DagsterInstance, storage: SqlEventLogStorage, run_id: str) -> None:
    """The run last: one that was interrupted is found again. `delete_run` of the instance would take the newest
    materialization of every partition with it.
    """
    with storage.index_connection() as connection:
        _drop(connection, _past_events(connection, run_id))
    if isinstance(storage, SqliteEventLogStorage):
        for suffix in ("", "-wal", "-shm"):
            Path(storage.path_for_shard(run_id) + suffix).unlink(missing_ok=True)
    if storage.supports_global_concurrency_limits:
        storage.free_concurrency_slots_for_run(run_id)
    instance.run_storage.delete_run(run_id)


def _superseded() -> sa.ColumnElement[bool]:
    """Is there a newer event of the same asset, partition and kind?"""
    newer = SqlEventLogStorageTable.alias()
    same = (
        newer.c.asset_key == _EVENTS.asset_key,
        newer.c.dagster_event_type == _EVENTS.dagster_event_type,
        newer.c.partition.is_not_distinct_from(_EVENTS.partition),
    )
    return sa.select(newer.c.id).where(*same, newer.c.id > _EVENTS.id).correlate(SqlEventLogStorageTable).exists()


def _past_events(connection: Connection, run_id: str) -> list[int]:
    """Events of a run, without those that are the newest of their asset and partition."""
    shown = _EVENTS.asset_key.is_not(None) & _EVENTS.dagster_event_type.in_(_SHOWN)
    past = sa.select(_EVENTS.id).where(_EVENTS.run_id == run_id, ~shown | _superseded())
    return list(connection.execute(past).scalars())


def _left_behind(instance: DagsterInstance, connection: Connection, before: float, ours: Ours) -> int:
    """Events that outlived their run as the newest of their partition, and are no longer."""
    kind = _EVENTS.run_id != _RUNLESS, _EVENTS.dagster_event_type.in_(_SHOWN), _EVENTS.timestamp < _naive(before)
    old = sa.select(_EVENTS.id, _EVENTS.run_id).where(*kind, _superseded())
    if ours.keys is None:
        rows = list(connection.execute(old))
    else:
        some = (old.where(_EVENTS.asset_key.in_(keys)) for keys in _batches(sorted(ours.keys)))
        rows = [row for query in some for row in connection.execute(query)]
    gone = {run_id for run_id in {row.run_id for row in rows} if not instance.has_run(run_id)}
    ids = [row.id for row in rows if row.run_id in gone]
    _drop(connection, ids)
    return len(ids)


def _naive(before: float) -> datetime:
    """Dagster's columns hold UTC without saying so."""
    return datetime.fromtimestamp(before, UTC).replace(tzinfo=None)


def _newest_checks() -> sa.Select[tuple[int]]:
    return sa.select(sa.func.max(_CHECKS.id)).group_by(_CHECKS.asset_key, _CHECKS.check_name, _CHECKS.partition)


def _newest(connection: Connection) -> AbstractSet[int]:
    """Ids of the newest event of each asset, partition and kind, and of each check."""
    groups = _EVENTS.asset_key, _EVENTS.partition, _EVENTS.dagster_event_type
    events = sa.select(sa.func.max(_EVENTS.id)).where(_EVENTS.asset_key.is_not(None)).group_by(*groups)
    checks = sa.select(_CHECKS.evaluation_event_storage_id).where(_CHECKS.id.in_(_newest_checks()))
    return frozenset(connection.execute(sa.union(events, checks)).scalars())


def _check_rows(connection: Connection, before: float, ours: Ours) -> int:
    old = (_CHECKS.create_timestamp < _naive(before)) & _CHECKS.id.not_in(_newest_checks())
    rows = connection.execute(sa.select(_CHECKS.id, _CHECKS.asset_key).where(old)).all()
    ids = [row.id for row in rows if ours.has(row.asset_key)]
    for some in _batches(ids):
        connection.execute(sa.delete(AssetCheckExecutionsTable).where(_CHECKS.id.in_(some)))
    return len(ids)


def _runless(connection: Connection, before: float, ours: Ours, *, keep: AbstractSet[int]) -> int:
    columns = sa.select(_EVENTS.id, _EVENTS.asset_key, _EVENTS.dagster_event_type, _EVENTS.event)
    old = columns.where(_EVENTS.run_id == _RUNLESS, _EVENTS.timestamp < _naive(before)).order_by(_EVENTS.id)
    last, count = 0, 0
    while rows := connection.execute(old.where(_EVENTS.id > last).limit(BATCH)).all():
        last = rows[-1].id
        ids = [row.id for row in rows if row.id not in keep and ours.has(row.asset_key or _key_of_check(row))]
        _drop(connection, ids)
        count += len(ids)
    return count


def _key_of_check(row: Row[tuple[int, str, str, str]]) -> str | None:
    """The column is empty for checks: their asset stands in the event only."""
    if row.dagster_event_type != _CHECK:
        return None
    event = deserialize_value(row.event, EventLogEntry).dagster_event
    return None if event is None else event.asset_check_evaluation_data.asset_key.to_string()


def _drop(connection: Connection, ids: Sequence[int]) -> None:
    for some in _batches(ids):
        connection.execute(sa.delete(AssetEventTagsTable).where(AssetEventTagsTable.c.event_id.in_(some)))
        connection.execute(sa.delete(SqlEventLogStorageTable).where(_EVENTS.id.in_(some)))


def _batches(whole: Sequence[T]) -> Iterator[Sequence[T]]:
    return (whole[n : n + BATCH] for n in range(0, len(whole), BATCH))
