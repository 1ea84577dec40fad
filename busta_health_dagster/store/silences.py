"""Silences: put, changed, ended; those that ended stay readable for as long as alerts do."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from busta_health_dagster.domain.errors import UnknownName
from busta_health_dagster.domain.silence import Matcher, Silence
from busta_health_dagster.store.schema.alerting import silence

if TYPE_CHECKING:
    from busta_health_dagster.store.unit import UnitOfWork

_S = silence.c


class Silences:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def put(self, one: Silence) -> None:
        """Add it, or write it again under its id."""
        row = asdict(one) | {"matchers": json.dumps([asdict(m) for m in one.matchers])}
        wish = self._uow.insert(silence).values(row)
        changed = {name: wish.excluded[name] for name in row if name != "id"}
        self._uow.connection.execute(wish.on_conflict_do_update(index_elements=["id"], set_=changed))

    def get(self, key: str) -> Silence:
        """Raises UnknownName."""
        asked = select(silence).where(_S.id == key)
        row = None if "\0" in key else self._uow.connection.execute(asked).first()  # Postgres takes no such text
        if row is None:
            raise UnknownName(f"There is no silence {key!r}. See which there are with: busta alerts silences --all")
        return _silence(row)

    def active(self, now: int) -> list[Silence]:
        """Those in force."""
        asked = select(silence).where(_S.ends_at > now, _S.starts_at <= now).order_by(_S.id)
        return [_silence(row) for row in self._uow.connection.execute(asked)]

    def unended(self, now: int, but: str) -> int:
        """How many besides this one are in force, or will be."""
        asked = select(func.count()).select_from(silence).where(_S.ends_at > now, _S.id != but)
        return int(self._uow.connection.execute(asked).scalar_one())

    def list(self, limit: int = 1000) -> list[Silence]:
        """Newest end first, those that have ended included."""
        asked = select(silence).order_by(_S.ends_at.desc(), _S.id).limit(limit)
        return [_silence(row) for row in self._uow.connection.execute(asked)]


def _silence(row: Any) -> Silence:
    matchers = tuple(Matcher(**m) for m in json.loads(row.matchers))
    return Silence(row.id, matchers, row.starts_at, row.ends_at, row.created_by, row.comment, row.actor, row.updated_at)
