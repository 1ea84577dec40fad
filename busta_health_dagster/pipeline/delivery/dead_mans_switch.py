"""The outgoing heartbeat: someone outside alarms when it stops. Sent only while ticks are fresh and messages leave.

A monitor that is dead, or that reaches no one any more, cannot say so itself.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from busta_health_dagster.channels.transport import evaluated, post
from busta_health_dagster.domain.delivery import Delivered, Outcome, Rejected
from busta_health_dagster.domain.errors import MissingSecret
from busta_health_dagster.pipeline.app.freshness import LAST_TICK, clock_set_back, ticks_are_stale
from busta_health_dagster.wording.durations import ago, duration_text

if TYPE_CHECKING:
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

LAST_HEARTBEAT = "dead_mans_switch"
"""Key of what became of the newest beat: at, sent, reason."""
STUCK_AFTER_S = 900
TIMEOUT_S = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """`sent`: the other side accepted it. Else `reason` says why it was not sent or not accepted."""

    at: int
    sent: bool
    reason: str


def heartbeat(app: App) -> Heartbeat | None:
    """Call the URL if it is time and nothing is wrong. None: not configured, or not time yet.

    Raises:
        StoreError: the store cannot be asked, so nothing can be vouched for.
    """
    switch = app.config.settings.dead_mans_switch
    if switch is None or app.drill:
        return None
    now = app.now()
    with app.store.read() as uow:
        last = uow.meta.get(LAST_HEARTBEAT)
        if last is not None and last["sent"] and 0 <= now - last["at"] < switch.every - 1:
            return None
        why = why_silent(app, uow, now)
    if why:
        result = Heartbeat(now, sent=False, reason=f"held back: {why}")
    else:
        outcome = _call(app)
        result = Heartbeat(now, isinstance(outcome, Delivered), _reason(app, outcome))
    with app.store.write() as uow:
        uow.meta.put(LAST_HEARTBEAT, {"at": result.at, "sent": result.sent, "reason": result.reason})
        uow.counters.add({f'busta_dead_mans_switch_total{{result="{"sent" if result.sent else "not_sent"}"}}': 1})
    if not result.sent and (last is None or last["sent"]):  # the turn, not every ten seconds after it
        _log.warning("the dead-man's switch was not called: %s", result.reason)
    return result


def why_silent(app: App, uow: UnitOfWork, now: int) -> str:
    """Why no one should believe that the monitor is up; nothing when it is."""
    tick = uow.meta.get(LAST_TICK)
    if tick is None:
        return "no tick has run yet"
    if ticks_are_stale(tick["at"], now, app.config.tick_s):
        return f"the last tick was {ago(tick['at'], now)}"
    if ahead := clock_set_back(app.config.sources, uow.states.all(), now):
        return ahead
    oldest = uow.outbox.oldest_age_s(now)
    if oldest > STUCK_AFTER_S and uow.outbox.delivered_since(now - oldest) == 0:
        return f"no message has left for {duration_text(oldest)}, and some wait: see busta alerts outbox"
    return ""


def _call(app: App) -> Outcome:
    switch = app.config.settings.dead_mans_switch
    assert switch is not None
    try:
        url = switch.url if isinstance(switch.url, str) else app.secrets(switch.url)
    except MissingSecret as missing:
        return Rejected(str(missing))
    context = app.channels.context(TIMEOUT_S)
    refuse = None if switch.allow_private else context.refuse_address
    answer = post(url, b"", {"user-agent": "busta_health_dagster"}, timeout_s=TIMEOUT_S, refuse=refuse)
    return evaluated(answer, urlsplit(url).hostname or "the switch's host", now=context.now)


def _reason(app: App, outcome: Outcome) -> str:
    if isinstance(outcome, Delivered):
        return "accepted"
    return app.secrets.scrub(str(outcome) if isinstance(outcome, Rejected) else outcome.reason)
