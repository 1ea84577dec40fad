"""An observation that a person asked for, and a beat that a pipeline sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.access import AuditEntry
from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.given_text import plain
from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
from busta_health_dagster.pipeline.observing.observe import check_now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.observation import Observation
    from busta_health_dagster.domain.verdict import CheckVerdict
    from busta_health_dagster.pipeline.app.app import App


def check_sources(app: App, names: Sequence[str] | None) -> list[Observation]:
    """Check these sources (None: all) now. Stored as manual, evaluated at once."""
    return checked(app, names)[0]


def checked(app: App, names: Sequence[str] | None) -> tuple[list[Observation], dict[str, dict[str, CheckVerdict]]]:
    """The same, with the checks as they are now."""
    chosen = [app.config.sources[name] for name in (names if names is not None else app.config.sources)]
    seen = check_now(app, chosen)
    verdicts = alert_pass(app, manual=seen).verdicts
    return seen, {o.source: dict(verdicts[o.source]) for o in seen}


def write_down_check(app: App, names: Sequence[str] | None, *, by: str) -> None:
    """Someone asked for a check of these (None: all)."""
    subject = "every source" if names is None else f"source {', '.join(names)}"
    with app.store.write() as uow:
        uow.audit.append(AuditEntry(app.now(), by, "source.check", subject))


def record_heartbeat(app: App, name: str, *, items: int | None = None, ok: bool = True, message: str = "") -> None:
    """A pipeline says that it ran.

    Raises:
        BadInput: the source is not one that waits for beats; a beat to it would look healthy and be read by no one.
    """
    source = app.config.sources[name]
    if source.probe != "heartbeat":
        raise BadInput(
            f"{name} has probe {source.probe}: it is checked, and waits for no beats ({source.where}). "
            "Give it `probe: heartbeat`, or beat the source that is meant."
        )
    with app.store.write() as uow:
        uow.heartbeats.heartbeat(name, app.now(), items=items, ok=ok, message=app.secrets.scrub(plain(message))[:300])
