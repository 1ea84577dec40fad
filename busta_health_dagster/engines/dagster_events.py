"""Which Dagster events a tick may afford.

An event costs 5-9 ms of CPU and 1.6-3.2 KB (architecture.md), so the events of a source are sent when a check of it
changed, and once in a while so that its timestamps do not look dead. A materialization means new data: it is sent when
the content changed, never because the verdict did. The rest waits in the store, and a later tick sends it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

UNREAD_EVERY_S = 3600
"""New versions of a source that nothing is built from are sent at most so often."""
NOTHING = "nothing"
"""The code of a check that was evaluated, and nothing came of it: what Dagster shows as passed holds no longer."""
_UNKNOWN = "unknown"
_CONNECTIVITY = "connectivity"


@dataclass(frozen=True, slots=True)
class Reported:
    """What Dagster was last sent: the check outcomes of a source, and when they were all sent (epoch seconds); the
    version of its data, and when that was sent.
    """

    outcomes: Mapping[str, str]
    at: int
    version: str | None = None
    version_at: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """One source: these checks, then one event of its asset: a materialization where `version` is set, else an
    observation.
    """

    source: str
    checks: tuple[str, ...]
    why: str
    version: str | None = None

    @property
    def events(self) -> int:
        return 1 + len(self.checks)


@dataclass(frozen=True, slots=True)
class ReportPlan:
    """What is sent now, and how many sources wait for a later tick."""

    reports: tuple[Report, ...]
    waiting: int


@dataclass(slots=True)
class _Queues:
    """What there is to send, each with the key that orders it within its queue."""

    changed: list[tuple[int, Report]] = field(default_factory=list)
    new_data: list[tuple[int, Report]] = field(default_factory=list)
    stale: list[tuple[int, Report]] = field(default_factory=list)

    def in_order(self) -> list[Report]:
        queues = (self.changed, self.new_data, self.stale)
        return [report for queue in queues for _, report in sorted(queue, key=lambda e: (e[0], e[1].source))]


def plan_reports(
    current: Mapping[str, Mapping[str, str]],
    reported: Mapping[str, Reported],
    *,
    versions: Mapping[str, str],
    read: Collection[str],
    now: int,
    cap: int,
    refresh_s: int,
) -> ReportPlan:
    """Changed checks first (worst first), then new data (longest-waiting first), then the oldest refreshes, within `cap`
    events.

    `current` holds, per source and check, a short code of its verdict (`good`, `bad:warn`, `bad:error`, `nothing`,
    `unknown`). What cannot be told is never sent as an evaluation. A source that Dagster does not know yet counts as changed. `versions`
    are those of the data where they can be told; sources that something is built from are in `read`.
    """
    queues = _Queues()
    for source, outcomes in current.items():
        decided = {name: code for name, code in outcomes.items() if code != _UNKNOWN}
        before = reported.get(source)
        version = _new_version(versions.get(source), before, now, often=source in read)
        if before is None:
            report = Report(source, tuple(sorted(decided)), "first report", version)
            queues.changed.append((_urgency(outcomes, outcomes), report))
            continue
        differing = {name: code for name, code in decided.items() if before.outcomes.get(name) != code}
        # The checks that no one can decide say nothing; that a source cannot be seen is news all the same.
        lost = _CONNECTIVITY in outcomes and before.outcomes.get(_CONNECTIVITY) != outcomes[_CONNECTIVITY]
        if differing or lost:
            report = Report(source, tuple(sorted(differing)), "changed", version)
            queues.changed.append((_urgency(outcomes if lost else differing, before.outcomes), report))
        elif version is not None:
            queues.new_data.append((before.version_at, Report(source, (), "new data", version)))
        elif now - before.at >= refresh_s:
            queues.stale.append((before.at, Report(source, tuple(sorted(decided)), "refresh")))
    queue = queues.in_order()
    chosen: list[Report] = []
    spent = 0
    for report in queue:
        if spent + report.events > cap:
            break
        chosen.append(report)
        spent += report.events
    return ReportPlan(tuple(chosen), len(queue) - len(chosen))


def _new_version(version: str | None, before: Reported | None, now: int, *, often: bool) -> str | None:
    if version is None or (before is not None and version == before.version):
        return None
    if before is None or often or now - before.version_at >= UNREAD_EVERY_S:
        return version
    return None


def _urgency(now: Mapping[str, str], before: Mapping[str, str]) -> int:
    """0 for an error that began or ended, 1 for a warning, 2 for what is unknown, 3 for the rest."""
    codes = {*now.values(), *(before.get(name, "good") for name in now)}
    for rank, some in enumerate(({"bad:error"}, {"bad:warn"}, {_UNKNOWN, NOTHING})):
        if codes & some:
            return rank
    return 3
