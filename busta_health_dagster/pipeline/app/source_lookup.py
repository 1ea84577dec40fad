"""Which sources there are: those of the configuration, and those that only an import brought."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import UnknownName
from busta_health_dagster.wording.suggestions import unknown_source

if TYPE_CHECKING:
    from collections.abc import Collection

    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork


def known_sources(app: App, uow: UnitOfWork, names: Collection[str] | None) -> dict[str, Source]:
    """The configured sources, and those that only an import has brought.

    Raises:
        UnknownName: neither configured nor imported.
    """
    known = dict(app.config.sources)
    for stored in uow.sources.all():
        if stored.name not in known and stored.origin == "import":
            known[stored.name] = app.config.imported(stored.name, stored.type, stored.interval_s)
    if not names:
        return known
    for name in names:
        if name not in known:
            raise UnknownName(unknown_source(name, known))
    return {name: known[name] for name in names}
