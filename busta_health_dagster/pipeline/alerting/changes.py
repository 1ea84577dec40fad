"""What an alert pass changes: alerts with their transitions, and the notifications of the pass."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import Alert
from busta_health_dagster.engines.alerting.grouping import NotificationPlan
from busta_health_dagster.engines.alerting.routing import Considered
from busta_health_dagster.engines.alerting.transition import NotSent

if TYPE_CHECKING:
    from busta_health_dagster.domain.alert import Transition


@dataclass(slots=True)
class Record:
    """One alert in one pass: as it is at the end, what happened to it in order, and the notifications that were not sent and why."""

    alert: Alert
    transitions: list[Transition] = field(default_factory=list)
    not_sent: list[NotSent] = field(default_factory=list)
    considered: tuple[Considered, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """What one pass changed. A superseded alert stands before the new one of its fingerprint."""

    at: int
    records: tuple[Record, ...] = ()
    notifications: tuple[NotificationPlan, ...] = ()

    @property
    def transitions(self) -> list[Transition]:
        return [t for record in self.records for t in record.transitions]

    @property
    def not_sent(self) -> list[NotSent]:
        return [n for record in self.records for n in record.not_sent]
