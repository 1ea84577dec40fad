"""Who asks which monitor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from busta_health_dagster.domain.errors import UnknownName
from busta_health_dagster.wording.suggestions import unknown_source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from busta_health_dagster.pipeline.app.app import App


class MonitorBase:
    """A wired application, and who acts on it: that name stands in the audit log."""

    def __init__(self, app: App, actor: str) -> None:
        self.app = app
        self.actor = actor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.app.close()

    def known(self, names: Sequence[str] | None) -> list[str] | None:
        """The names asked for, or None for all.

        Raises:
            UnknownName: one that is not configured; the message lists near ones.
        """
        for name in names or ():
            if name not in self.app.config.sources:
                raise UnknownName(unknown_source(name, self.app.config.sources))
        return list(names) if names else None
