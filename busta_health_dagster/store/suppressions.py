"""What was not sent, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from busta_health_dagster.domain.alert import Event
from busta_health_dagster.engines.alerting.transition import NotSent
from busta_health_dagster.store.schema.alerting import suppression

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.store.unit import UnitOfWork


class Suppressions:
    """Every notification that was not sent, with its reason."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def append(self, not_sent: Iterable[NotSent], ids: dict[str, int] | None = None) -> None:
        """`ids` are the alerts' ids by fingerprint, where there is one."""
        known = ids or {}
        rows = [
            {
                "alert_id": known.get(n.fingerprint),
                "fingerprint": n.fingerprint,
                "at": n.at,
                "channel": n.channel,
                "event": n.event.value,
                "reason": n.reason,
            }
            for n in not_sent
        ]
        if rows:
            self._uow.connection.execute(suppression.insert(), rows)

    def of(self, alert_id: int) -> list[NotSent]:
        c = suppression.c
        return self._read(select(suppression).where(c.alert_id == alert_id))

    def of_source(self, source: str, since: int) -> list[NotSent]:
        """Why no one was notified of this source, newest last."""
        c = suppression.c
        return self._read(
            select(suppression).where(c.fingerprint.startswith(f"{source}/", autoescape=True), c.at >= since)
        )

    def newest(self) -> int:
        """The highest number in use: what is written next has a higher one. It may be lower than that of a row that was pruned."""
        return int(self._uow.connection.execute(select(func.max(suppression.c.id))).scalar_one() or 0)

    def collected(self, channel: str, reason: str, after: int) -> list[tuple[int, int | None, NotSent]]:
        """What was put off for a channel with this reason, oldest first: (its number, the alert's id, itself), from the number
        `after` on.
        """
        c = suppression.c
        asked = select(suppression).where(c.id > after, c.channel == channel, c.reason == reason).order_by(c.id)
        return [
            (r.id, r.alert_id, NotSent(r.at, r.fingerprint, r.channel, Event(r.event), r.reason))
            for r in self._uow.connection.execute(asked)
        ]

    def _read(self, asked: Any) -> list[NotSent]:
        rows = self._uow.connection.execute(asked.order_by(suppression.c.id))
        return [NotSent(r.at, r.fingerprint, r.channel, Event(r.event), r.reason) for r in rows]
