"""What became of each check of each source over 30 days: a row per source, written again by each validation."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from busta_health_dagster.domain.check_history import WINDOW_DAYS, CheckDay, CheckHistory
from busta_health_dagster.engines.check_history import updated
from busta_health_dagster.store.schema.quality import check_history

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.quality import Scored
    from busta_health_dagster.store.unit import UnitOfWork

_C = check_history.c
_DAY_S = 86400


class CheckHistories:
    """Sources' names in, their checks out, in the order in which the checks were first seen."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def of(self, name: str) -> tuple[CheckHistory, ...]:
        """Empty where nothing was evaluated within what is kept. Raises UnknownName."""
        return self._held(self._uow.sources.get(name).id) or ()

    def add(self, name: str, results: Sequence[Scored]) -> None:
        """Count these validations of a source, oldest first, which its quality results already hold. A source without a history
        begins with all validations whose checks are kept.
        """
        key, newest = self._uow.sources.get(name).id, max(one.at for one in results)
        held = self._held(key, to_change=True)
        if held is None:
            history = updated((), self._uow.quality.history(name, newest - WINDOW_DAYS * _DAY_S, newest + 1))
        else:
            history = updated(held, results)
        wish = self._uow.insert(check_history).values(source_id=key, at=newest, checks=_packed(history))
        fields = {c: wish.excluded[c] for c in ("at", "checks")}
        self._uow.connection.execute(wish.on_conflict_do_update(index_elements=["source_id"], set_=fields))

    def _held(self, key: int, *, to_change: bool = False) -> tuple[CheckHistory, ...] | None:
        asked = select(_C.checks).where(_C.source_id == key)
        if to_change:  # two validations of a source at once: on Postgres the second waits for the first
            asked = asked.with_for_update()
        found = self._uow.connection.execute(asked).scalar_one_or_none()
        return None if found is None else _unpacked(found)


def _packed(history: Sequence[CheckHistory]) -> bytes:
    rows = [
        [
            *(one.id, one.dimension, one.column, one.severity, one.owner, one.first_at, one.last_at, one.failing_since),
            [[day.day, day.evaluated, day.passed, round(day.worst, 6)] for day in one.days],
        ]
        for one in history
    ]
    return zlib.compress(json.dumps(rows, separators=(",", ":")).encode(), 6)


def _unpacked(kept: bytes) -> tuple[CheckHistory, ...]:
    return tuple(_check(row) for row in json.loads(zlib.decompress(kept)))


def _check(row: list[Any]) -> CheckHistory:
    id_, dimension, column, severity, owner, first_at, last_at, failing_since, days = row
    counted = tuple(CheckDay(*day) for day in days)
    return CheckHistory(id_, dimension, column, severity, owner, first_at, last_at, failing_since, counted)
