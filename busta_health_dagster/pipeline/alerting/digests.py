"""Daily digests: what was collected for a channel becomes one message, once a day, in the transaction of an alert pass.

What is collected stands in the store among the notifications that were not sent; here is only kept until when each channel waits,
and after which of them it began to wait. A digest that was due while the monitor was down is sent by the first pass after it, and one whose
route has lost it meanwhile at the time that it was promised for.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.alert import AlertState
from busta_health_dagster.domain.digest import Digest
from busta_health_dagster.domain.notification import Notification, NotificationKind
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.engines.alerting.digest import digest_items
from busta_health_dagster.pipeline.app.links import base_url
from busta_health_dagster.reports.digest import digest_facts
from busta_health_dagster.store.outbox_rows import Message

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.pipeline.alerting.changes import Record
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

_KEY = "digests"


def note_collected(uow: UnitOfWork, records: Iterable[Record], now: int) -> None:
    """Channels for which this pass has collected something, and is about to write it, wait for their next digest from now on."""
    found: dict[str, tuple[str, Digest]] = {}
    before = uow.suppressions.newest()
    for record in records:
        by_reason = {x.digest.reason: x.digest for x in record.alert.ladders if x.digest is not None}
        for skipped in record.not_sent if by_reason else ():
            if (digest := by_reason.get(skipped.reason)) is not None:
                found[f"{skipped.channel} {digest.text}"] = (skipped.channel, digest)
    if not found:
        return
    waiting: dict[str, Any] = uow.meta.get(_KEY, {})
    for key, (channel, digest) in found.items():
        known = waiting.get(key, {"due": None})
        if known["due"] is None:
            known |= {"due": digest.next(now), "since": now, "after": before}
        waiting[key] = known | {"channel": channel, "minute": digest.minute, "zone": digest.zone}
    uow.meta.put(_KEY, waiting)


def send_due(app: App, uow: UnitOfWork, now: int) -> None:
    """Put every digest whose time has come into the outbox."""
    waiting: dict[str, Any] = uow.meta.get(_KEY, {})
    changed = False
    for one in waiting.values():
        if one["due"] is None:
            continue
        digest = Digest(one["minute"], one["zone"])
        soonest = digest.next(now)
        if one["due"] <= now:
            rows = uow.suppressions.collected(one["channel"], digest.reason, one["after"])
            message = _message(app, uow, one["channel"], digest, rows, (one["since"], now)) if rows else None
            if message is not None:
                uow.outbox.enqueue([message], now)
            one |= {"due": None, "since": None}
            changed = True
        elif one["due"] > soonest:  # the clock was ahead when it was promised
            one |= {"due": soonest, "since": min(one["since"], now)}
            changed = True
    if changed:
        uow.meta.put(_KEY, waiting)


def _message(
    app: App, uow: UnitOfWork, channel: str, digest: Digest, rows: list[Any], span: tuple[int, int]
) -> Message | None:
    since, now = span
    stored = uow.alerts.by_ids({key for _, key, _ in rows if key is not None})
    newest = {a.fingerprint: a for a in stored}  # by id: a later alert of a fingerprint replaces an earlier one
    known = {name: alert for name, alert in newest.items() if not _knows_more(uow, alert, channel)}
    items = digest_items((one for _, _, one in rows), known)
    if not items:
        return None
    unchanged = [a for a in uow.alerts.open() if _still_waits(a, channel, digest) and a.fingerprint not in newest]
    facts = digest_facts(items, unchanged, digest, since=since, at=now, base_url=base_url(app, uow))
    note = Notification(NotificationKind.REPORT, now, report=facts, base_url=base_url(app, uow), drill=app.drill)
    ids = tuple(item.alert.id for item in items if item.alert.id is not None)
    key = f"digest-{channel}-{rows[-1][0]}"
    payload = json.loads(note.to_json())
    return Message(key, channel, NotificationKind.REPORT.value, payload, key, int(Severity.WARNING), ids)


def _knows_more(uow: UnitOfWork, alert: Alert, channel: str) -> bool:
    """Became it critical, and was the channel sent that? Then it knows more than a digest could say."""
    if alert.severity < Severity.CRITICAL or alert.id is None:
        return False
    sent = uow.outbox.of_alert(alert.id, alert.opened_at or 0)
    return any(row.message.channel == channel and row.message.kind != NotificationKind.REPORT for row in sent)


def _still_waits(alert: Alert, channel: str, digest: Digest) -> bool:
    named = any(x.digest == digest and channel in x.names for x in alert.ladders)
    return named and channel in alert.notified and alert.state is AlertState.OPEN and alert.severity < Severity.CRITICAL
