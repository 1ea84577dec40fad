"""Finished reports, and what a report reads that no other question needs: messages, slots that were checked."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import func, select, text, update

from busta_health_dagster.domain.alert import Event
from busta_health_dagster.store.schema.alerting import outbox, suppression
from busta_health_dagster.store.schema.observing import source_state
from busta_health_dagster.store.schema.reporting import report

if TYPE_CHECKING:
    from busta_health_dagster.store.unit import UnitOfWork

_R = report.c
_SLOTS = """
WITH RECURSIVE tick(slot) AS (
    SELECT min(slot) FROM observation WHERE slot >= :since AND slot < :until
    UNION ALL
    SELECT (SELECT min(o.slot) FROM observation o WHERE o.slot > tick.slot AND o.slot < :until)
    FROM tick WHERE tick.slot IS NOT NULL
)
SELECT slot FROM tick WHERE slot IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class KeptReport:
    """A finished report. `data` is its JSON, "" where a list leaves it out."""

    name: str
    period: str
    since: int
    until: int
    written_at: int
    sent_at: int | None
    headline: str
    data: str = ""


@dataclass(frozen=True, slots=True)
class SentMessage:
    """One message of the outbox as delivery sees it; instants are epoch seconds."""

    channel: str
    kind: str
    state: str
    alert_ids: tuple[int, ...]
    thread: str
    created_at: float
    finished_at: float | None
    attempts: int
    reason: str


class Reports:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def put(self, kept: KeptReport) -> None:
        """Keep a report; a second one of the same name and period replaces the first and remembers when that was
        sent.
        """
        row = {
            "name": kept.name,
            "period": kept.period,
            "since": kept.since,
            "until": kept.until,
            "written_at": kept.written_at,
            "sent_at": kept.sent_at,
            "headline": kept.headline,
            "data": zlib.compress(kept.data.encode(), 6),
        }
        wish = self._uow.insert(report).values(row)
        fields = {c: wish.excluded[c] for c in ("since", "until", "written_at", "headline", "data")}
        self._uow.connection.execute(wish.on_conflict_do_update(index_elements=["name", "period"], set_=fields))

    def sent(self, name: str, period: str, at: int) -> bool:
        """Remember that it is on its way; False: it was before."""
        mine = (_R.name == name) & (_R.period == period) & _R.sent_at.is_(None)
        return self._uow.connection.execute(update(report).where(mine).values(sent_at=at)).rowcount == 1

    def get(self, name: str, period: str) -> KeptReport | None:
        found = self._uow.connection.execute(select(report).where(_R.name == name, _R.period == period)).first()
        if found is None:
            return None
        whole = zlib.decompress(found.data).decode()
        head = (found.name, found.period, found.since, found.until, found.written_at, found.sent_at, found.headline)
        return KeptReport(*head, data=whole)

    def first_slot(self, name: str | None = None) -> int | None:
        """The oldest scheduled observation that was ever stored (of a source), also when it has been deleted since."""
        asked = select(func.min(source_state.c.first_slot))
        if name is not None:
            asked = asked.where(source_state.c.source_id == self._uow.sources.get(name).id)
        return self._uow.connection.execute(asked).scalar_one_or_none()

    def slots_seen(self, since: int, until: int) -> list[int]:
        """Every slot of [since, until) in which anything was checked, in order: one seek each."""
        return list(self._uow.connection.execute(text(_SLOTS), {"since": since, "until": until}).scalars())

    def messages(self, since: int, until: int) -> list[SentMessage]:
        """Messages written in [since, until), oldest first."""
        c = outbox.c
        columns = (
            c.channel,
            c.kind,
            c.state,
            c.alert_ids,
            c.thread,
            c.created_at,
            c.finished_at,
            c.attempts,
            c.reason,
        )
        asked = select(*columns).where(c.created_at >= since, c.created_at < until).order_by(c.id)
        return [
            SentMessage(
                r.channel,
                r.kind,
                r.state,
                tuple(json.loads(r.alert_ids)),
                r.thread,
                r.created_at,
                r.finished_at,
                r.attempts,
                r.reason,
            )
            for r in self._uow.connection.execute(asked)
        ]

    def held_back(self, since: int, until: int) -> list[tuple[str, int, Event, str]]:
        """(fingerprint, at, event, reason) of everything that was not sent in [since, until)."""
        c = suppression.c
        asked = select(c.fingerprint, c.at, c.event, c.reason).where(c.at >= since, c.at < until).order_by(c.id)
        return [(r.fingerprint, r.at, Event(r.event), r.reason) for r in self._uow.connection.execute(asked)]

    def list(self, name: str, limit: int = 200) -> list[KeptReport]:
        """Newest period first, without their data."""
        columns = (_R.name, _R.period, _R.since, _R.until, _R.written_at, _R.sent_at, _R.headline)
        asked = select(*columns).where(_R.name == name).order_by(_R.since.desc()).limit(limit)
        return [KeptReport(*row) for row in self._uow.connection.execute(asked)]
