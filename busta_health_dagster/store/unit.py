"""One transaction, and the repositories that work inside it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from busta_health_dagster.store.access import Access
from busta_health_dagster.store.alerts import Alerts, Transitions
from busta_health_dagster.store.audit_log import Audit, IncidentNotes
from busta_health_dagster.store.baselines import Baselines
from busta_health_dagster.store.check_history import CheckHistories
from busta_health_dagster.store.events import Events
from busta_health_dagster.store.gate import Gates
from busta_health_dagster.store.heartbeats import Heartbeats
from busta_health_dagster.store.key_value import Counters, Meta, ReportedToDagster, RuleWindows, UsedLinks
from busta_health_dagster.store.leases import Leases
from busta_health_dagster.store.maintenance import MaintenanceFacts
from busta_health_dagster.store.metric_rollups import MetricRollups
from busta_health_dagster.store.observations import Observations
from busta_health_dagster.store.outbox import Outbox
from busta_health_dagster.store.quality import Quality
from busta_health_dagster.store.reports import Reports
from busta_health_dagster.store.rollup_queries import Rollups
from busta_health_dagster.store.samples import Samples
from busta_health_dagster.store.schema import metadata
from busta_health_dagster.store.silences import Silences
from busta_health_dagster.store.sources import MetricNames, Reasons, Sources
from busta_health_dagster.store.states import States
from busta_health_dagster.store.suppressions import Suppressions
from busta_health_dagster.store.vantages import VantageAnswers

if TYPE_CHECKING:
    from sqlalchemy import Table
    from sqlalchemy.engine import Connection


class UnitOfWork:
    """What `Store.read()` and `Store.write()` hand out. Names are sources' names; instants are epoch seconds, UTC."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.is_sqlite = connection.dialect.name == "sqlite"

    def insert(self, table: Table) -> Any:
        """An INSERT that knows ON CONFLICT and RETURNING on either database."""
        if self.is_sqlite:
            from sqlalchemy.dialects.sqlite import insert
        else:
            from sqlalchemy.dialects.postgresql import insert  # type: ignore[assignment]  # 0.1 CPU s to import
        return insert(table)

    def row_counts(self) -> dict[str, int]:
        """Rows per table, for `busta db status`."""
        return {
            table.name: int(self.connection.execute(select(func.count()).select_from(table)).scalar_one())
            for table in metadata.sorted_tables
        }

    @cached_property
    def sources(self) -> Sources:
        return Sources(self)

    @cached_property
    def reasons(self) -> Reasons:
        return Reasons(self)

    @cached_property
    def metric_names(self) -> MetricNames:
        return MetricNames(self)

    @cached_property
    def metric_rollups(self) -> MetricRollups:
        return MetricRollups(self)

    @cached_property
    def observations(self) -> Observations:
        return Observations(self)

    @cached_property
    def vantages(self) -> VantageAnswers:
        return VantageAnswers(self)

    @cached_property
    def states(self) -> States:
        return States(self)

    @cached_property
    def rollups(self) -> Rollups:
        return Rollups(self)

    @cached_property
    def baselines(self) -> Baselines:
        return Baselines(self)

    @cached_property
    def samples(self) -> Samples:
        return Samples(self)

    @cached_property
    def heartbeats(self) -> Heartbeats:
        return Heartbeats(self)

    @cached_property
    def events(self) -> Events:
        return Events(self)

    @cached_property
    def meta(self) -> Meta:
        return Meta(self)

    @cached_property
    def used_links(self) -> UsedLinks:
        return UsedLinks(self)

    @cached_property
    def counters(self) -> Counters:
        return Counters(self)

    @cached_property
    def reported(self) -> ReportedToDagster:
        return ReportedToDagster(self)

    @cached_property
    def rule_windows(self) -> RuleWindows:
        return RuleWindows(self)

    @cached_property
    def alerts(self) -> Alerts:
        return Alerts(self)

    @cached_property
    def transitions(self) -> Transitions:
        return Transitions(self)

    @cached_property
    def suppressions(self) -> Suppressions:
        return Suppressions(self)

    @cached_property
    def silences(self) -> Silences:
        return Silences(self)

    @cached_property
    def leases(self) -> Leases:
        return Leases(self)

    @cached_property
    def outbox(self) -> Outbox:
        return Outbox(self)

    @cached_property
    def maintenance(self) -> MaintenanceFacts:
        return MaintenanceFacts(self)

    @cached_property
    def gates(self) -> Gates:
        return Gates(self)

    @cached_property
    def audit(self) -> Audit:
        return Audit(self)

    @cached_property
    def notes(self) -> IncidentNotes:
        return IncidentNotes(self)

    @cached_property
    def access(self) -> Access:
        return Access(self)

    @cached_property
    def check_histories(self) -> CheckHistories:
        return CheckHistories(self)

    @cached_property
    def quality(self) -> Quality:
        return Quality(self)

    @cached_property
    def reports(self) -> Reports:
        return Reports(self)
