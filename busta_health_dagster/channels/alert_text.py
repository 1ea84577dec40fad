"""What every message about one alert says alike: who acknowledged, what is left of the budget, where its page is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.channels.page_links import incident_page, source_page
from busta_health_dagster.channels.text import At, Button, Part
from busta_health_dagster.domain.action_link import acting
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.percentages import budget, percent
from busta_health_dagster.wording.sentences import clean

if TYPE_CHECKING:
    from busta_health_dagster.domain.notification import AlertFacts, Notification, SourceFacts


@dataclass(frozen=True, slots=True)
class AlertText:
    """A notification with its alert and source."""

    notification: Notification
    alert: AlertFacts
    source: SourceFacts

    def acted(self) -> list[Part]:
        acked = self.alert.acked
        if acked is None:
            return []
        took = duration_text(max(acked.at - self.alert.opened_at, 0))
        note = f": “{clean(acked.note)}”" if acked.note else ""
        over = f", taken over from {clean(acked.taken_over)}" if acked.taken_over else ""
        said: list[Part] = [f"{clean(acting(acked.by))} acknowledged after {took}{over}"]
        if acked.until and self.alert.resolved_at is None:
            said += [", the clock stands until ", At(acked.until)]
        return [*said, note]

    def lasting(self, until: int) -> str:
        """`55 min`, or `30 min on and off`: how long it has been bad at that time."""
        said = duration_text(max(until - self.alert.first_bad_slot, 0))
        return f"{said} on and off" if self.alert.interrupted else said

    def budget(self) -> str:
        target = f", target {percent(self.source.target)}" if self.source.target is not None else ""
        return (
            f"{target}; budget left {budget(self.source.budget_left)}%"
            if self.source.budget_left is not None
            else target
        )

    def _in_dagster(self) -> tuple[Button, ...]:
        url = self.notification.dagster_url
        return (Button("open", "Open in Dagster", url, primary=True),) if url else ()

    def url(self) -> str:
        return source_page(self.notification.base_url, self.source.name)

    def incident_button(self) -> tuple[Button, ...]:
        """Leads to its timeline and notes, where it has any."""
        url = incident_page(self.notification)
        return (Button("incident", "Incident", url),) if url else ()
