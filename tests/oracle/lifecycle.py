"""A second opinion on the life of an alert: written from the description of it, in other terms than the engine's.

One rule (`source-down`), one ladder of three steps, any number of sources that depend on each other. It knows nothing of the engine:
it keeps plain sets and a list of seconds, and says what happened and which channel is told what, pass by pass.
"""

from __future__ import annotations

from dataclasses import dataclass, field

LOUDER = (
    "resolved",
    "flapping_started",
    "opened",
    "reopened",
    "escalated",
    "flapping_ended",
    "renotified",
    "unacked",
    "acked",
    "snoozed",
)
ALWAYS_TOLD = {"resolved", "acked", "snoozed"}
STATES = 21
GRACE_S = 900
WEIGHTS = [0.75 + 0.5 * i / (STATES - 2) for i in range(STATES - 1)]
WARNING, CRITICAL = 1, 2


@dataclass(frozen=True)
class Plan:
    """The configuration of one day. Steps are (after, severity or 0, channels); the mute is [start, end) of the day's seconds."""

    bad_wanted: int
    good_wanted: int
    steps: tuple[tuple[int, int, tuple[str, ...]], ...]
    repeat_s: int
    ack_s: int
    sticky: bool
    mute: tuple[int, int] | None
    loud_from: int
    parents: dict[str, tuple[str, ...]]


