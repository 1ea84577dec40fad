"""What may lie beside a folder of observations: `sources.json`, `calendar.json` and `truth.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.units import near_instant, to_epoch

if TYPE_CHECKING:
    from collections.abc import Mapping

MAINTENANCE_KINDS = frozenset({"maintenance", "planned_maintenance"})


@dataclass(frozen=True, slots=True)
class ImportedSource:
    """What `sources.json` says of a source."""

    type: str = "imported"
    cadence_s: int | None = None


@dataclass(frozen=True, slots=True)
class CalendarEntry:
    """[start, end) in epoch seconds; `source` None: of every source."""

    kind: str
    start: int
    end: int
    source: str | None = None

    @property
    def is_maintenance(self) -> bool:
        """Maintenance; anything else is a known event."""
        return self.kind in MAINTENANCE_KINDS


@dataclass(frozen=True, slots=True)
class Label:
    """Someone says that this source really had a fault in [start, end), epoch seconds."""

    source: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All three files; empty where they are not there."""

    sources: Mapping[str, ImportedSource] = field(default_factory=dict)
    calendar: tuple[CalendarEntry, ...] = ()
    labels: tuple[Label, ...] = ()


def read_catalogue(path: Path) -> Catalogue:
    """Of a folder; of a single file there is none.

    Raises:
        BadInput: a file that is there and cannot be understood, with the place and what would be right.
    """
    if not path.is_dir():
        return Catalogue()
    return Catalogue(_sources(path / "sources.json"), _calendar(path / "calendar.json"), _labels(path / "truth.json"))


def _sources(file: Path) -> dict[str, ImportedSource]:
    data = _json(file, {})
    if not isinstance(data, dict):
        raise _bad(file, "", 'an object: {"odds_api": {"type": "odds", "cadence_s": 300}}')
    found = {}
    for name, entry in data.items():
        if not isinstance(entry, dict):
            raise _bad(file, name, '{"type": "odds", "cadence_s": 300}')
        kind, cadence = entry.get("type", "imported"), entry.get("cadence_s")
        if not isinstance(kind, str) or not kind:
            raise _bad(file, f"{name}.type", "a text")
        if cadence is not None and (isinstance(cadence, bool) or not isinstance(cadence, int | float) or cadence <= 0):
            raise _bad(file, f"{name}.cadence_s", "seconds above 0, or null")
        found[name] = ImportedSource(kind, None if cadence is None else int(cadence))
    return found


def _calendar(file: Path) -> tuple[CalendarEntry, ...]:
    data = _json(file, [])
    if not isinstance(data, list):
        raise _bad(file, "", 'a list: [{"kind": "maintenance", "start": "2026-11-16T08:00Z", "end": "..."}]')
    found = []
    for number, entry in enumerate(data):
        if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str):
            raise _bad(file, f"[{number}]", 'an object with "kind", "start", "end" and perhaps "source"')
        start, end = (_instant(file, f"[{number}].{key}", entry.get(key)) for key in ("start", "end"))
        if start >= end:
            raise _bad(file, f"[{number}].end", "later than its start")
        source = entry.get("source")
        if source is not None and not isinstance(source, str):
            raise _bad(file, f"[{number}].source", "a source's name, or absent")
        found.append(CalendarEntry(entry["kind"], start, end, source))
    return tuple(found)


def _labels(file: Path) -> tuple[Label, ...]:
    data = _json(file, [])
    if not isinstance(data, list):
        raise _bad(file, "", 'a list: [{"source": "odds_api", "start": "2026-11-16T08:00Z", "end": "..."}]')
    found = []
    for number, entry in enumerate(data):
        if not isinstance(entry, dict) or not isinstance(entry.get("source"), str):
            raise _bad(file, f"[{number}]", 'an object with "source", "start" and "end"')
        start, end = (_instant(file, f"[{number}].{key}", entry.get(key)) for key in ("start", "end"))
        if entry.get("alarm", True):
            found.append(Label(entry["source"], start, end))
    return tuple(found)


def _instant(file: Path, where: str, text: Any) -> int:
    if isinstance(text, int) and not isinstance(text, bool) and text > 0:
        return text
    try:
        return near_instant(to_epoch(datetime.fromisoformat(text)))
    except (TypeError, ValueError):
        raise _bad(file, where, "ISO 8601 with a zone, for instance 2026-11-16T08:25:00Z") from None


def _json(file: Path, default: Any) -> Any:
    if not file.exists():
        return default
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{file} cannot be read: {error}. Fix it, or move it away: it is optional.") from error


def _bad(file: Path, where: str, expected: str) -> BadInput:
    return BadInput(f"{file}{': ' + where if where else ''} must be {expected}.")
