"""Which code locations of the workspace are loaded: the web process sees them all, and notes it here for the alert pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.verdict import ExternalFact
from busta_health_dagster.settings.foreign_text import foreign_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

_KEY = "code_locations"
_PATH = "/deployment/locations"


def note_locations(app: App, found: Mapping[str, str | None]) -> None:
    """Every code location with why it cannot be loaded; None where it is loaded.

    Raises:
        StoreError: the store cannot be written to.
    """
    errors = {name: None if why is None else foreign_text(why, app.secrets) for name, why in found.items()}
    with app.store.write() as uow:
        uow.meta.put(_KEY, {"at": app.now(), "locations": errors})


def location_facts(
    uow: UnitOfWork, cursor: Mapping[str, Any] | None
) -> tuple[list[ExternalFact], Mapping[str, Any] | None]:
    """What the newest note says, once, and the cursor that says so. One that left the workspace cannot fail in it."""
    note: Mapping[str, Any] | None = uow.meta.get(_KEY)
    if note is None or (cursor is not None and cursor["at"] == note["at"]):
        return [], cursor
    found: Mapping[str, str | None] = note["locations"]
    at = int(note["at"])
    facts = [ExternalFact("location", name, why is None, at, why or "", path=_PATH) for name, why in found.items()]
    gone = set(cursor["names"]) - found.keys() if cursor is not None else set()
    facts += [ExternalFact("location", name, True, at, "it left the workspace", path=_PATH) for name in sorted(gone)]
    return facts, {"at": at, "names": sorted(found)}
