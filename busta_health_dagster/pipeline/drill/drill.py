"""A drill: a simulated source fails, escalates, is acknowledged and gets well, through real rules, routes and channels.

Every message is marked DRILL. The proof is not that we sent, but that each channel accepted, and how long it took.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.alert import Alert, AlertState
from busta_health_dagster.domain.errors import BadInput, UnknownName
from busta_health_dagster.domain.notification import NotificationKind
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.engines.alerting.escalation import upcoming
from busta_health_dagster.engines.fallback import failed_channels
from busta_health_dagster.pipeline.alerting.actions import acknowledge
from busta_health_dagster.pipeline.alerting.monotonic_clock import read_clock
from busta_health_dagster.pipeline.drill.stage import Stage, stage
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from busta_health_dagster.domain.policy import AlertPolicy
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store.outbox_rows import OutboxRow

MOST_OBSERVATIONS = 60
"""Observations after which a drill gives up waiting for an alert to open or to end."""
ACTOR = "drill"


@dataclass(frozen=True, slots=True)
class Notified:
    """One channel's answer. `took_s` from the stored message to its acceptance."""

    channel: str
    ok: bool
    took_s: float | None
    result: str


@dataclass(frozen=True, slots=True)
class DrillStep:
    """One step: who should have heard of it, who has, and whether that is right. `took_s` where no one is notified."""

    name: str
    expected: tuple[str, ...]
    notified: tuple[Notified, ...]
    ok: bool
    result: str
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class DrillReport:
    """`not_tried` are channels that no step of the route names. Seconds are real ones."""

    source: str
    rule: str
    escalations: tuple[str, ...]
    steps: tuple[DrillStep, ...]
    not_tried: tuple[str, ...]
    lost: int
    twice: int
    took_s: float

    @property
    def passed(self) -> bool:
        return bool(self.steps) and all(s.ok for s in self.steps) and not self.lost and not self.twice

    def as_json(self) -> dict[str, Any]:
        from dataclasses import asdict

        return {**asdict(self), "passed": self.passed}


def drill_source(app: App, name: str | None) -> Source:
    """The source to play with: the one named, else the most important.

    Raises:
        UnknownName, BadInput: no such source; none at all.
    """
    sources = app.config.sources
    if not sources:
        raise BadInput("No source is configured, so there is nothing to drill with. Add one to sources.yaml.")
    if name is None:
        return min(sources.values(), key=lambda s: (s.tier, s.interval_s))
    if name not in sources:
        raise UnknownName(f"There is no source {name!r}; see which there are with: busta sources list")
    return sources[name]


def with_channel(app: App, name: str | None) -> AlertPolicy:
    """The policy, with one more channel notified at the first step of every ladder.

    Raises:
        UnknownName: no such channel is configured.
    """
    policy = app.config.policy
    if name is None:
        return policy
    if name not in policy.channels:
        raise UnknownName(f"There is no channel {name!r}; there are {', '.join(policy.channels) or 'none'}.")
    ladders = {}
    for key, ladder in policy.escalations.items():
        first, *rest = ladder.steps
        notified = (*first.notify, *(() if name in first.notify else (name,)))
        ladders[key] = replace(ladder, steps=(replace(first, notify=notified), *rest))
    return replace(policy, escalations=ladders)


def drill(
    app: App,
    *,
    source: str | None = None,
    speed: float = 60.0,
    channel: str | None = None,
    on_step: Callable[[DrillStep], None] | None = None,
) -> DrillReport:
    """Play it through; `on_step` is called with each step when it is over. Takes as long as the ladder, divided by `speed`.

    Raises:
        UnknownName, BadInput: no such source or channel; a speed that is not above nothing.
    """
    if speed <= 0:
        raise BadInput(f"A drill cannot run at {speed:g}x; write for instance --speed 60x.")
    chosen, policy = drill_source(app, source), with_channel(app, channel)
    longest = max((s.after_s for e in policy.escalations.values() for s in e.steps), default=0)
    with stage(app, [chosen], policy, speed=speed, began_s_ago=longest + 12 * chosen.interval_s) as on:
        return _Drill(on, on_step or (lambda _: None)).play()


