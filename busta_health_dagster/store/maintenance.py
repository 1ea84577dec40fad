"""Maintenance windows that people added (`busta maintenance add`, REST), beside those of maintenance.yaml."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from busta_health_dagster.domain.errors import Refused, UnknownName
from busta_health_dagster.domain.maintenance import Window
from busta_health_dagster.domain.season import season_of
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.store.schema.alerting import maintenance_window
from busta_health_dagster.store.schema.types import LARGEST_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from busta_health_dagster.store.unit import UnitOfWork

_T = maintenance_window.c
_COUNTED = "counted_windows"


class MaintenanceFacts:
    """Windows with a version, so that two people who edit one do not overwrite each other (If-Match)."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def add(self, window: Window, now: int) -> Window:
        """-> the window with its id."""
        row = _row(window) | {"version": 1, "created_at": now}
        wish = self._uow.insert(maintenance_window).values(row).returning(_T.id)
        return replace(window, id=self._uow.connection.execute(wish).scalar_one(), origin="store")

    def all(self) -> list[Window]:
        """Those that hold, by id."""
        rows = self._uow.connection.execute(select(maintenance_window).where(_T.removed_at.is_(None)).order_by(_T.id))
        return [_window(r) for r in rows]

    def get(self, key: int) -> tuple[Window, int]:
        """The window and its version. Raises UnknownName."""
        asked = select(maintenance_window).where(_T.id == key, _T.removed_at.is_(None))
        row = self._uow.connection.execute(asked).first() if key <= LARGEST_KEY else None
        if row is None:
            raise UnknownName(f"There is no added maintenance window {key}. They are listed by: busta maintenance list")
        return _window(row), row.version

    def replace(self, key: int, window: Window, version: int | None = None) -> Window:
        """Change a window; with `version`, only if it still has that one.

        Raises:
            UnknownName: no such window.
            Refused: someone else changed it meanwhile.
        """
        self._write(key, version, _row(window))
        return replace(window, id=key, origin="store")

    def remove(self, key: int, now: int, version: int | None = None) -> None:
        """It never was, for what is computed from now on; the row stays for the audit. Raises as `replace`."""
        self._write(key, version, {"removed_at": now})

    def counted_with(self) -> tuple[Window, ...] | None:
        """The windows of the files (maintenance, seasons) with which the past was counted; None: no one wrote it down yet."""
        rows = self._uow.meta.get(_COUNTED)
        return None if rows is None else tuple(_counted_window(row) for row in rows)

    def is_counted_with(self, windows: Iterable[Window]) -> bool:
        """Was the past counted with these? True also where no one wrote it down."""
        rows = self._uow.meta.get(_COUNTED)
        return rows is None or rows == [_counted_row(w) for w in windows]

    def set_counted_with(self, windows: Iterable[Window]) -> None:
        self._uow.meta.put(_COUNTED, [_counted_row(w) for w in windows])

    def _write(self, key: int, version: int | None, values: Mapping[str, Any]) -> None:
        _, present = self.get(key)
        expected = present if version is None else version
        wish = update(maintenance_window).where(_T.id == key, _T.version == expected, _T.removed_at.is_(None))
        if self._uow.connection.execute(wish.values(**values, version=expected + 1)).rowcount != 1:
            raise Refused(
                f"Maintenance window {key} is at version {present}, not {expected}: someone changed it meanwhile. "
                "Read it again and repeat the change."
            )


def _row(window: Window) -> dict[str, Any]:
    return {
        "name": window.name,
        "selector": json.dumps(asdict(window.select)),
        "start": window.start.isoformat(),
        "zone": window.zone,
        "duration_s": window.duration_s,
        "rrule": window.rrule,
        "exdates": json.dumps([d.isoformat() for d in window.exdates]),
        "reason": window.reason,
        "kind": window.kind,
        "by": window.by,
    }


def _counted_row(window: Window) -> dict[str, Any]:
    row = _row(window)
    return row if window.season is None else {**row, "season": json.loads(json.dumps(asdict(window.season)))}


def _counted_window(row: Mapping[str, Any]) -> Window:
    season = row.get("season")
    window = _window(SimpleNamespace(**{k: v for k, v in row.items() if k != "season"}, id=None))
    return window if season is None else replace(window, season=season_of(season))


def _window(r: Any) -> Window:
    criteria = json.loads(r.selector)
    kept: dict[str, Any] = {k: v if isinstance(v, dict) else tuple(v) for k, v in criteria.items()}
    return Window(
        name=r.name,
        select=Selector(**kept),
        start=datetime.fromisoformat(r.start),
        zone=r.zone,
        duration_s=r.duration_s,
        rrule=r.rrule,
        exdates=tuple(datetime.fromisoformat(d) for d in json.loads(r.exdates)),
        reason=r.reason,
        kind=r.kind,
        origin="store",
        by=r.by,
        id=r.id,
    )
