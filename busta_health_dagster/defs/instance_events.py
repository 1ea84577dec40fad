"""Asset checks and freshness of other assets, from the event log of the instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import dagster as dg
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage

from busta_health_dagster.defs.catalog import OWN_CHECKS
from busta_health_dagster.defs.instance_stream import ROWS, Budget, Stream, owners
from busta_health_dagster.defs.keys import asset_key, own_keys
from busta_health_dagster.domain.verdict import ExternalFact
from busta_health_dagster.settings.foreign_text import foreign_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from busta_health_dagster.pipeline.app.app import App

    Read = Callable[[dg.EventLogRecord, dg.DagsterEvent], ExternalFact | None]

_OVERLAP_IDS = 200
"""Rows that commit out of order: so far back we look again, and know what we have seen."""
_FRESH = {FreshnessState.PASS: True, FreshnessState.FAIL: False}
"""Close to late, unknown and not applicable say nothing either way."""


def read_checks(instance: dg.DagsterInstance, app: App, cursor: Mapping[str, Any] | None, budget: Budget) -> Stream:
    """Evaluations of checks that are no verdict of our own rules."""
    ours, attached = _ours(app), _attached(app)
    owned_by = owners(app)

    def read(record: dg.EventLogRecord, event: dg.DagsterEvent) -> ExternalFact | None:
        found = event.asset_check_evaluation_data
        key = found.asset_key
        if key in ours or (key in attached and found.check_name in OWN_CHECKS):
            return None
        asset = key.to_user_string()
        detail = foreign_text(found.description, app.secrets) or (
            "" if found.passed else f"severity {found.severity.value}"
        )
        return ExternalFact(
            "check",
            f"{asset}:{found.check_name}",
            found.passed,
            int(record.event_log_entry.timestamp),
            detail,
            record.event_log_entry.run_id,
            asset=asset,
            owners=owned_by("asset", asset),
            path=f"{_asset_path(key)}?view=checks&checkDetail={quote(found.check_name, safe='')}",
        )

    return _read_events(instance, dg.DagsterEventType.ASSET_CHECK_EVALUATION, cursor, budget, read)


def read_freshness(instance: dg.DagsterInstance, app: App, cursor: Mapping[str, Any] | None, budget: Budget) -> Stream:
    """Assets that are late by their freshness policy, and those that are on time again. Dagster's freshness daemon writes that
    down, unless the instance says `freshness: {enabled: false}`.
    """
    ours, owned_by = _ours(app), owners(app)

    def read(record: dg.EventLogRecord, event: dg.DagsterEvent) -> ExternalFact | None:
        change = cast("FreshnessStateChange", event.event_specific_data)
        if change.key in ours:
            return None
        asset, state = change.key.to_user_string(), change.new_state
        detail = f"its freshness policy says {state.value}"
        at = int(record.event_log_entry.timestamp)
        path, mine = _asset_path(change.key), owned_by("asset", asset)
        return ExternalFact("freshness", asset, _FRESH.get(state), at, detail, asset=asset, owners=mine, path=path)

    return _read_events(instance, dg.DagsterEventType.FRESHNESS_STATE_CHANGE, cursor, budget, read)


def _read_events(
    instance: dg.DagsterInstance,
    kind: dg.DagsterEventType,
    cursor: Mapping[str, Any] | None,
    budget: Budget,
    read: Read,
) -> Stream:
    """Page by page, oldest first. The first reading begins at the newest row."""
    if cursor is None:
        newest = _events(instance, dg.EventRecordsFilter(kind), limit=1, ascending=False)
        begin = newest[0].storage_id if newest else 0
        return Stream({"begin": begin, "id": begin, "seen": []}, [])
    facts: list[ExternalFact] = []
    seen, last = set(cursor["seen"]), cursor["id"]
    while True:
        wanted = dg.EventRecordsFilter(kind, after_cursor=max(last - _OVERLAP_IDS, 0))
        page = _events(instance, wanted, limit=ROWS + _OVERLAP_IDS, ascending=True)
        new = [record for record in page if record.storage_id not in seen]
        for record in new:
            last = max(last, record.storage_id)
            event = record.event_log_entry.dagster_event
            fact = read(record, event) if event is not None and record.storage_id > cursor["begin"] else None
            if fact is not None:
                facts.append(fact)
        seen.update(record.storage_id for record in new)
        full = len(page) == ROWS + _OVERLAP_IDS
        if not full or budget.spent:
            break
    reached = new[-1].event_log_entry.timestamp if full and new else None
    return Stream({"begin": cursor["begin"], "id": last, "seen": _lately(seen, last)}, facts, reached)


def _ours(app: App) -> frozenset[dg.AssetKey]:
    """Assets that we define, and nothing else: `reports/pnl` or `sources/x` of another project are theirs."""
    with app.store.read() as uow:
        return own_keys(app.config, [source.name for source in uow.sources.all(removed=True)])


def _attached(app: App) -> frozenset[dg.AssetKey]:
    """Assets of others that our checks stand on."""
    return frozenset(asset_key(source) for source in app.config.sources.values() if source.asset is not None)


def _asset_path(key: dg.AssetKey) -> str:
    return "/assets/" + "/".join(quote(part, safe="") for part in key.path)


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
