"""Small things the monitor remembers of itself across restarts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from busta_health_dagster.engines.dagster_events import Reported
from busta_health_dagster.store.schema.observing import counter, meta, reported, rule_window

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from busta_health_dagster.store.unit import UnitOfWork


class Meta:
    """Key -> JSON value: the last tick, the last reload."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def get(self, key: str, default: Any = None) -> Any:
        found = self._uow.connection.execute(select(meta.c.value).where(meta.c.key == key)).scalar_one_or_none()
        return default if found is None else json.loads(found)

    def put(self, key: str, value: Any) -> None:
        wish = self._uow.insert(meta).values(key=key, value=json.dumps(value))
        self._uow.connection.execute(
            wish.on_conflict_do_update(index_elements=["key"], set_={"value": wish.excluded.value})
        )


class UsedLinks:
    """Links of messages that were used: kept for as long as they would be valid, so that none is used twice."""

    _PREFIX = "used_link/"

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def used_at(self, use: str) -> int | None:
        """When it was used; None: not yet."""
        found = self._uow.meta.get(f"{self._PREFIX}{use}")
        return None if found is None else int(found["at"])

    def take(self, use: str, at: int, expires: int) -> bool:
        """Use it now. False: it is used already, by whichever process. What has expired is forgotten."""
        mine = meta.c.key.startswith(self._PREFIX, autoescape=True)
        stored = self._uow.connection.execute(select(meta.c.key, meta.c.value).where(mine)).all()
        expired = [r.key for r in stored if json.loads(r.value)["expires"] <= at]
        if expired:
            self._uow.connection.execute(delete(meta).where(meta.c.key.in_(expired)))
        row = {"key": f"{self._PREFIX}{use}", "value": json.dumps({"at": at, "expires": expires})}
        wish = self._uow.insert(meta).values(**row).on_conflict_do_nothing(index_elements=["key"])
        return self._uow.connection.execute(wish).rowcount == 1


class Counters:
    """Counters that only grow, for the metrics. The name carries the labels: `busta_checks_total{result="up"}`."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, amounts: Mapping[str, float]) -> None:
        if not amounts:
            return
        wish = self._uow.insert(counter)
        rows = [{"name": name, "value": amount} for name, amount in sorted(amounts.items())]  # sorted: no deadlocks
        self._uow.connection.execute(
            wish.on_conflict_do_update(index_elements=["name"], set_={"value": counter.c.value + wish.excluded.value}),
            rows,
        )

    def all(self) -> dict[str, float]:
        return {r.name: r.value for r in self._uow.connection.execute(select(counter).order_by(counter.c.name))}


class ReportedToDagster:
    """What Dagster was last sent of each source, so that only changes become events."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def all(self) -> dict[str, Reported]:
        names = self._uow.sources.ids(None, removed=True)
        rows = self._uow.connection.execute(select(reported)).all()
        return {names[r.source_id]: Reported(json.loads(r.outcomes), r.at, r.version, r.version_at) for r in rows}

    def put(self, notified: Mapping[str, Reported]) -> None:
        """Raises UnknownName."""
        if not notified:
            return
        rows = [
            {
                "source_id": self._uow.sources.get(name).id,
                "outcomes": json.dumps(dict(one.outcomes), sort_keys=True),
                "at": one.at,
                "version": one.version,
                "version_at": one.version_at,
            }
            for name, one in notified.items()
        ]
        wish = self._uow.insert(reported)
        fields = {c: wish.excluded[c] for c in ("outcomes", "at", "version", "version_at")}
        self._uow.connection.execute(wish.on_conflict_do_update(index_elements=["source_id"], set_=fields), rows)


class RuleWindows:
    """What the rules of each source remember between two passes: a cache of the observations, never a truth."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def all(self, names: Collection[str] | None = None) -> dict[str, dict[str, Any]]:
        """Of every source, or of these. Raises UnknownName."""
        ids = self._uow.sources.ids(names)
        asked = select(rule_window)
        if names is not None and len(ids) <= 500:
            asked = asked.where(rule_window.c.source_id.in_(ids))
        rows = self._uow.connection.execute(asked).all()
        return {ids[r.source_id]: json.loads(r.state) for r in rows if r.source_id in ids}

    def put(self, states: Mapping[str, Mapping[str, Any]]) -> None:
        """Raises UnknownName."""
        if not states:
            return
        rows = [
            {"source_id": self._uow.sources.get(name).id, "state": json.dumps(state, separators=(",", ":"))}
            for name, state in states.items()
        ]
        wish = self._uow.insert(rule_window)
        self._uow.connection.execute(
            wish.on_conflict_do_update(index_elements=["source_id"], set_={"state": wish.excluded.state}), rows
        )
