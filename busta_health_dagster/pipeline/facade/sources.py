"""How the sources are, what was seen of them, and an observation right now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.units import iso
from busta_health_dagster.pipeline.facade.base import MonitorBase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.documents import sources as seen


class Sources(MonitorBase):
    """What is asked about sources."""

    def sources(self) -> list[seen.SourceConfig]:
        """Every configured source and how it is checked."""
        from busta_health_dagster.pipeline.views.status import source_rows

        return source_rows(self.app)

    def fleet(self, names: Sequence[str] | None = None, *, bars: bool = False) -> seen.Fleet:
        """These sources (None: all) now, worst first. `bars` adds the last 24 hours and the open alerts."""
        from busta_health_dagster.pipeline.views.alert_list import listing
        from busta_health_dagster.pipeline.views.status import fleet_health

        health = fleet_health(self.app, self.known(names), strips=bars)
        return {
            "at": iso(health.at),
            "tick_at": iso(health.tick_at),
            "next_tick_at": iso(health.next_tick_at),
            "stale_at": iso(health.stale_at),
            "stale": health.stale_monitor,
            "config_problem": health.config_problem,
            "counts": health.counts,
            "sources": [row.as_json() for row in health.rows],
            "alerts": listing(self.app, sources=names).as_json()["items"] if bars else [],
            "strips": {name: list(strip) for name, strip in health.strips.items()},
            "responses": {name: list(some) for name, some in health.responses.items()},
        }

    def source(self, name: str) -> seen.SourceInfo:
        """All that is known of one source."""
        from busta_health_dagster.pipeline.views.status import source_info

        self.known([name])
        return source_info(self.app, name)

    def check(self, names: Sequence[str] | None = None) -> list[seen.ObservationRow]:
        """Check these (None: all) now; kept as manual observations."""
        from busta_health_dagster.pipeline.tick.manual_check import check_sources, write_down_check
        from busta_health_dagster.pipeline.views.history import history_row

        chosen = self.known(names)
        write_down_check(self.app, chosen, by=self.actor)
        return [history_row(o) for o in check_sources(self.app, chosen)]

    def heartbeat(
        self, name: str, *, items: int | None = None, ok: bool = True, message: str = ""
    ) -> seen.HeartbeatAccepted:
        """A pipeline says that it ran. Raises BadInput where no one waits for beats."""
        from busta_health_dagster.pipeline.tick.manual_check import record_heartbeat

        self.known([name])
        record_heartbeat(self.app, name, items=items, ok=ok, message=message)
        return {"source": name, "at": iso(self.app.now())}

    def history(self, name: str, *, since_s: int, manual: bool = False) -> list[seen.ObservationRow]:
        """What was seen of a source, oldest first; `manual`: also the observations that people asked for."""
        from busta_health_dagster.pipeline.views.history import history_row

        self.known([name])
        now = self.app.now()
        with self.app.store.read() as uow:
            observations = uow.observations.window([name], now - since_s, now + 1, manual=manual).get(name, [])
        return [history_row(o) for o in observations]

    def anomaly_explanation(self, name: str) -> seen.AnomalyExplanation:
        """What the detector makes of a source: its word, its noise budget, and each metric with what it can tell."""
        from busta_health_dagster.pipeline.anomaly.explanation import explain_source

        self.known([name])
        return explain_source(self.app, name)

    def baselines(self, names: Sequence[str] | None = None, *, hours: int = 24) -> list[seen.BaselineRow]:
        """What is normal for these sources (None: all), now and over the coming hours."""
        from busta_health_dagster.pipeline.anomaly.normal_ranges import baselines_of

        chosen = self.known(names) or list(self.app.config.sources)
        return [one.as_json() for one in baselines_of(self.app, chosen, ahead_hours=hours)]
