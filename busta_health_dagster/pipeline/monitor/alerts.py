"""What is open, why somebody was (not) told, and what people do about it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from busta_health_dagster.domain.access import AuditEntry
from busta_health_dagster.domain.errors import StoreMissing
from busta_health_dagster.pipeline.monitor.asked import Asked

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.documents import alerts as told
    from busta_health_dagster.domain.documents import delivery
    from busta_health_dagster.pipeline.alert_view import Wanted


class Alerts(Asked):
    """What is asked about alerts and the messages they send."""

    def alerts(self, state: Wanted, names: Sequence[str] | None = None) -> told.AlertList:
        """Alerts by state, worst first; `names` may be of sources that are configured no more, and had one."""
        from busta_health_dagster.pipeline.alert_view import listing

        if names:
            with self.app.store.read() as uow:
                gone = {a.source for a in uow.alerts.list(sources=names, limit=1000)}
            self.known([n for n in names if n not in gone])
        return listing(self.app, state, names).as_json()

    def alert(self, alert: int) -> told.AlertRow:
        from busta_health_dagster.pipeline.alert_view import row_of

        return row_of(self.app, alert).as_json()

    def explain_alert(self, alert: int) -> told.AlertStory:
        """Why was I (not) told."""
        from busta_health_dagster.pipeline import explain, story_documents

        return story_documents.alert_story(explain.explain_alert(self.app, alert))

    def explain_source(self, name: str) -> told.SourceStory:
        """Why is there (no) alert."""
        from busta_health_dagster.pipeline import explain, story_documents

        return story_documents.source_story(explain.explain_source(self.app, name))

    def acknowledge(self, ids: Sequence[int], *, note: str = "") -> list[told.AlertRow]:
        from busta_health_dagster.pipeline import alert_actions

        alert_actions.acknowledge(self.app, ids, actor=self.actor, note=note)
        return [self.alert(key) for key in ids]

    def unacknowledge(self, ids: Sequence[int], *, note: str = "") -> list[told.AlertRow]:
        from busta_health_dagster.pipeline import alert_actions

        alert_actions.unacknowledge(self.app, ids, actor=self.actor, note=note)
        return [self.alert(key) for key in ids]

    def snooze(self, ids: Sequence[int], *, for_s: float, note: str = "") -> list[told.AlertRow]:
        from busta_health_dagster.pipeline import alert_actions

        alert_actions.snooze(self.app, ids, actor=self.actor, for_s=for_s, note=note)
        return [self.alert(key) for key in ids]

    def resolve(self, ids: Sequence[int], *, note: str = "") -> list[told.AlertRow]:
        from busta_health_dagster.pipeline import alert_actions

        alert_actions.resolve(self.app, ids, actor=self.actor, note=note)
        return [self.alert(key) for key in ids]

    def outbox(self) -> delivery.Outbox:
        """What waits to be told and what died, each with its reason."""
        from busta_health_dagster.pipeline.outbox import outbox_view

        return outbox_view(self.app).as_json()

    def retry(self, channel: str | None = None) -> int:
        """Give the dead letters (of one channel) another life, -> how many."""
        from busta_health_dagster.pipeline.outbox import requeue

        return requeue(self.app, channel, actor=self.actor)

    def try_channel(self, channel: str) -> delivery.ChannelAnswer:
        """Send one marked message and wait for the answer."""
        from busta_health_dagster.pipeline.channel_test import channel_test

        if channel in self.app.config.policy.channels:
            with contextlib.suppress(StoreMissing), self.app.store.write() as uow:  # a new home has no log yet
                uow.audit.append(AuditEntry(self.app.now(), self.actor, "channel.test", f"channel {channel}"))
        return channel_test(self.app, channel).as_json()