@dataclass
class _Drill:
    on: Stage
    notify: Callable[[DrillStep], None]
    steps: list[DrillStep] = field(default_factory=list)
    seen: int = 0
    began: float = field(default_factory=time.monotonic)

    def play(self) -> DrillReport:
        try:
            first = self._opens()
            if first is not None:
                self._climbs(first)
                self._acknowledged(first)
        finally:
            self._resolves()  # whatever happened: no one may be left with an open page
        return self._report(first)

    # The story.

    def _opens(self) -> Alert | None:
        for _ in range(MOST_OBSERVATIONS):
            self.on.observation(Status.DOWN)
            alerts = self._alerts()
            if alerts:
                first = alerts[0]
                expected = {c for x in first.ladders for c in x.channels}
                self._over(f"opens, {first.severity.word}", tuple(sorted(expected)))
                return first
            self.on.next_slot()
        down = duration_text(MOST_OBSERVATIONS * self.on.interval_s)
        result = f"no rule opened an alert while the source was down for {down}: see busta config doctor"
        self._add(DrillStep("opens", (), (), ok=False, result=result))
        return None

    def _climbs(self, first: Alert) -> None:
        known = first.severity
        while True:
            alert = self._alert(first)
            coming = upcoming(alert, self.on.app.now(), self._steady())
            if alert.state is not AlertState.OPEN or coming is None or coming.repeat:
                return
            while self.on.app.now() < coming.at:
                self.on.next_slot()
                self.on.observation(Status.DOWN)
            alert = self._alert(first)
            if alert.step < coming.step:
                self._add(DrillStep(f"step L{coming.step}", coming.channels, (), ok=False, result="it was not taken"))
                return
            name = f"escalates, {alert.severity.word}" if alert.severity > known else f"step L{coming.step}"
            known = alert.severity
            self._over(name, coming.channels)

    def _acknowledged(self, first: Alert) -> None:
        started = time.monotonic()
        if first.id is None or self._alert(first).state is not AlertState.OPEN:
            return
        acknowledge(self.on.app, [first.id], actor=ACTOR, note="drill")
        took = time.monotonic() - started
        self.on.deliver()
        notified = self._answers()
        alert = self._alert(first)
        coming = upcoming(alert, self.on.app.now(), self._steady())
        hold = alert.ack
        stands = hold is not None and (coming is None or coming.at >= hold.ends_at)
        held = duration_text(hold.ends_at - hold.at) if hold is not None else ""
        result = f"the clock stops: no step for {held}" if stands else "the clock runs on"
        ok = stands and all(t.ok for t in notified)
        self._add(DrillStep("acknowledged", (), notified, ok=ok, result=result, took_s=took))

    def _resolves(self) -> None:
        knew = {r.message.channel for r in self.on.messages() if r.state == "done"}
        if not self._alerts():
            return
        for _ in range(MOST_OBSERVATIONS):
            self.on.next_slot()
            self.on.observation(Status.UP)
            if not self._alerts():
                break
        self._over("resolves", tuple(sorted(knew)))

    # Bookkeeping.

    def _over(self, name: str, expected: tuple[str, ...]) -> None:
        self.on.deliver()
        notified = self._answers()
        missing = sorted(set(expected) - {t.channel for t in notified})
        ok = not missing and all(t.ok for t in notified)
        result = "delivered" if ok else f"not notified: {', '.join(missing)}" if missing else "not delivered"
        self._add(DrillStep(name, expected, notified, ok, result))

    def _answers(self) -> tuple[Notified, ...]:
        new = self.on.messages(after=self.seen)
        self.seen = max((r.id for r in new), default=self.seen)
        return tuple(notified_by(row) for row in new)

    def _add(self, step: DrillStep) -> None:
        self.steps.append(step)
        self.notify(step)

    def _alerts(self) -> list[Alert]:
        with self.on.app.store.read() as uow:
            return [a for a in uow.alerts.open() if not a.shadow and a.ladders]

    def _alert(self, first: Alert) -> Alert:
        assert first.id is not None
        with self.on.app.store.read() as uow:
            return uow.alerts.get(first.id)

    def _steady(self) -> float:
        with self.on.app.store.read() as uow:
            return read_clock(self.on.app, uow).at

    def _report(self, first: Alert | None) -> DrillReport:
        rows = self.on.messages()
        on_route = {c for s in self.steps for c in (*s.expected, *(t.channel for t in s.notified))}
        with self.on.app.store.read() as uow:
            times = {r.message.key: sum(a.outcome == "delivered" for a in uow.outbox.attempts(r.id)) for r in rows}
        return DrillReport(
            source=self.on.sources[0].name,
            rule=first.rule if first else "",
            escalations=tuple(x.policy.name for x in first.ladders) if first else (),
            steps=tuple(self.steps),
            not_tried=tuple(c for c in self.on.app.config.policy.channels if c not in on_route),
            lost=len(lost_messages(rows)),
            twice=sum(n > 1 for n in times.values()),
            took_s=time.monotonic() - self.began,
        )


def lost_messages(rows: list[OutboxRow]) -> list[str]:
    """Keys of messages that reached no one, neither by their own channel nor by a fallback."""
    arrived = {r.message.key.split("~")[0] for r in rows if r.state == "done"}
    return [key for key, n in Counter(r.message.key.split("~")[0] for r in rows).items() if key not in arrived and n]


def notified_by(row: OutboxRow) -> Notified:
    m = row.message
    if row.state == "done":
        stood_in = failed_channels(m.key)
        what = f"delivered, in place of {stood_in[-1]}" if stood_in else "delivered"
        took = None if row.finished_at is None else max(0.0, row.finished_at - row.created_at)
        return Notified(m.channel, ok=m.kind != NotificationKind.MONITOR, took_s=took, result=what)
    return Notified(m.channel, ok=False, took_s=None, result=f"{row.state}: {row.reason or 'not tried'}")