@dataclass
class Life:
    """One source's alert. `clock` counts open, unheld seconds; `told` know that it fires, `waiting` are to hear of it after the mute."""

    plan: Plan
    name: str
    now: int = 0
    state: str = "none"
    past: list[bool] = field(default_factory=lambda: [False] * STATES)
    bad: int = 0
    good: int = 0
    run_began: int = 0
    seen_at: int = 0
    ended_at: int | None = None
    flaps: bool = False
    severity: int = WARNING
    clock: int = 0
    step: int = 0
    told_clock: int = 0
    acked_until: int | None = None
    snoozed_until: int | None = None
    quiet_for: str = ""
    told: set[str] = field(default_factory=set)
    told_before: set[str] = field(default_factory=set)
    waiting: dict[str, str] = field(default_factory=dict)
    events: list[tuple[int, str]] = field(default_factory=list)
    messages: list[tuple[int, str, str]] = field(default_factory=list)
    wants: dict[str, str] = field(default_factory=dict)
    knew: set[str] = field(default_factory=set)

    # A pass: `begin`, then what is seen or done, then `timers`, then `speak`.

    def begin(self, now: int) -> None:
        if self.state == "open":
            held = [u for u in (self.acked_until, self.snoozed_until) if u is not None]
            self.clock += max(0, now - max(self.now, *held)) if held else now - self.now
        self.now, self.wants, self.knew = now, {}, self.aware()

    def see(self, down: bool, quiet_for: str) -> None:
        self.notice_quiet(quiet_for)
        self.past = [*self.past[1:], down]
        self.bad, self.good = (self.bad + 1, 0) if down else (0, self.good + 1)
        if self.bad == 1:
            self.run_began = self.now
        self.seen_at = self.now
        if self.state != "open":
            if not down:
                self.quiet_for = ""
            elif self.bad >= self.plan.bad_wanted:
                self.fire(quiet_for)
            return
        share = self.changes()
        began = not self.flaps and share >= 0.3 - 1e-9
        enough = not down and self.good >= self.plan.good_wanted
        if began:
            self.flaps = True
            self.happens("flapping_started", self.audible(self.told))
        elif self.flaps and share <= 0.2 + 1e-9:
            self.flaps = False
            self.happens("flapping_ended", set() if enough else self.audible(self.told))
        if enough and not self.flaps:
            self.end()

    def severity_of_next(self, down: bool) -> int:
        """How severe it is if it fires now: what reopens is the same alert, what comes later a new one."""
        began = self.run_began if self.bad or not down else self.now
        same = self.state == "open" or (self.state == "ended" and began - (self.ended_at or 0) < GRACE_S)
        return self.severity if same else WARNING

    def changes(self) -> float:
        return sum(w for w, a, b in zip(WEIGHTS, self.past, self.past[1:], strict=False) if a != b) / (STATES - 1)

    def fire(self, quiet_for: str) -> None:
        if quiet_for:
            if quiet_for != self.quiet_for:
                self.happens("suppressed", set())
            self.quiet_for = quiet_for
            return
        self.quiet_for = ""
        again = self.state == "ended" and self.run_began - (self.ended_at or 0) < GRACE_S
        if again:
            if not self.plan.sticky:
                self.acked_until = None
        else:
            self.clock, self.step, self.severity, self.acked_until = 0, 1, WARNING, None
            self.told_before = set()
        self.state = "open"
        self.told_clock = self.clock
        readers = self.told_before | set(self.plan.steps[self.step - 1][2])
        self.told_before = set()
        self.flaps = self.changes() >= 0.3 - 1e-9
        self.events.append((self.now, "opened"))
        if self.flaps:
            self.happens("flapping_started", readers)
        else:
            self.want("reopened" if again else "opened", readers)
        self.told |= readers

    def end(self) -> None:
        self.happens("resolved", self.told)
        self.state, self.ended_at, self.bad = "ended", self.now, 0
        self.told_before, self.told = self.told, set()
        self.snoozed_until, self.quiet_for, self.flaps = None, "", False

    def notice_quiet(self, quiet_for: str) -> None:
        if self.state != "open" or quiet_for == self.quiet_for:
            return
        self.quiet_for = quiet_for
        self.happens("suppressed" if quiet_for else "released", set())

    def timers(self) -> None:
        if self.state != "open":
            return
        if self.acked_until is not None and self.now >= self.acked_until:
            self.acked_until = None
            self.happens("unacked", self.audible(self.told))
        if self.snoozed_until is not None and self.now >= self.snoozed_until:
            self.snoozed_until = None
            readers = self.audible(set(self.plan.steps[self.step - 1][2]))
            self.happens("renotified", readers)
            self.told |= readers
        if self.quiet_for or self.snoozed_until is not None or (self.flaps and self.good >= self.plan.good_wanted):
            return
        reached = [s for s in self.plan.steps[self.step :] if s[0] <= self.clock]
        if reached:
            before = self.severity
            self.severity = max([before, *(s[1] for s in reached)])
            self.step += len(reached)
            readers = {c for s in reached for c in s[2]}
            self.told_clock = self.clock
            self.happens("escalated" if self.severity > before else "renotified", readers)
            self.told |= readers
        elif self.clock - self.told_clock >= self.plan.repeat_s and self.may_repeat():
            self.told_clock = self.clock
            readers = set(self.plan.steps[self.step - 1][2])
            self.happens("renotified", readers)
            self.told |= readers

    def may_repeat(self) -> bool:
        run_s = self.seen_at - self.run_began if self.bad else 0
        return not self.flaps or run_s >= (self.plan.steps[self.step - 1][0] or self.plan.repeat_s)

    # People.

    def acknowledge(self) -> bool:
        if self.state != "open":
            return False
        self.acked_until = self.now + self.plan.ack_s
        self.happens("acked", self.told)
        return True

    def unacknowledge(self) -> bool:
        if self.state != "open" or self.acked_until is None:
            return False
        self.acked_until = None
        self.happens("unacked", self.told)
        return True

    def snooze(self, for_s: int) -> bool:
        if self.state != "open":
            return False
        self.snoozed_until = self.now + for_s
        self.happens("snoozed", self.told)
        return True

    # Who is told.

    def aware(self) -> set[str]:
        return {c for c in self.told if c not in self.waiting or self.waiting[c].startswith("!")}

    def audible(self, channels: set[str]) -> set[str]:
        snoozed = self.snoozed_until is not None and self.now < self.snoozed_until
        return set() if self.quiet_for or snoozed else set(channels)

    def happens(self, event: str, readers: set[str]) -> None:
        self.events.append((self.now, event))
        self.want(event, readers)

    def want(self, event: str, readers: set[str]) -> None:
        for channel in readers:
            known = self.wants.get(channel)
            if known is None or LOUDER.index(event) < LOUDER.index(known):
                self.wants[channel] = event

    def muted(self) -> bool:
        if self.plan.mute is None or self.severity >= self.plan.loud_from:
            return False
        begin, end = self.plan.mute
        return begin <= self.now % 86400 < end

    def speak(self) -> None:
        """A `!` before what waits: its channel knows that the alert fires."""
        if self.muted():
            for channel, event in list(self.wants.items()):
                if event not in ALWAYS_TOLD:
                    del self.wants[channel]
                    self.put_aside(channel, event)
        elif self.state == "open" and self.waiting and self.audible({"x"}):
            for channel, waits in self.waiting.items():
                event = waits.lstrip("!")
                self.want("opened" if event == "flapping_started" and not self.flaps else event, {channel})
            self.waiting = {}
        unaware = {c for c, waits in self.waiting.items() if not waits.startswith("!")}
        self.messages += [(self.now, c, event) for c, event in sorted(self.wants.items()) if c not in unaware]
        if self.state != "open":
            self.waiting = {}

    def put_aside(self, channel: str, event: str) -> None:
        known = self.waiting.get(channel)
        if known is None:
            self.waiting[channel] = f"!{event}" if channel in self.knew else event
        elif known.startswith("!") and LOUDER.index(event) < LOUDER.index(known[1:]):
            self.waiting[channel] = f"!{event}"


def quieted(plan: Plan, lives: dict[str, Life], name: str, severity: int) -> str:
    """The nearest source above that is down, and keeps this one quiet: a flapping one nothing of a higher severity than its rule's."""
    for parent in plan.parents[name]:
        above = lives[parent]
        if above.state == "open" and (not above.flaps or severity <= WARNING):
            return parent
    return ""
