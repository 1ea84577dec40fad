"""Maintenance: when it is, more of it, and its end."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.given_text import given_name, given_note
from busta_health_dagster.domain.units import from_epoch, iso
from busta_health_dagster.pipeline.facade.base import MonitorBase

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from busta_health_dagster.domain.documents import service
    from busta_health_dagster.domain.maintenance import Window
    from busta_health_dagster.domain.source import Selector


class Maintenance(MonitorBase):
    """What is asked about maintenance windows."""

    def windows(self) -> list[service.WindowRow]:
        """Every window of the file and of the store: those that are on first."""
        from busta_health_dagster.pipeline.maintenance import actions

        return [planned.as_json() for planned in actions.listing(self.app)]

    def occurrences(self, since: int, until: int) -> list[service.MaintenanceOccurrence]:
        """Every time that a window is on in [since, until), by its start. Raises BadInput for an empty range."""
        from busta_health_dagster.pipeline.maintenance import actions

        return [
            {"window": o.window, "start": iso(o.start), "end": iso(o.end), "reason": o.reason}
            for o in actions.preview(self.app, since, until)
        ]

    def suggest_windows(self, names: Sequence[str] | None = None, *, since_s: int) -> list[service.WindowSuggestion]:
        """Windows that outages at the same time of every day, or week, suggest."""
        from busta_health_dagster.pipeline.maintenance.suggest import suggestions

        return suggestions(self.app, self.known(names), since_s)

    def add_window(
        self,
        name: str,
        select: Selector,
        *,
        duration_s: int,
        start: datetime | None = None,
        zone: str | None = None,
        rrule: str | None = None,
        exdates: Sequence[datetime] = (),
        reason: str = "",
    ) -> service.WindowAdded:
        """Plan work. `start` and `exdates` are local times in `zone`; None: now, in the zone of settings.yaml.

        Raises:
            ConfigError, Refused: the window is wrong, or another one has its name.
            UnknownName: a source that is neither configured nor imported.
        """
        from busta_health_dagster.pipeline.app.source_lookup import known_sources
        from busta_health_dagster.pipeline.maintenance import actions

        with self.app.store.read() as uow:
            known_sources(self.app, uow, select.names)
        window = self.window(name, select, start, zone, duration_s, rrule, exdates, reason)
        planned, warnings = actions.add(self.app, window, actor=self.actor)
        if planned.window.id is not None:
            planned = actions.find(self.app, planned.window.id)
        return {**planned.as_json(), "warnings": [str(problem) for problem in warnings]}

    def window(
        self,
        name: str,
        select: Selector,
        start: datetime | None,
        zone: str | None,
        duration_s: int,
        rrule: str | None,
        exdates: Sequence[datetime],
        reason: str,
    ) -> Window:
        """A window as people ask for it. Raises BadInput."""
        from busta_health_dagster.domain.maintenance import Window

        given_name(name, "The window's name")
        given_note(reason, "The reason")
        if any(moment is not None and moment.tzinfo is not None for moment in (start, *exdates)):
            raise BadInput("start and exdates are local times in `zone`: write 2026-11-29T06:00, without an offset.")
        asked = zone or self.app.config.settings.schedule.zone
        try:
            where = ZoneInfo(asked)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise BadInput(f"{asked!r} is no zone; write an IANA name such as Europe/Berlin") from error
        begin = start or from_epoch(self.app.now()).astimezone(where).replace(tzinfo=None)
        return Window(name, select, begin, where.key, duration_s, rrule, tuple(exdates), reason)

    def end_window(self, which: str) -> service.WindowEnded:
        """Stop an added window now, by its id or name."""
        from busta_health_dagster.pipeline.maintenance import actions

        left = actions.end(self.app, which, actor=self.actor)
        ended = f"ended {from_epoch(self.app.now()):%H:%M:%S} UTC"
        return {"window": which, "said": "it had not begun, so nothing is left of it" if left is None else ended}
