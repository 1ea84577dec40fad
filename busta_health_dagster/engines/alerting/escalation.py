"""When the next person is notified: ladders climbed by a clock that acknowledgement, snooze and maintenance can stop.

The clock counts from opening. `clock_s` is what it had when it last stood still; it runs from `mark` on the steady
clock, so that nothing has to be written while it runs, and neither a restart nor a jump of the wall clock moves it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.verdict import RECOVERS
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.domain.ladder import Ladder

_NUMBERS = re.compile(r"\d[\d,.]*")
_WORSE = 0.5


@dataclass(frozen=True, slots=True)
class Due:
    """A ladder whose time has come. `repeat` re-sends the step reached; else it climbs to `step` (counted from 1). `unchanged`:
    it would say what it has said already, and its policy repeats only what has changed.
    """

    ladder: int
    step: int
    channels: tuple[str, ...]
    severity: Severity | None
    repeat: bool
    reason: str
    unchanged: bool = False


@dataclass(frozen=True, slots=True)
class Upcoming:
    """What happens next if no one acts: at (epoch, by the wall clock as it is now), the channels, and which step."""

    at: int
    step: int
    channels: tuple[str, ...]
    repeat: bool
    resumes: bool = False


def elapsed(alert: Alert, steady: float) -> float:
    """Seconds on the alert's escalation clock."""
    return alert.clock_s + (max(0.0, steady - alert.mark) if alert.mark is not None else 0.0)


def stopped(alert: Alert, steady: float) -> Alert:
    """The clock stands where it is."""
    return replace(alert, clock_s=elapsed(alert, steady), mark=None)


def running(alert: Alert, steady: float) -> Alert:
    """The clock, which stands, runs on, once an acknowledgement, a snooze or a silence has ended."""
    holds = [h.until for h in (alert.ack, alert.snooze, alert.silence) if h is not None]
    return replace(alert, mark=max([steady, *holds]))


def starting_step(ladder: Ladder, severity: Severity) -> Ladder:
    """At the first step of the alert's severity, else at the first: an alert that opens critical skips the warnings, and no
    warning skips what comes before the step that would make it critical.
    """
    for number, step in enumerate(ladder.policy.steps, 1):
        if step.severity == severity:
            return replace(ladder, step=number)
    return replace(ladder, step=1)


def is_recovering(alert: Alert) -> bool:
    """Good for long enough to resolve, were it not flapping: no one is called out of bed for a source that is up."""
    return alert.flapping and alert.good_run >= int(alert.numbers.get("recover_after", 1))


def _repeat_s(alert: Alert, ladder: Ladder) -> int:
    """After how long the step reached is sent again; 0: it is not.

    While it flaps a ladder climbs and repeats nothing, until it has been bad without a break for as long as the step
    reached waits (the first step, which waits for nothing: as long as a repeat does).
    """
    every = ladder.policy.repeat_s or 0
    if not alert.flapping:
        return every
    run_s = alert.evaluated_slot - alert.run_since if alert.bad_run and alert.run_since is not None else 0
    return every if run_s >= (ladder.policy.steps[ladder.step - 1].after_s or every) else 0


def due(alert: Alert, steady: float, between: str) -> list[Due]:
    """Every ladder that must speak now, each at most once: steps that were missed are sent together, with the
    highest. `between` says what kept them from being sent one by one.
    """
    if is_recovering(alert):
        return []
    clock = elapsed(alert, steady)
    out: list[Due] = []
    for i, ladder in enumerate(alert.ladders):
        reached = [(n, s) for n, s in enumerate(ladder.policy.steps, 1) if n > ladder.step and s.after_s <= clock]
        if reached:
            channels = tuple(dict.fromkeys(c for _, s in reached for c in s.notify))
            severity = max((s.severity for _, s in reached if s.severity is not None), default=None)
            top, step = reached[-1]
            reason = f"{duration_text(step.after_s)} open and not acknowledged"
            if len(reached) > 1:
                why = between or "they fell due between two passes"
                reason += f"; steps L{reached[0][0]} to L{top} at once: {why}"
            out.append(Due(i, top, channels, severity, False, reason))
        elif (every := _repeat_s(alert, ladder)) and clock - ladder.notified_s >= every:
            unchanged = ladder.policy.repeat_changed and ladder.said == what_it_says(alert)
            reason = f"still open, repeated every {duration_text(every)}"
            if ladder.policy.repeat_changed:
                reason = "nothing has changed since it was sent" if unchanged else f"{reason} while it changes"
            out.append(Due(i, ladder.step, ladder.channels, None, True, reason, unchanged))
    return out


def climbed(alert: Alert, step: Due, steady: float) -> Alert:
    """The alert after a due step was sent."""
    ladders = list(alert.ladders)
    said = ladders[step.ladder].said if step.unchanged else what_it_says(alert)
    ladders[step.ladder] = replace(ladders[step.ladder], step=step.step, notified_s=elapsed(alert, steady), said=said)
    return replace(alert, ladders=tuple(ladders))


def what_it_says(alert: Alert) -> str:
    """What a repeat would add: the severity, how often it began again, what people did, whether it flaps, the words of
    its reason, and whether it has become worse by half of its limit. Numbers that only wander are no news.
    """
    worse = 0
    if alert.worst is not None and alert.limit:
        worse = int((alert.worst - alert.limit) / (abs(alert.limit) * _WORSE))
    words = _NUMBERS.sub("#", alert.bad_reason.partition(RECOVERS)[0])  # between its two limits it is as it was
    return f"{int(alert.severity)}|{alert.reopened}|{alert.acts}|{alert.flapping:d}|{worse}|{words}"


def upcoming(alert: Alert, now: int, steady: float) -> Upcoming | None:
    """The next message if nothing changes; None while the clock stands (maintenance) or nothing is left to say."""
    if alert.mark is None:
        return None
    clock = elapsed(alert, steady)
    wait = max(0.0, alert.mark - steady)
    best: Upcoming | None = None
    for ladder in alert.ladders:
        rest = ladder.policy.steps[ladder.step :]
        times = [(rest[0].after_s, ladder.step + 1, rest[0].notify, False)] if rest else []
        if (every := _repeat_s(alert, ladder)) and not ladder.policy.repeat_changed:
            times.append((int(ladder.notified_s + every), ladder.step, ladder.channels, True))
        for after, step, channels, repeat in times:
            at = int(now + wait + max(0.0, after - clock))
            if best is None or at < best.at:
                best = Upcoming(at, step, channels, repeat, resumes=wait > 0)
    return best
