"""What a process could not write into the store, said beside it: a full database cannot hold the news that it is full.

The note keeps its blocks on the disk while all is well, so that it can be written on a disk that has none left.
"""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import StoreError
from busta_health_dagster.domain.units import iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from busta_health_dagster.pipeline.app.app import App

_LOG = logging.getLogger(__name__)
_BYTES = 2048


@dataclass(frozen=True, slots=True)
class StoreFailure:
    """The store refused; `since` and `at` are the first and the newest time of it, epoch seconds."""

    text: str
    since: int
    at: int


@contextmanager
def recording_store_failure(app: App) -> Iterator[None]:
    """Note that the store refused what happens inside; take the note back when it no longer does.

    Raises:
        StoreError: as it came; nothing is swallowed.
    """
    try:
        yield
    except StoreError as error:
        known, now = store_failure(app), app.now()
        _LOG.error("The store refused at %s: %s", iso(now), error)
        note = {"text": str(error)[: _BYTES // 2], "since": known.since if known is not None else now, "at": now}
        _write(app, json.dumps(note))
        raise
    if not _size(app) or store_failure(app) is not None:
        _write(app, "")


def store_failure(app: App) -> StoreFailure | None:
    """The note, if there is one."""
    try:
        text = app.home.store_trouble.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        return StoreFailure(f"{app.home.store_trouble} cannot be read: {error.strerror or error}", app.now(), app.now())
    if not text:
        return None
    try:
        return StoreFailure(**json.loads(text))
    except (ValueError, TypeError):  # half a note is a note
        return StoreFailure(text[:200], app.now(), app.now())


def _size(app: App) -> int:
    try:
        return app.home.store_trouble.stat().st_size
    except OSError:
        return 0


def _write(app: App, text: str) -> None:
    """In place, and always as long."""
    path = app.home.store_trouble
    try:
        with path.open("r+b" if path.exists() else "wb") as stream:
            stream.write(text.encode().ljust(_BYTES))
    except OSError as error:
        _LOG.error("%s cannot be written: %s", path, error.strerror or error)
