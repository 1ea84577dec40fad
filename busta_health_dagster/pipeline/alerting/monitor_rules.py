"""Alerts about the monitor itself: its network, its configuration, its ticks, its machine. One each, whatever the number of sources.

Their source and rules are those of domain/self_monitoring.py. They take the routes as any other alert does (type `monitor`, group
`platform`), and make no incident.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.self_monitoring import (
    CONFIGURATION,
    INSTANCE_SLOW,
    NETWORK,
    OVERLOADED,
    SENSOR_STOPPED,
    TICKS,
    VANTAGE_AWAY,
)
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.domain.verdict import Outcome, Verdict
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.lists import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.domain.vantage import VantageReports
    from busta_health_dagster.domain.verdict import InstanceReading
    from busta_health_dagster.engines.overload import SlotCount

NETWORK_REASON = "network"
DO = {
    NETWORK.name: "Check the network of the machine the monitor runs on; until then every source is unknown.",
    CONFIGURATION.name: "Run busta config doctor and correct the files; the last good configuration rules meanwhile.",
    SENSOR_STOPPED.name: "Start it again under Automation in the Dagster UI (an admin may); the audit log says who stopped it.",
    TICKS.name: "Check the daemon and the runs of health_tick (busta dagster run list); restart with busta up.",
    INSTANCE_SLOW.name: "Look at the database of the Dagster instance; busta dagster instance info names it. Notifications "
    "of failures there are late until then.",
    VANTAGE_AWAY.name: "Look at the runs of vantage_observations in Dagster: can they start there, and reach the store? See "
    "docs/vantages.md.",
    OVERLOADED.name: "Give the machine more CPU, raise the intervals, or split the tick: limits.shards. See docs/operations.md.",
}


def network_verdict(states: Iterable[SourceState], tick_s: int) -> Verdict | None:
    """Did the newest tick find its own network gone? None when nothing was checked."""
    observed = [s for s in states if s.scheduled_slot is not None]
    if not observed:
        return None
    newest = max(s.slot for s in observed)
    recent = [s for s in observed if newest - s.slot < tick_s]
    lost = sum(s.reason == NETWORK_REASON for s in recent)
    if lost:
        reason = (
            f"the monitor's own network is out: control endpoints and {lost} of {len(recent)} sources fail together"
        )
        return Verdict(Outcome.BAD, newest, reason, float(lost))
    return Verdict(Outcome.GOOD, newest, "the control endpoints answer again")


def configuration_verdict(problem: str | None, now: int) -> Verdict:
    """Is a newer configuration refused?"""
    if problem is None:
        return Verdict(Outcome.GOOD, now, "the configuration is accepted")
    first = problem.strip().splitlines()[0] if problem.strip() else "it cannot be read"
    return Verdict(Outcome.BAD, now, f"the configuration was not accepted, the last good one rules: {first}")


def ticks_verdict(
    last_at: int | None, tick_s: int, stale_ticks: int, now: int, *, ticking: bool, set_back: str
) -> Verdict | None:
    """Has the tick stopped while the sensors still run, or can it observe nothing, because the clock was `set_back`? A
    tick at work says no; None before the first one.
    """
    if set_back:
        return Verdict(Outcome.BAD, now, set_back)
    if ticking:
        return Verdict(Outcome.GOOD, now, "the monitor checks its sources again")
    if last_at is None:
        return None
    age = now - last_at
    if age > stale_ticks * tick_s:
        reason = f"the monitor has not checked its sources for {duration_text(age)}; treat all as unknown"
        return Verdict(Outcome.BAD, now, reason, float(age), float(stale_ticks * tick_s))
    return Verdict(Outcome.GOOD, now, "the monitor checks its sources again")


def stopped_verdict(stopped: Sequence[str] | None, now: int) -> Verdict | None:
    """Has someone stopped schedules or sensors of ours? None when no one could look."""
    if stopped is None:
        return None
    if not stopped:
        return Verdict(Outcome.GOOD, now, "every schedule and sensor of the monitor is on")
    one = len(stopped) == 1
    reason = f"{', '.join(stopped)} {'was' if one else 'were'} stopped in Dagster; what {'it does' if one else 'they do'} is not done"
    return Verdict(Outcome.BAD, now, reason, float(len(stopped)))


def overload_verdict(slots: SlotCount | None, now: int) -> Verdict | None:
    """Are more ticks due than the machine can run? None while no one can tell, and between the two limits."""
    if slots is None:
        return None
    if slots.overloaded:
        reason = (
            f"{slots.text} in the last {duration_text(now - slots.since)}: more ticks are due than the machine can run"
        )
        return Verdict(Outcome.BAD, now, reason, float(slots.expected - slots.observed))
    return Verdict(Outcome.GOOD, now, "the machine keeps up with the ticks again") if slots.keeps_up else None


def vantages_verdict(names: Sequence[str], reports: VantageReports, limit_s: int, now: int) -> Verdict | None:
    """Is a vantage point away? None before any was expected."""
    newest = {name: at for name in names if (at := reports.newest(name)) is not None}
    away = [name for name, at in newest.items() if now - at > limit_s]
    if away:
        said = [_silence_of(name, reports) for name in away]
        reason = f"{'; '.join(said)}: what only {'it sees' if len(away) == 1 else 'they see'} is unknown"
        return Verdict(Outcome.BAD, now, reason, float(now - min(newest[name] for name in away)), float(limit_s))
    if names and not newest:
        return None
    return Verdict(Outcome.GOOD, now, "every vantage point reports again")


def _silence_of(name: str, reports: VantageReports) -> str:
    if name in reports.at:
        return f"vantage {name} has not reported since {from_epoch(reports.at[name]):%Y-%m-%d %H:%M} UTC"
    return f"vantage {name} has never reported"


BEHIND_S = 300
SLOW_S = 30.0
"""Reading the Dagster instance may lag, or take, so long: the alert sensor reads it every 30 s."""


def instance_verdict(reading: InstanceReading | None, now: int) -> Verdict | None:
    """Does reading the Dagster instance keep up with what happens there? None where no one has read it, and between the
    limit and half of it.
    """
    if reading is None:
        return None
    took = f"the last reading took {duration_text(reading.took_s)}"
    if reading.problem:
        return Verdict(Outcome.BAD, now, f"the Dagster instance cannot be read: {reading.problem}")
    if reading.behind_s > BEHIND_S:
        reason = (
            f"reading the Dagster instance is {duration_text(reading.behind_s)} behind ({listed(reading.left)}; {took}): "
            f"notifications of failures there are that late"
        )
        return Verdict(Outcome.BAD, now, reason, float(reading.behind_s), float(BEHIND_S))
    if reading.took_s > SLOW_S:
        reason = f"the Dagster instance answers slowly: {took}, {duration_text(SLOW_S)} at most"
        return Verdict(Outcome.BAD, now, reason, reading.took_s, SLOW_S)
    if 2 * reading.behind_s <= BEHIND_S:
        return Verdict(Outcome.GOOD, now, "the Dagster instance is read up to now again")
    return None
