"""What a process could not write into the store, said beside it: a full database cannot hold the news that it is full."""

from __future__ import annotations

import json
import logging
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import StoreError
from busta_health_dagster.domain.units import iso
from busta_health_dagster.pipeline.app.side_note import BYTES, read_note, reserved, write_note

if TYPE_CHECKING:
    from collections.abc import Iterator

    from busta_health_dagster.pipeline.app.app import App

_LOG = logging.getLogger(__name__)


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
        note = {"text": str(error)[: BYTES // 2], "since": known.since if known is not None else now, "at": now}
        _write(app, json.dumps(note))
        raise
    if not reserved(app.home.store_trouble) or store_failure(app) is not None:
        _write(app, "")


def store_failure(app: App) -> StoreFailure | None:
    """The note, if there is one."""
    try:
        text = read_note(app.home.store_trouble)
    except OSError as error:
        return StoreFailure(f"{app.home.store_trouble} cannot be read: {error.strerror or error}", app.now(), app.now())
    if not text:
        return None
    try:
        return StoreFailure(**json.loads(text))
    except (ValueError, TypeError):  # half a note is a note
        return StoreFailure(text[:200], app.now(), app.now())


def _write(app: App, text: str) -> None:
    path = app.home.store_trouble
    try:
        write_note(path, text)
    except OSError as error:
        _LOG.error("%s cannot be written: %s", path, error.strerror or error)
