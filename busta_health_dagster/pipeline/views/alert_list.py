"""Alerts as lists show them, in the terminal, over REST and in Dagster: one row each, with what happens next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import PAST_SHOWN, Alert, AlertState
from busta_health_dagster.domain.units import from_epoch, iso
from busta_health_dagster.engines.alerting.digest import collected
from busta_health_dagster.engines.alerting.escalation import Upcoming, is_recovering, upcoming
from busta_health_dagster.engines.alerting.muting import muted
from busta_health_dagster.pipeline.alerting.monotonic_clock import read_clock
from busta_health_dagster.pipeline.views.root_causes import RootCauseLine, root_cause_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from busta_health_dagster.domain.documents.alerts import AlertBrief, AlertList, AlertRow
    from busta_health_dagster.pipeline.app.app import App


class Wanted(StrEnum):
    """`--state`: open ones include acknowledged and snoozed ones; `all` adds pending, shadow and resolved ones."""

    OPEN = "open"
    ACKED = "acked"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"
    ALL = "all"


def clock(at: float, now: float) -> str:
    """08:50 today, 21 Nov 14:02 otherwise; UTC."""
    moment, today = from_epoch(at), from_epoch(now)
    return f"{moment:%H:%M}" if moment.date() == today.date() else f"{moment:%d %b %H:%M}"


@dataclass(frozen=True, slots=True)
class Row:
    """One alert at one moment. `next` is None while the clock stands, or when nothing is left to say."""

    alert: Alert
    now: int
    next: Upcoming | None = None

    @property
    def open_s(self) -> int | None:
        """How long it has been open, or was."""
        a = self.alert
        return None if a.opened_at is None else max((a.resolved_at or self.now) - a.opened_at, 0)

    @property
    def acknowledged(self) -> str:
        """`no`, or who and when."""
        ack = self.alert.ack
        return "no" if ack is None else f"{ack.by}, {clock(ack.at, self.now)}"

    @property
    def coming(self) -> str:
        """`pager 09:55`, `repeats 12:00`, `resumes 10:30`, `chat is muted until 09:00`, or why nothing comes."""
        a, now = self.alert, self.now
        if a.suppressed_by and a.active:
            return f"held by {a.suppressed_by}"
        if a.state is AlertState.PENDING:
            return f"pending {a.progress}"
        if a.state is not AlertState.OPEN:
            return f"{a.state.value} {clock(a.resolved_at or now, now)}"
        if a.snoozed is not None:
            return f"snoozed until {clock(a.snoozed.ends_at, now)}"
        if a.ack is not None:
            return f"resumes {clock(a.ack.ends_at, now)}"
        if (waits := muted(a, now)) is not None:
            channels, until = waits
            return f"{' + '.join(channels)} is muted until {clock(until, now)}"
        if (digest := collected(a, now)) is not None and (self.next is None or self.next.at > digest[1]):
            return f"{' + '.join(digest[0])}: digest {clock(digest[1], now)}"
        if is_recovering(a):
            return "when it fails again, or is steady"
        if self.next is None:
            return "nothing more"
        if self.next.repeat:
            return f"repeats {clock(self.next.at, now)}"
        new = [c for c in self.next.channels if c not in a.notified] or list(self.next.channels)
        return f"{' + '.join(new)} {clock(self.next.at, now)}"

    def as_json(self) -> AlertRow:
        """The shape of `alerts list -o json` and of REST: UTC instants, numbers or null."""
        a, coming = self.alert, self.next
        hold = a.ack
        return {
            "id": a.id,
            "fingerprint": a.fingerprint,
            "source": a.source,
            "rule": a.rule,
            "label": a.label or None,
            "severity": a.severity.word,
            "state": a.state.value,
            "shadow": a.shadow,
            "pending_at": iso(a.pending_at),
            "opened_at": iso(a.opened_at),
            "resolved_at": iso(a.resolved_at),
            "first_bad_at": iso(a.first_bad_slot),
            "last_bad_at": iso(a.last_bad_slot),
            "open_s": self.open_s,
            "progress": a.progress,
            "step": a.step,
            "steps": a.steps,
            "policy": a.ladders[0].policy.name if a.ladders else None,
            "acknowledged": self.acknowledged,
            "acked_by": hold.by if hold else None,
            "acked_at": iso(hold.at) if hold else None,
            "acked_until": iso(hold.ends_at) if hold else None,
            "note": (hold.note or None) if hold else None,
            "snoozed_by": a.snoozed.by if a.snoozed else None,
            "snoozed_until": iso(a.snoozed.ends_at) if a.snoozed else None,
            "suppressed_by": a.suppressed_by or None,
            "flapping": a.flapping,
            "reopened": a.reopened,
            "value": a.value,
            "limit": a.limit,
            "worst": a.worst,
            "reason": a.bad_reason or a.reason,
            "resolve_reason": a.resolve_reason or None,
            "notified": list(a.notified),
            "group": a.group_key or None,
            "message": a.thread or None,
            "cause": a.cause or None,
            "coming": self.coming,
            "next": None
            if coming is None
            else {
                "at": iso(coming.at),
                "step": coming.step,
                "notify": list(coming.channels),
                "repeat": coming.repeat,
                "resumes": coming.resumes,
            },
        }


@dataclass(frozen=True, slots=True)
class Listing:
    """What was asked for, worst and longest first, then what is over, the newest end first; and what stands behind it: pending,
    held back, shadow. `total` counts the rows of all pages.
    """

    rows: tuple[Row, ...]
    open: int
    unacknowledged: int
    pending: tuple[Alert, ...] = ()
    held: tuple[Alert, ...] = ()
    inhibited: tuple[Alert, ...] = ()
    shadow: tuple[Alert, ...] = ()
    causes: tuple[RootCauseLine, ...] = ()
    total: int = 0

    def as_json(self) -> AlertList:
        """The rows of `alerts list -o json`, and what stands behind them."""
        return {
            "items": [row.as_json() for row in self.rows],
            "summary": {
                "open": self.open,
                "unacknowledged": self.unacknowledged,
                "pending": _brief(self.pending),
                "held": _brief(self.held),
                "inhibited": _brief(self.inhibited),
                "shadow": _brief(self.shadow),
                "causes": [line.as_json() for line in self.causes],
            },
        }


def _brief(alerts: Iterable[Alert]) -> list[AlertBrief]:
    return [{"id": a.id, "source": a.source, "rule": a.rule, "progress": a.progress} for a in alerts]


def listing(
    app: App,
    wanted: Wanted = Wanted.OPEN,
    sources: Sequence[str] | None = None,
    *,
    offset: int = 0,
    limit: int | None = None,
    past: int = PAST_SHOWN,
) -> Listing:
    """Alerts of all sources or of these, by state. Without `limit` every one that is not over and the `past` newest of the others;
    with it a page of the whole history. Reads only.
    """
    now = app.now()
    with app.store.read() as uow:
        steady = read_clock(app, uow).at
        every = [a for a in uow.alerts.watched().values() if a.active]
        active = [a for a in every if not sources or a.source in sources]
        states = uow.states.all() if any(a.cause for a in every) else {}
        causes = [
            line
            for line in root_cause_lines(app.config.sources, every, states)
            if any(a in active for a in line.alerts)
        ]
        now_listed = _active(active, wanted)
        begin = max(offset - len(now_listed), 0)
        room = past if limit is None else max(offset + limit - len(now_listed), 0) - begin
        total, over = (
            uow.alerts.over(sources=sources or (), offset=begin, limit=room)
            if wanted in {Wanted.RESOLVED, Wanted.ALL}
            else (0, ())
        )
    live = _active(active, Wanted.OPEN)
    waiting = [a for a in active if a.state is AlertState.PENDING and not a.shadow]
    first = sorted((Row(a, now, _upcoming(a, now, steady)) for a in now_listed), key=_urgency)
    shown = first[offset:] if limit is None else first[offset : offset + limit]
    return Listing(
        rows=(*shown, *(Row(a, now) for a in over)),
        total=len(first) + total,
        open=len(live),
        unacknowledged=sum(a.ack is None for a in live),
        pending=tuple(_by_id(a for a in waiting if not a.suppressed_by)),
        held=tuple(_by_id(a for a in (*waiting, *live) if a.suppressed_by.startswith("maintenance"))),
        inhibited=tuple(
            _by_id(a for a in waiting if a.suppressed_by and not a.suppressed_by.startswith("maintenance"))
        ),
        shadow=tuple(_by_id(a for a in active if a.shadow and a.state is AlertState.OPEN)),
        causes=tuple(causes),
    )


def row_of(app: App, key: int) -> Row:
    """One alert. Raises UnknownName."""
    with app.store.read() as uow:
        alert = uow.alerts.get(key)
        steady = read_clock(app, uow).at
    now = app.now()
    return Row(alert, now, _upcoming(alert, now, steady))


def _active(active: Sequence[Alert], wanted: Wanted) -> list[Alert]:
    """Those of the state that was asked for which are not over."""
    live = [a for a in active if a.state is AlertState.OPEN and not a.shadow]
    return {
        Wanted.OPEN: live,
        Wanted.ACKED: [a for a in live if a.ack is not None],
        Wanted.SNOOZED: [a for a in live if a.snoozed is not None],
        Wanted.RESOLVED: [],
        Wanted.ALL: list(active),
    }[wanted]


def _upcoming(alert: Alert, now: int, steady: float) -> Upcoming | None:
    return upcoming(alert, now, steady) if alert.state is AlertState.OPEN else None


def _by_id(alerts: Iterable[Alert]) -> list[Alert]:
    return sorted(alerts, key=lambda a: a.id or 0)


def _urgency(row: Row) -> tuple[bool, bool, int, int, int]:
    """Open before pending; unacknowledged first, then by severity, then the longest."""
    a = row.alert
    begun = a.opened_at or a.pending_at or 0
    return (
        a.state is not AlertState.OPEN,
        a.ack is not None or a.snoozed is not None,
        -int(a.severity),
        begun,
        a.id or 0,
    )
