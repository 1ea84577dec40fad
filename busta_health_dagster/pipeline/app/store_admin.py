"""The store as a thing of its own: what is in it, and what may go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.store.pruning import KEEPABLE

if TYPE_CHECKING:
    from busta_health_dagster.pipeline.app.app import App


def describe(app: App) -> dict[str, Any]:
    """Where the store is, whether it fits, how large it is. Reads only; a missing store is described, not made."""
    status = app.store.status()
    report: dict[str, Any] = {
        "url": app.store.url,
        "state": status.state,
        "schema": status.current,
        "program": status.head,
        "sentence": status.sentence,
    }
    if status.state == "ok":
        report["size_bytes"] = app.store.size_bytes()
        with app.store.read() as uow:
            report["rows"] = uow.row_counts()
    return report


def prune(app: App) -> dict[str, int]:
    """Delete what is older than its retention; rows deleted per table."""
    retention = app.config.settings.retention
    kept = {name: float(seconds) for name in KEEPABLE if (seconds := getattr(retention, name, None)) is not None}
    return app.store.prune(kept, app.now())
