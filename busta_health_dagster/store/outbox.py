"""Messages on their way. Written in the transaction of what they tell; claimed, sent, and done only by who still owns
them.

Within one thread of one channel messages keep their order: a resolution never overtakes the alert it resolves.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, func, or_, select, update

from busta_health_dagster.engines.undelivered import Unsent
from busta_health_dagster.store.outbox_rows import Attempt, Load, Message, OutboxRow, State
from busta_health_dagster.store.schema.alerting import delivery_attempt, outbox

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from sqlalchemy import ColumnElement

    from busta_health_dagster.store.unit import UnitOfWork

_T = outbox.c
_A = delivery_attempt.c
_UNSENT = ("waiting", "sending")


class Outbox:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    def enqueue(self, messages: Iterable[Message], now: float) -> int:
        """Add them, -> how many were new: a key that is already there is the same message."""
        rows = [
            {
                "key": m.key,
                "channel": m.channel,
                "kind": m.kind,
                "thread": m.thread,
                "severity": m.severity,
                "alert_ids": json.dumps(m.alert_ids),
                "payload": json.dumps(m.payload),
                "created_at": now,
                "due_at": now if m.due_at is None else m.due_at,
                "state": "waiting",
                "attempts": 0,
                "reason": "",
                "receipt": "{}",
            }
            for m in messages
        ]
        if not rows:
            return 0
        wish = self._uow.insert(outbox).on_conflict_do_nothing(index_elements=["key"]).returning(_T.id)
        return len(self._uow.connection.execute(wish, rows).all())

    def load(self, now: float) -> dict[str, Load]:
        """What every channel with unsent messages has to do."""
        due = case((_due(now), 1), else_=0)
        sending = case(((_T.state == "sending") & (_T.lease_until > now), 1), else_=0)
        asked = select(_T.channel, func.sum(due), func.sum(sending)).where(_T.state.in_(_UNSENT))
        rows = self._uow.connection.execute(asked.group_by(_T.channel).order_by(_T.channel))
        return {channel: Load(int(n), int(m)) for channel, n, m in rows}

    def claim(
        self,
        owner: str,
        limit: int,
        lease_s: float,
        now: float,
        *,
        without: Collection[str] = (),
        only: Collection[str] = (),
    ) -> list[OutboxRow]:
        """Take up to `limit` due messages for `lease_s`, critical first. Commit before sending.

        A message whose lease ended is due again. `without` names channels to leave alone (breaker, rate limit);
        `only`, where given, the channels to take from.
        """
        earlier = outbox.alias("earlier")
        ahead = (
            select(earlier.c.id)
            .where(
                earlier.c.thread == _T.thread,
                earlier.c.channel == _T.channel,
                earlier.c.id < _T.id,
                earlier.c.state.in_(_UNSENT),
            )
            .exists()
        )
        due = _due(now)
        asked = select(_T.id).where(_T.state.in_(_UNSENT), due, or_(_T.thread == "", ~ahead))
        if without:
            asked = asked.where(_T.channel.not_in(without))
        if only:
            asked = asked.where(_T.channel.in_(only))
        asked = asked.order_by(_T.severity.desc(), _T.due_at, _T.id).limit(limit)
        ids = self._uow.connection.execute(asked.with_for_update(skip_locked=True)).scalars().all()
        if not ids:
            return []
        mine = {"state": "sending", "owner": owner, "lease_until": now + lease_s, "attempts": _T.attempts + 1}
        self._uow.connection.execute(update(outbox).where(_T.id.in_(ids), due).values(**mine))
        rows = self._uow.connection.execute(select(outbox).where(_T.id.in_(ids), _T.owner == owner))
        return sorted((_row(r) for r in rows), key=lambda r: ids.index(r.id))

    def claim_early(self, owner: str, channel: str, lease_s: float, now: float) -> list[OutboxRow]:
        """The oldest message that waits for its next attempt on this channel, though its time has not come."""
        waits = (_T.channel == channel) & (_T.state == "waiting") & (_T.attempts > 0)
        asked = select(_T.id).where(waits).order_by(_T.id).limit(1)
        key = self._uow.connection.execute(asked.with_for_update(skip_locked=True)).scalar_one_or_none()
        if key is None:
            return []
        mine = {"state": "sending", "owner": owner, "lease_until": now + lease_s}
        self._uow.connection.execute(update(outbox).where(_T.id == key).values(**mine))
        rows = self._uow.connection.execute(select(outbox).where(_T.id == key))
        return [replace(_row(r), early=True) for r in rows]

    def unsent(self, channel: str) -> list[Unsent]:
        """What is not delivered on a channel and belongs to a thread, oldest first."""
        columns = (_T.id, _T.kind, _T.thread, _T.alert_ids, _T.created_at, _T.state)
        asked = select(*columns).where(_T.channel == channel, _T.state.in_(_UNSENT), _T.thread != "").order_by(_T.id)
        return [
            Unsent(r.id, r.kind, r.thread, tuple(json.loads(r.alert_ids)), r.created_at, r.state == "waiting")
            for r in self._uow.connection.execute(asked)
        ]

    def drop(self, key: int, reason: str, now: float) -> bool:
        """Not to be sent any more. False: someone sends it already."""
        gone = {"state": "dropped", "finished_at": now, "reason": reason}
        waits = (_T.id == key) & (_T.state == "waiting")
        return self._uow.connection.execute(update(outbox).where(waits).values(**gone)).rowcount == 1

    def extend(self, key: int, owner: str, lease_s: float, now: float) -> bool:
        """More time for a slow channel; False: it is someone else's now."""
        return self._finish(key, owner, lease_until=now + lease_s)

    def complete(
        self, key: int, owner: str, now: float, *, receipt: Mapping[str, Any] | None = None, detail: str = ""
    ) -> bool:
        """Delivered. False: the lease ended and someone else owns it now; at worst the other side got it twice."""
        done = {"state": "done", "finished_at": now, "receipt": json.dumps(dict(receipt or {})), "reason": detail}
        return self._finish(key, owner, **done) and self._attempted(key, now, "delivered", detail)

    def retry(self, key: int, owner: str, at: float, reason: str, now: float, *, reached: Collection[str] = ()) -> bool:
        """Not now, again at `at`; without the recipients who were `reached`. False: not the owner any more."""
        later: dict[str, Any] = {"state": "waiting", "due_at": at, "owner": None, "lease_until": None, "reason": reason}
        if reached:
            later["receipt"] = json.dumps({"reached": list(reached)})
        return self._finish(key, owner, **later) and self._attempted(key, now, "retry", reason)

    def dead(self, key: int, owner: str, reason: str, now: float) -> bool:
        """Never, as it is. False: not the owner any more."""
        gone = {"state": "dead", "finished_at": now, "reason": reason}
        return self._finish(key, owner, **gone) and self._attempted(key, now, "dead", reason)

    def put_back(self, key: int, owner: str, at: float, *, early: bool = False) -> bool:
        """Claimed and not tried (no time left, breaker open): that was no attempt. `claim_early` has counted none."""
        attempts = _T.attempts if early else _T.attempts - 1
        back = {"state": "waiting", "due_at": at, "owner": None, "lease_until": None, "attempts": attempts}
        return self._finish(key, owner, **back)

    def left_behind(self, channel: str, mark: str) -> list[OutboxRow]:
        """What waits behind a message of its thread that was handed over (`mark` ends its copy's key), oldest first."""
        head, copy, mine = outbox.alias("head"), outbox.alias("copy"), outbox.alias("mine")
        notified = select(copy.c.id).where(copy.c.key == head.c.key + mark).exists()
        same = (head.c.thread == _T.thread) & (head.c.channel == channel) & (head.c.id < _T.id)
        stuck = select(head.c.id).where(same, head.c.state.in_(_UNSENT), head.c.attempts > 0, notified).exists()
        already = select(mine.c.id).where(mine.c.key == _T.key + mark).exists()
        waits = (_T.channel == channel) & (_T.state == "waiting") & (_T.thread != "") & ~already & stuck
        return [_row(r) for r in self._uow.connection.execute(select(outbox).where(waits).order_by(_T.id))]

    def hasten(self, channel: str, now: float) -> int:
        """The channel answers again: what waits for its next attempt there is due now, -> how many."""
        waits = (_T.channel == channel) & (_T.state == "waiting") & (_T.attempts > 0) & (_T.due_at > now)
        return self._uow.connection.execute(update(outbox).where(waits).values(due_at=now)).rowcount

    def requeue(self, now: float, ids: Collection[int] | None = None) -> int:
        """Give dead messages (all, or these) another retry with a fresh count of attempts, -> how many."""
        wish = update(outbox).where(_T.state == "dead")
        if ids is not None:
            wish = wish.where(_T.id.in_(ids))
        again = {
            "state": "waiting",
            "due_at": now,
            "owner": None,
            "lease_until": None,
            "attempts": 0,
            "finished_at": None,
        }
        return self._uow.connection.execute(wish.values(**again)).rowcount

    def of_alert(self, alert_id: int, since: float) -> list[OutboxRow]:
        """Messages about this alert, oldest first; `since` (when it opened) bounds the search."""
        asked = select(outbox).where(_T.created_at >= since, _T.alert_ids != "[]").order_by(_T.id)
        rows = (_row(r) for r in self._uow.connection.execute(asked))
        return [row for row in rows if alert_id in row.message.alert_ids]

    def event_words(self, thread: str, channel: str = "") -> set[int]:
        """The ids of every alert that a message of this thread was about, on one channel or on any."""
        asked = select(_T.alert_ids).where(_T.thread == thread)
        rows = self._uow.connection.execute(asked.where(_T.channel == channel) if channel else asked).scalars()
        return {key for ids in rows for key in json.loads(ids)}

    def attempts(self, key: int) -> list[Attempt]:
        rows = self._uow.connection.execute(select(delivery_attempt).where(_A.outbox_id == key).order_by(_A.id))
        return [Attempt(r.at, r.outcome, r.reason) for r in rows]

    def thread(self, thread: str, channel: str) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """The newest receipt of a thread on a channel, and the keys of all its delivered messages, oldest first."""
        asked = select(_T.key, _T.receipt).where(_T.thread == thread, _T.channel == channel, _T.state == "done")
        rows = self._uow.connection.execute(asked.order_by(_T.id)).all() if thread else []
        receipts = (json.loads(r.receipt) for r in reversed(rows))
        return next(filter(None, receipts), {}), tuple(r.key for r in rows)

    def of_thread(self, thread: str) -> tuple[OutboxRow, ...]:
        """Every message of a thread, on every channel, oldest first."""
        asked = select(outbox).where(_T.thread == thread).order_by(_T.id)
        return tuple(_row(r) for r in self._uow.connection.execute(asked)) if thread else ()

    def attempted_since(self, channel: str, since: float, until: float | None = None) -> int:
        """How many attempts a channel has had lately, for its rate limit; `until` leaves out those of a wrong clock."""
        asked = select(func.count()).select_from(delivery_attempt).where(_A.channel == channel, _A.at >= since)
        if until is not None:
            asked = asked.where(_A.at <= until)
        return int(self._uow.connection.execute(asked).scalar_one())

    def delivered_since(self, since: float) -> int:
        """How many messages have arrived since then, on any channel."""
        asked = select(func.count()).select_from(outbox).where(_T.state == "done", _T.finished_at >= since)
        return int(self._uow.connection.execute(asked).scalar_one())

    def counts(self) -> dict[str, int]:
        """State -> messages."""
        rows = self._uow.connection.execute(select(_T.state, func.count()).group_by(_T.state))
        return {"waiting": 0, "sending": 0, "done": 0, "dead": 0, "dropped": 0} | {state: n for state, n in rows}  # noqa: C416

    def oldest_age_s(self, now: float) -> float:
        """How long the oldest unsent message has been waiting; 0 when none is."""
        asked = select(func.min(_T.created_at)).where(_T.state.in_(_UNSENT))
        oldest = self._uow.connection.execute(asked).scalar_one()
        return 0.0 if oldest is None else max(now - oldest, 0.0)

    def _finish(self, key: int, owner: str, /, **values: Any) -> bool:
        mine = (_T.id == key) & (_T.owner == owner) & (_T.state == "sending")
        return self._uow.connection.execute(update(outbox).where(mine).values(**values)).rowcount == 1

    def _attempted(self, key: int, now: float, outcome: str, reason: str) -> bool:
        channel = select(_T.channel).where(_T.id == key).scalar_subquery()
        row = {"outbox_id": key, "at": now, "outcome": outcome, "reason": reason}
        self._uow.connection.execute(delivery_attempt.insert().values(**row, channel=channel))
        return True

    def partial(self, since: float, limit: int = 200) -> list[OutboxRow]:
        """Delivered since then, and not to everyone: some recipients were refused for good. Newest first."""
        some = (_T.state == "done") & (_T.finished_at >= since) & _T.receipt.contains('"refused"')
        return [
            _row(r)
            for r in self._uow.connection.execute(select(outbox).where(some).order_by(_T.id.desc()).limit(limit))
        ]

    def list(self, *states: State, limit: int = 200, before: int | None = None) -> list[OutboxRow]:
        """Newest first; without states everything that is not done."""
        asked = select(outbox).where(_T.state.in_(states or (*_UNSENT, "dead"))).order_by(_T.id.desc()).limit(limit)
        if before is not None:
            asked = asked.where(_T.id < before)
        return [_row(r) for r in self._uow.connection.execute(asked)]


def _due(now: float) -> ColumnElement[bool]:
    return or_((_T.state == "waiting") & (_T.due_at <= now), (_T.state == "sending") & (_T.lease_until <= now))


def _row(r: Any) -> OutboxRow:
    message = Message(
        r.key, r.channel, r.kind, json.loads(r.payload), r.thread, r.severity, tuple(json.loads(r.alert_ids)), r.due_at
    )
    return OutboxRow(
        r.id,
        message,
        r.created_at,
        r.due_at,
        r.state,
        r.attempts,
        r.owner,
        r.lease_until,
        r.reason,
        r.finished_at,
        json.loads(r.receipt),
    )
