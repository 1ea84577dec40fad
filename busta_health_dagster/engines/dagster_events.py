"""Which Dagster events a tick may afford.

An event costs 5-9 ms of CPU and 1.6-3.2 KB (architecture.md), so Dagster gets an event for a source when a check of it changed,
and once
in a while so that its timestamps do not look dead. The rest waits in the store, and a later tick sends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_TIMED = "response_time"


@dataclass(frozen=True, slots=True)
class Reported:
    """What Dagster was last sent of a source: its check outcomes, and when (epoch seconds)."""

    outcomes: Mapping[str, str]
    at: int


@dataclass(frozen=True, slots=True)
class Report:
    """One source to tell Dagster of: its materialization, and these checks."""

    source: str
    checks: tuple[str, ...]
    why: str

    @property
    def events(self) -> int:
        return 1 + len(self.checks)


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """What is sent now, and how many sources wait for a later tick."""

    reports: tuple[Report, ...]
    waiting: int


def news(codes: Mapping[str, str], notified: Reported | None, *, answered: bool) -> Mapping[str, str]:
    """The codes to compare with what was notified.

    Where an observation was `answered` and its time cannot be believed, our own loop lagged: no news of the source. On a busy
    machine a thousand such went to Dagster and back with every tick. If it lasts, the refresh says it.
    """
    if notified is None or not answered or codes.get(_TIMED) != "unknown" or _TIMED not in notified.outcomes:
        return codes
    return {**codes, _TIMED: notified.outcomes[_TIMED]}


def plan_reports(
    current: Mapping[str, Mapping[str, str]],
    reported: Mapping[str, Reported],
    *,
    now: int,
    cap: int,
    refresh_s: int,
) -> ReportPlan:
    """Changes first (worst first), then the oldest refreshes, within `cap` events.

    `current` holds, per source and check, a short code of its verdict (`good`, `bad:warn`, `bad:error`, `unknown`). A
    source that
    Dagster has never heard of counts as changed.
    """
    changed: list[tuple[int, str, Report]] = []
    stale: list[tuple[int, str, Report]] = []
    for source, outcomes in current.items():
        before = reported.get(source)
        if before is None:
            fresh = Report(source, tuple(sorted(outcomes)), "first report")
            changed.append((_urgency(outcomes, outcomes), source, fresh))
            continue
        differing = tuple(sorted(name for name, code in outcomes.items() if before.outcomes.get(name) != code))
        if differing:
            urgency = _urgency({name: outcomes[name] for name in differing}, before.outcomes)
            changed.append((urgency, source, Report(source, differing, "changed")))
        elif now - before.at >= refresh_s:
            stale.append((before.at, source, Report(source, tuple(sorted(outcomes)), "refresh")))
    queue = [report for _, _, report in sorted(changed, key=_order)] + [
        report for _, _, report in sorted(stale, key=_order)
    ]
    chosen: list[Report] = []
    spent = 0
    for report in queue:
        if spent + report.events > cap:
            break
        chosen.append(report)
        spent += report.events
    return ReportPlan(tuple(chosen), len(queue) - len(chosen))


def _order(entry: tuple[int, str, Report]) -> tuple[int, str]:
    return entry[0], entry[1]


def _urgency(now: Mapping[str, str], before: Mapping[str, str]) -> int:
    """0 for an error that began or ended, 1 for a warning, 2 for what is unknown, 3 for the rest."""
    codes = {*now.values(), *(before.get(name, "good") for name in now)}
    for rank, code in enumerate(("bad:error", "bad:warn", "unknown")):
        if code in codes:
            return rank
    return 3
