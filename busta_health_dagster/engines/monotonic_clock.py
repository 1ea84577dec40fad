"""A clock for durations that survives restarts and wall-clock jumps.

The pass keeps one row: how far the steady clock had come, and the wall and monotonic readings at that moment. On the
same boot the monotonic clock says what really passed, whatever happened to the wall clock and however often the
process was restarted. After a reboot, or on another machine, only the wall clock is left: then at most
`MOST_UNPROVEN_S` pass, less than any sensible escalation step, so that a wrong clock cannot expire every alert at
once. It starts at the wall clock's time and is close to it ever after.
"""

from __future__ import annotations

from dataclasses import dataclass

MOST_UNPROVEN_S = 900.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What the machine's clocks say: epoch seconds, monotonic seconds, and the boot that the latter belong to."""

    wall: float
    monotonic: float
    boot: str


@dataclass(frozen=True, slots=True)
class MonotonicClock:
    """`at` never runs backwards and never jumps. `note` says what was corrected, for the log."""

    at: float
    reading: Reading
    note: str = ""


def advance(last: MonotonicClock | None, now: Reading) -> MonotonicClock:
    """The steady clock at this reading."""
    if last is None:
        return MonotonicClock(now.wall, now)
    wall = now.wall - last.reading.wall
    if now.boot == last.reading.boot and now.monotonic >= last.reading.monotonic:
        passed = now.monotonic - last.reading.monotonic
        drift = wall - passed
        note = f"the wall clock jumped by {drift:+.0f} s; durations ignore it" if abs(drift) > 60 else ""
    else:
        passed = min(max(wall, 0.0), MOST_UNPROVEN_S)
        note = "" if passed == wall else f"after a reboot the wall clock moved by {wall:+.0f} s; {passed:.0f} s count"
    return MonotonicClock(last.at + passed, now, note)
