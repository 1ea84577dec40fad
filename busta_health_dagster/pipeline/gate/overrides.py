"""A person opens or closes the gate of a source for a while: stored, audited, and over by itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.access import AuditEntry
from busta_health_dagster.domain.errors import BadInput, Refused
from busta_health_dagster.domain.gate import GateOverride
from busta_health_dagster.domain.given_text import given_note
from busta_health_dagster.domain.units import config_duration, iso

if TYPE_CHECKING:
    from busta_health_dagster.pipeline.app.app import App

LONGEST_S = 7 * 86400


def set_override(app: App, source: str, *, usable: bool, for_s: float, reason: str, actor: str) -> GateOverride:
    """Open (`usable`) or close the gate of a configured source from now on; it replaces an override in force.

    Raises:
        BadInput: no reason, or a time that is too short or too long.
    """
    verb = "open" if usable else "close"
    if not reason.strip():
        raise BadInput(f'Say why; it stands on the page and in alerts: busta gate {verb} {source} --reason "..."')
    if not 60 <= for_s <= LONGEST_S:
        raise BadInput(
            f"The gate can be {'opened' if usable else 'closed'} for one minute to {config_duration(LONGEST_S)}, "
            f"not for {config_duration(for_s)}. Repeat it when it ends, or change `gate:` of {source}."
        )
    given_note(reason, "The reason")
    now = app.now()
    override = GateOverride(source, usable, now, now + int(for_s), app.secrets.scrub(reason.strip())[:300], actor)
    with app.store.write() as uow:
        uow.sources.sync(app.config.sources.values(), now)
        uow.gates.override(override)
        detail = f"until {iso(override.until)}: {override.reason}"
        uow.audit.append(AuditEntry(now, actor, f"gate.{verb}", f"source {source}", detail))
        uow.events.append("gate", {"source": source}, now)
    return override


def end_override(app: App, source: str, *, actor: str) -> None:
    """The gate follows the verdict again.

    Raises:
        Refused: no one opened or closed it.
    """
    now = app.now()
    with app.store.write() as uow:
        if source not in uow.gates.overrides(now):
            raise Refused(f"The gate of {source} was neither opened nor closed by hand: it follows its verdict.")
        uow.gates.end_override(source, now)
        uow.audit.append(AuditEntry(now, actor, "gate.auto", f"source {source}"))
        uow.events.append("gate", {"source": source}, now)
