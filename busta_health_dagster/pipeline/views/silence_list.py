"""Silences as rows, with the open alerts that each keeps quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.silence import labels_of
from busta_health_dagster.domain.units import iso

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.alerts import SilenceRow
    from busta_health_dagster.pipeline.app.app import App


def silence_rows(app: App, *, ended: bool) -> list[SilenceRow]:
    """Those in force and those to come; with `ended` the others, too. The one that ends last first."""
    now = app.now()
    with app.store.read() as uow:
        silences = [s for s in uow.silences.list() if ended or s.state(now) != "expired"]
        alerts = [a for a in uow.alerts.open() if not a.shadow] if silences else []
    rules = app.rulebook
    labelled = [(a.id or 0, labels_of(a, source)) for a in alerts if (source := rules.source(a.source)) is not None]
    return [
        {
            "id": s.id,
            "state": s.state(now),
            "matchers": [str(m) for m in s.matchers],
            "starts_at": iso(s.starts_at),
            "ends_at": iso(s.ends_at),
            "created_by": s.created_by,
            "actor": s.actor,
            "comment": s.comment,
            "alerts": [key for key, labels in labelled if s.covers(labels, now)],
        }
        for s in silences
    ]
