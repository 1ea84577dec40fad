"""The newest thing known of each source, and how far the rules have evaluated."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, func, select, update

from busta_health_dagster.domain.observation import FullObservation, Kind, Observation, Phases, SourceState, Status
from busta_health_dagster.store.schema.observing import source, source_state

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from busta_health_dagster.store.unit import UnitOfWork

_T = source_state.c
_COLUMNS = [c.name for c in source_state.c]


class States:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def all(self, *, removed: bool = False) -> dict[str, SourceState]:
        """Of every source that was ever checked; those that are gone only if asked for."""
        names = self._uow.sources.ids(None, removed=removed)
        rows = self._uow.connection.execute(select(source_state)).mappings()
        return {names[r["source_id"]]: _state(names[r["source_id"]], r) for r in rows if r["source_id"] in names}

    def newest_slot(self, now: int) -> int | None:
        """The newest scheduled slot up to `now` of all sources that are not gone."""
        asked = select(func.max(_T.last_slot)).join(source, source.c.id == _T.source_id)
        asked = asked.where(source.c.removed_at.is_(None), _T.last_slot <= now)
        newest: int | None = self._uow.connection.execute(asked).scalar_one()
        return newest

    def get(self, name: str) -> SourceState | None:
        """None: it was not observed yet. Raises UnknownName."""
        key = self._uow.sources.get(name).id
        row = self._uow.connection.execute(select(source_state).where(_T.source_id == key)).mappings().first()
        return None if row is None else _state(name, row)

    def has_metrics(self, key: int) -> bool:
        """Did the newest observation of the source with this id measure anything of its own?"""
        asked = select(_T.metrics).where(_T.source_id == key)
        return self._uow.connection.execute(asked).scalar_one_or_none() is not None

    def of(self, names: Sequence[str]) -> dict[str, SourceState]:
        """Of these sources, as far as they were ever observed: two or three of a thousand cost next to nothing."""
        asked = select(source.c.name, source_state).join(source, source.c.id == _T.source_id)
        rows = self._uow.connection.execute(asked.where(source.c.name.in_(names))).mappings()
        return {r["name"]: _state(r["name"], r) for r in rows}

    def set_evaluated(self, slots: Mapping[str, int]) -> None:
        """The rules have checked everything up to these slots; it never moves back."""
        self._set(slots, "evaluated_slot", only_forward=True)

    def set_not_before(self, instants: Mapping[str, int]) -> None:
        """No probe before these instants (a 429's Retry-After)."""
        self._set(instants, "not_before", only_forward=False)

    def waiting(self, now: int) -> set[str]:
        """Sources that no tick asks yet."""
        names = self._uow.sources.ids(None)
        rows = self._uow.connection.execute(select(_T.source_id).where(_T.not_before > now)).scalars()
        return {names[key] for key in rows if key in names}

    def set_quality(self, scores: Mapping[str, tuple[float | None, int]]) -> None:
        """The newest quality scores: name -> (0-100 or None for NO_DATA, epoch); an older one than the stored stays
        out.
        """
        if not scores:
            return
        rows = [{"key": self._uow.sources.get(n).id, "score": s, "scored": at} for n, (s, at) in scores.items()]
        newer = (_T.quality_at.is_(None)) | (_T.quality_at <= bindparam("scored"))
        wish = update(source_state).where(_T.source_id == bindparam("key"), newer)
        self._uow.connection.execute(wish.values(quality=bindparam("score"), quality_at=bindparam("scored")), rows)

    def _set(self, values: Mapping[str, int], column: str, *, only_forward: bool) -> None:
        if not values:
            return
        rows = [{"key": self._uow.sources.get(n).id, "value": v} for n, v in values.items()]
        wish = update(source_state).where(_T.source_id == bindparam("key"))
        if only_forward:
            wish = wish.where(_T[column] < bindparam("value"))
        self._uow.connection.execute(wish.values({column: bindparam("value")}), rows)

    def rows(self, ids: Iterable[int] | None = None) -> dict[int, dict[str, Any]]:
        """The stored rows by source id, for the writers of observations and rollups."""
        wanted = None if ids is None else set(ids)
        asked = select(source_state)
        if wanted is not None and len(wanted) <= 500:
            asked = asked.where(_T.source_id.in_(wanted))
        found = self._uow.connection.execute(asked).mappings()
        return {r["source_id"]: dict(r) for r in found if wanted is None or r["source_id"] in wanted}

    def spans(self, ids: Collection[int]) -> dict[int, tuple[int, int]]:
        """The oldest and the newest scheduled slot ever stored, by source id, of those that have any."""
        asked = select(_T.source_id, _T.first_slot, _T.last_slot).where(_T.first_slot.is_not(None))
        if len(ids) <= 500:
            asked = asked.where(_T.source_id.in_(ids))
        return {k: (first, last) for k, first, last in self._uow.connection.execute(asked).all() if k in ids}

    def advance(self, before: dict[int, dict[str, Any]], seen: Iterable[tuple[int, Observation]]) -> None:
        """Move the states on by new observations, in order; older ones than the stored change only `first_slot`."""
        changed: dict[int, dict[str, Any]] = {}
        for key, one in seen:
            row = changed.get(key) or before.get(key)
            changed[key] = _moved(dict(row) if row else None, key, one)
        if not changed:
            return
        wish = self._uow.insert(source_state)
        fields = {c: wish.excluded[c] for c in _COLUMNS if c not in {"source_id", "evaluated_slot", "not_before"}}
        self._uow.connection.execute(
            wish.on_conflict_do_update(index_elements=["source_id"], set_=fields), list(changed.values())
        )


def _moved(row: dict[str, Any] | None, key: int, seen: Observation) -> dict[str, Any]:
    fresh = row is None or (seen.slot, seen.observed_at) >= (row["slot"], row["observed_at"])
    row = row or {"source_id": key, "evaluated_slot": 0, "not_before": 0, "first_slot": None, "last_slot": None}
    if seen.kind is Kind.SCHEDULED:
        row["first_slot"] = seen.slot if row["first_slot"] is None else min(row["first_slot"], seen.slot)
        row["last_slot"] = seen.slot if row["last_slot"] is None else max(row["last_slot"], seen.slot)
    if not fresh:
        return row
    same = row.get("status") == seen.status
    full = _full_one(row) if seen.light and "status" in row else None
    row |= {
        "since": row["since"] if same else seen.slot,
        "status": int(seen.status),
        "slot": seen.slot,
        "observed_at": seen.observed_at,
        "reason": seen.reason,
        "detail": seen.detail,
        "response_ms": None if seen.suspect else seen.response_ms,  # measured while we lagged: not the source's
        "attempts": seen.attempts,
        "http_status": seen.http_status,
        "tls_days_left": seen.tls_days_left,
        "phases": json.dumps(seen.phases.as_dict()) if seen.phases else None,
        "data_of": full,
    }
    if full is None:
        row |= {
            "items": seen.items,
            "data_age_s": seen.data_age_s,
            "facts": json.dumps(dict(seen.facts), default=str) if seen.facts else "{}",
            "metrics": json.dumps(dict(seen.metrics)) if seen.metrics else None,
        }
    if seen.quality is not None:
        row |= {"quality": seen.quality, "quality_at": seen.observed_at}
    return {"quality": None, "quality_at": None} | row


def _full_one(row: Mapping[str, Any]) -> str:
    """The newest full observation, which a light one leaves as it is."""
    if row["data_of"]:
        return str(row["data_of"])
    return json.dumps([row["slot"], row["observed_at"], row["status"], row["reason"], row["detail"]])


def _full(written: str) -> FullObservation:
    slot, observed_at, status, reason, detail = json.loads(written)
    return FullObservation(slot, observed_at, Status(status), reason, detail)


def _state(name: str, row: Mapping[Any, Any]) -> SourceState:
    return SourceState(
        source=name,
        status=Status(row["status"]),
        since=row["since"],
        slot=row["slot"],
        observed_at=row["observed_at"],
        reason=row["reason"],
        detail=row["detail"],
        response_ms=row["response_ms"],
        items=row["items"],
        data_age_s=row["data_age_s"],
        attempts=row["attempts"],
        http_status=row["http_status"],
        tls_days_left=row["tls_days_left"],
        phases=Phases(**json.loads(row["phases"])) if row["phases"] else None,
        facts=json.loads(row["facts"]),
        quality=row["quality"],
        quality_at=row["quality_at"],
        evaluated_slot=row["evaluated_slot"],
        not_before=row["not_before"],
        metrics=json.loads(row["metrics"]) if row["metrics"] else {},
        scheduled_slot=row["last_slot"],
        full=_full(row["data_of"]) if row["data_of"] else None,
    )
