"""Maintenance as the pipeline sees it: the windows of maintenance.yaml, those that people added, and what lies outside the
sources' seasons, as one index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.engines.maintenance import MaintenanceIndex

if TYPE_CHECKING:
    from busta_health_dagster.domain.maintenance import Window
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork


def maintenance(app: App, uow: UnitOfWork, since: int, until: int) -> MaintenanceIndex:
    """Everything that is left out of what is counted, and touches [since, until)."""
    return MaintenanceIndex(exclusions(app, uow), since, until)


def windows(app: App, uow: UnitOfWork) -> tuple[Window, ...]:
    """Those of the file, then those that people added."""
    return (*app.config.windows, *uow.maintenance.all())


def exclusions(app: App, uow: UnitOfWork) -> tuple[Window, ...]:
    """The same, and what lies outside the seasons of the sources."""
    return (*windows(app, uow), *app.config.off_season)
