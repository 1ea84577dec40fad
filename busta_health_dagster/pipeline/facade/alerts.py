"""What is open, why someone was (not) notified, and what people do about it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from busta_health_dagster.domain.access import AuditEntry
from busta_health_dagster.domain.alert import PAST_SHOWN
from busta_health_dagster.domain.errors import StoreMissing
from busta_health_dagster.pipeline.facade.base import MonitorBase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.documents import alerts as alert_documents
    from busta_health_dagster.domain.documents import delivery
    from busta_health_dagster.pipeline.views.alert_list import Wanted


class Alerts(MonitorBase):
    """What is asked about alerts and the messages they send."""

    def alerts(
        self, state: Wanted, names: Sequence[str] | None = None, *, past: int = PAST_SHOWN
    ) -> alert_documents.AlertList:
        """Alerts by state, worst first, then the `past` newest of those that are over; `names` may be of sources that are
        configured no more, and had one.
        """
        from busta_health_dagster.pipeline.views.alert_list import listing

        self.known_in_alerts(names)
        return listing(self.app, state, names, past=past).as_json()

    def known_in_alerts(self, names: Sequence[str] | None) -> None:
        """Raises UnknownName for a source that is not configured and never had an alert."""
        if names:
            with self.app.store.read() as uow:
                gone = {a.source for a in uow.alerts.list(sources=names, limit=1000)}
            self.known([n for n in names if n not in gone])

    def alert(self, alert: int) -> alert_documents.AlertRow:
        from busta_health_dagster.pipeline.views.alert_list import row_of

        return row_of(self.app, alert).as_json()

    def explain_alert(self, alert: int) -> alert_documents.AlertExplanation:
        """Why was I (not) notified."""
        from busta_health_dagster.pipeline.views import explain, explain_documents

        return explain_documents.alert_explanation(explain.explain_alert(self.app, alert))

    def explain_source(self, name: str) -> alert_documents.SourceExplanation:
        """Why is there (no) alert."""
        from busta_health_dagster.pipeline.views import explain, explain_documents

        return explain_documents.source_explanation(explain.explain_source(self.app, name))

    def acknowledge(self, ids: Sequence[int], *, note: str = "") -> list[alert_documents.AlertRow]:
        from busta_health_dagster.pipeline.alerting import actions

        actions.acknowledge(self.app, ids, actor=self.actor, note=note)
        return [self.alert(key) for key in ids]

    def unacknowledge(self, ids: Sequence[int], *, note: str = "") -> list[alert_documents.AlertRow]:
        from busta_health_dagster.pipeline.alerting import actions

        actions.unacknowledge(self.app, ids, actor=self.actor, note=note)
        return [self.alert(key) for key in ids]

    def snooze(self, ids: Sequence[int], *, for_s: float, note: str = "") -> list[alert_documents.AlertRow]:
        from busta_health_dagster.pipeline.alerting import actions

        actions.snooze(self.app, ids, actor=self.actor, for_s=for_s, note=note)
        return [self.alert(key) for key in ids]

    def resolve(self, ids: Sequence[int], *, note: str = "") -> list[alert_documents.AlertRow]:
        from busta_health_dagster.pipeline.alerting import actions

        actions.resolve(self.app, ids, actor=self.actor, note=note)
        return [self.alert(key) for key in ids]

    def silences(self, *, ended: bool = False) -> list[alert_documents.SilenceRow]:
        """Those in force and to come; with `ended` the others, too."""
        from busta_health_dagster.pipeline.views.silence_list import silence_rows

        return silence_rows(self.app, ended=ended)

    def end_silence(self, silence: str) -> alert_documents.SilenceRow:
        """End it now, -> as it is then. Raises UnknownName, Refused."""
        from busta_health_dagster.pipeline.alerting.silences import end_silence

        end_silence(self.app, silence, actor=self.actor)
        return next(row for row in self.silences(ended=True) if row["id"] == silence)

    def noise(self, names: Sequence[str] | None = None, *, since_s: int) -> alert_documents.NoiseTable:
        """Notifications by source and rule, and the share that anyone acted upon."""
        from busta_health_dagster.pipeline.views.alert_noise import alert_noise

        return alert_noise(self.app, since_s, self.known(names))

    def outbox(self) -> delivery.Outbox:
        """What waits to be sent, and the dead letters, each with its reason."""
        from busta_health_dagster.pipeline.delivery.outbox_view import outbox_view

        return outbox_view(self.app).as_json()

    def retry(self, channel: str | None = None) -> int:
        """Give the dead letters (of one channel) another retry, -> how many."""
        from busta_health_dagster.pipeline.delivery.outbox_view import requeue

        return requeue(self.app, channel, actor=self.actor)

    def try_channel(self, channel: str) -> delivery.ChannelAnswer:
        """Send one marked message and wait for the answer."""
        from busta_health_dagster.pipeline.delivery.channel_test import channel_test

        if channel in self.app.config.policy.channels:
            with contextlib.suppress(StoreMissing), self.app.store.write() as uow:  # a new home has no log yet
                uow.audit.append(AuditEntry(self.app.now(), self.actor, "channel.test", f"channel {channel}"))
        return channel_test(self.app, channel).as_json()
