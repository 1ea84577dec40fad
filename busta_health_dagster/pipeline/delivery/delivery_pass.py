"""The outbox's worker: claim (a lease) -> commit -> send -> done, if it is still ours. At least once, never silently.

Each channel has a thread of its own in a pass, so that one that hangs holds no one else. A pass ends with its budget:
what is still being sent then finishes by itself, and what was claimed and not begun is put back.
"""

from __future__ import annotations

import logging
import os
import random
import socket
import threading
import time
import uuid
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from busta_health_dagster.pipeline.alerting.monotonic_clock import latest
from busta_health_dagster.pipeline.app.failpoints import failpoint
from busta_health_dagster.pipeline.delivery.attempt import SEND_TIMEOUT_S, attempt
from busta_health_dagster.pipeline.delivery.attempt_result import pass_followers_to_fallback, record_attempt
from busta_health_dagster.pipeline.delivery.breaker_state import channel_state, note_sending
from busta_health_dagster.pipeline.delivery.undelivered import drop_what_is_over

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.outbox_rows import Load, OutboxRow

LEASE_S = 60.0
"""A worker that died blocks its messages for so long. It covers the slowest attempt several times."""
BATCH = 20
"""Messages of one channel that are claimed at once."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """What a pass did. `results` counts attempts by result: delivered, retry, rejected, dead, overtaken.

    `held` says why a channel with due messages was not used. `in_flight` channels were still sending at the end.
    """

    results: Mapping[str, int] = field(default_factory=dict)
    handed_over: int = 0
    held: Mapping[str, str] = field(default_factory=dict)
    in_flight: tuple[str, ...] = ()

    @property
    def delivered(self) -> int:
        return self.results.get("delivered", 0)

    @property
    def attempts(self) -> int:
        return sum(self.results.values())


def delivery_pass(
    app: App,
    budget_s: float = 5.0,
    *,
    lease_s: float = LEASE_S,
    timeout_s: float = SEND_TIMEOUT_S,
    rng: random.Random | None = None,
) -> DeliveryReport:
    """Send what is due, for at most `budget_s`. Any number of workers may run at once, in any number of processes.
    `rng` draws the jitter of the retries.

    Raises:
        StoreError: the store cannot be asked, or it is unknown how an attempt went.
    """
    return _Pass(app, budget_s, lease_s, timeout_s, rng or random.Random()).run()  # noqa: S311  jitter


class _Pass:
    def __init__(self, app: App, budget_s: float, lease_s: float, timeout_s: float, rng: random.Random) -> None:
        self._app = app
        self._lease_s, self._timeout_s = lease_s, timeout_s
        # Real time: a receiver that hangs does so whatever our clock says.
        self._ends = time.monotonic() + budget_s
        self._owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._rng = rng
        self._lock = threading.Lock()
        self._results: Counter[str] = Counter()
        self._handed_over = 0
        self._held: dict[str, str] = {}

    def run(self) -> DeliveryReport:
        busy: dict[str, Future[None]] = {}
        pool: ThreadPoolExecutor | None = None
        failed: BaseException | None = None
        try:
            while True:
                for channel, rows in self._claim(busy).items():
                    pool = pool or ThreadPoolExecutor(64, thread_name_prefix="deliver")
                    busy[channel] = pool.submit(self._send_all, channel, rows)
                left = self._ends - time.monotonic()
                if not busy or left <= 0:
                    break
                done, _ = wait(busy.values(), timeout=left, return_when=FIRST_COMPLETED)
                for channel in [c for c, future in busy.items() if future in done]:
                    failed = busy.pop(channel).exception() or failed
                if failed is not None:
                    break
        finally:
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=False)
        if failed is not None:
            raise failed
        with self._lock:
            return DeliveryReport(dict(self._results), self._handed_over, dict(self._held), tuple(sorted(busy)))

    # Claiming: one transaction for all channels.

    def _claim(self, busy: Mapping[str, object]) -> dict[str, list[OutboxRow]]:
        if time.monotonic() >= self._ends:
            return {}
        with self._app.store.read() as uow:
            now = latest(self._app, uow)
            loads = uow.outbox.load(now)
            asked = [c for c, load in loads.items() if c not in busy and (load.due or _may_be_tried(uow, c, load, now))]
        if not asked:
            return {}
        claimed: dict[str, list[OutboxRow]] = {}
        with self._app.store.write() as uow:
            now = latest(self._app, uow)
            loads = uow.outbox.load(now)
            for channel in asked:
                rows = self._take(uow, channel, loads[channel], now) if channel in loads else []
                if rows:
                    claimed[channel] = rows
        failpoint("after_claim")
        return claimed

    def _take(self, uow: UnitOfWork, channel: str, load: Load, now: float) -> list[OutboxRow]:
        state = channel_state(uow, channel, now)
        room, why = room_of(self._app, uow, channel, load, now)
        handed_over = pass_followers_to_fallback(self._app, uow, channel, self._app.clock.now())
        drop_what_is_over(self._app, uow, channel)
        with self._lock:
            self._handed_over += handed_over
            if room:
                self._held.pop(channel, None)
            else:
                self._held[channel] = why
        if not room:
            return []
        rows = uow.outbox.claim(self._owner, room, self._lease_s, now, only=[channel])
        if not rows and _may_be_tried(uow, channel, load, now):
            rows = uow.outbox.claim_early(self._owner, channel, self._lease_s, now)
        if rows:
            note_sending(uow, channel, state, now)
        return rows

    # Sending: a thread per channel.

    def _send_all(self, channel: str, rows: list[OutboxRow]) -> None:
        left = list(rows)
        # What has not begun in half the lease is put back: another worker must not find it expired while we get to it.
        ends = min(self._ends, time.monotonic() + self._lease_s / 2)
        try:
            while left and time.monotonic() < ends:
                row = left.pop(0)
                outcome = attempt(self._app, row, self._timeout_s)
                failpoint("after_send")
                done = record_attempt(self._app, row, self._owner, outcome, self._rng)
                with self._lock:
                    self._results[done.result] += 1
                    self._handed_over += done.handed_over
                if not done.go_on:
                    break
        finally:
            self._put_back(channel, left)

    def _put_back(self, channel: str, rows: list[OutboxRow]) -> None:
        if not rows:
            return
        with self._app.store.write() as uow:
            for row in rows:
                uow.outbox.put_back(row.id, self._owner, row.due_at, early=row.early)
        _log.debug("%d messages of %s claimed and put back: no time left, or the channel fails", len(rows), channel)


def _may_be_tried(uow: UnitOfWork, channel: str, load: Load, now: float) -> bool:
    """Is a channel that was left alone due for a message that tries it, whatever the message's own backoff says?"""
    state = channel_state(uow, channel, now)
    return state.half_open and not load.sending and state.may_send(now)[0]


def room_of(app: App, uow: UnitOfWork, channel: str, load: Load, now: float) -> tuple[int, str]:
    """How many messages this channel may take now; when none, why."""
    state = channel_state(uow, channel, now)
    allowed, why = state.may_send(now)
    if not allowed:
        return 0, why
    room = 1 if state.half_open else BATCH
    spec = app.config.policy.channels.get(channel)
    if spec is not None and spec.per_minute is not None:
        wall = app.clock.now()
        used = uow.outbox.attempted_since(channel, wall - 60, wall) + load.sending
        room = min(room, max(0, spec.per_minute - used))
        if not room:
            return 0, f"rate limit: {spec.per_minute} messages a minute, {used} in the last one"
    return room, ""
