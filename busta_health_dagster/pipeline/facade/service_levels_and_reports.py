"""What it meant: service levels, incidents, quality, the weekly report."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from busta_health_dagster.domain.units import iso
from busta_health_dagster.pipeline.facade.base import MonitorBase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.documents import quality, service
    from busta_health_dagster.engines.service_levels.incidents import By


class ServiceLevelsAndReports(MonitorBase):
    """What is asked about service levels, incidents, quality and reports."""

    def sla(self, names: Sequence[str] | None, window: str, at: str | None = None) -> list[service.ServiceLevelRow]:
        """Service levels of [at - window, at), worst first; of imported sources too."""
        from busta_health_dagster.pipeline.service_levels.service_levels import ask_levels, service_levels

        return [level.as_json() for level in service_levels(self.app, ask_levels(self.app, window, at), names)]

    def incidents(
        self, names: Sequence[str] | None, window: str, at: str | None = None, by: By | None = None
    ) -> service.IncidentTable:
        """The incidents of a window with their numbers."""
        from busta_health_dagster.pipeline.service_levels.incidents import list_incidents
        from busta_health_dagster.pipeline.service_levels.service_levels import ask

        return list_incidents(self.app, ask(self.app, window, at), names, by).as_json()

    def incident(self, incident: str) -> service.IncidentDetail:
        """Everything that happened in one incident."""
        from busta_health_dagster.pipeline.service_levels.incidents import show_incident

        return show_incident(self.app, incident).as_json()

    def write_note(self, incident: str, text: str, *, kind: service.NoteKind) -> service.IncidentDetail:
        """Write a note on an incident, or what its cause was. Raises BadInput for a blank one."""
        from busta_health_dagster.pipeline.service_levels.incidents import write_note

        return self.incident(write_note(self.app, incident, text, kind=kind, by=self.actor).id)

    def scores(self, names: Sequence[str] | None = None) -> quality.Scores:
        """The newest quality score of these sources; None: of all that are scored."""
        from busta_health_dagster.pipeline.quality.quality_pass import quality_limit
        from busta_health_dagster.pipeline.views.history import quality_row

        config = self.app.config.sources
        asked = self.known(names) or [s.name for s in config.values() if s.quality is not None]
        with self.app.store.read() as uow:
            there = {s.name for s in uow.sources.all()}
            found = uow.quality.newest([name for name in asked if name in there])
        return {
            "items": [quality_row(one, quality_limit(self.app, config[name])) for name, one in found.items()],
            "never": sorted(set(asked) - found.keys()),
        }

    def failures(self, name: str) -> quality.Failures:
        """The rows that failed in the newest validation, masked."""
        self.known([name])
        with self.app.store.read() as uow:
            there = any(s.name == name for s in uow.sources.all())
            at, rows = uow.quality.failures(name) if there else (None, ())
        return {
            "failures_at": iso(at),
            "failures": [
                {"check": r.check, "row": r.row, "of": r.of, "keys": r.keys, "values": r.values} for r in rows
            ],
        }

    def checks(self, name: str) -> quality.CheckHistories:
        """Each check of a source over 30 days."""
        from busta_health_dagster.pipeline.quality.check_rows import check_histories

        self.known([name])
        return check_histories(self.app, name)

    def report(self, week: str | None = None) -> service.Report:
        """The numbers of a week (None: the newest that is over), counted now."""
        from busta_health_dagster.pipeline.reporting.weekly_report import weekly_report

        found: service.Report = json.loads(weekly_report(self.app, week).to_json())
        return found
