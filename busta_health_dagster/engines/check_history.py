"""The history of a source's checks, one validation after the other: bounded by 30 days for each check."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.check_history import WINDOW_DAYS, CheckDay, CheckHistory

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.domain.quality import CheckResult, Scored

_DAY_S = 86400


def updated(known: Iterable[CheckHistory], results: Iterable[Scored]) -> tuple[CheckHistory, ...]:
    """The history after these validations, which stand oldest first. A check that the suite has no longer stays until its last
    day leaves the window.
    """
    held = {one.id: one for one in known}
    newest = None
    for scored in results:
        newest = scored.at if newest is None else max(newest, scored.at)
        for check in scored.score.checks:
            held[check.id] = _after(held.get(check.id), check, scored.at)
    if newest is None:
        return tuple(held.values())
    first = newest // _DAY_S - WINDOW_DAYS + 1
    kept = (replace(one, days=tuple(d for d in one.days if d.day >= first)) for one in held.values())
    return tuple(one for one in kept if one.last_at // _DAY_S >= first)


def _after(before: CheckHistory | None, check: CheckResult, at: int) -> CheckHistory:
    passed, ratio = check.passed, check.ratio
    since = None if before is None else before.failing_since
    days = () if before is None else before.days
    if passed is not None and ratio is not None:
        since = None if passed else (at if since is None else since)
        days = _counted(days, at // _DAY_S, passed, float(ratio))
    return CheckHistory(
        id=check.id,
        dimension=check.dimension.value,
        column=check.column,
        severity=check.severity.value,
        owner=check.owner,
        first_at=at if before is None else before.first_at,
        last_at=at,
        failing_since=since,
        days=days,
    )


def _counted(days: tuple[CheckDay, ...], day: int, passed: bool, ratio: float) -> tuple[CheckDay, ...]:
    """Where the clock was set back the day may lie before the last one."""
    by_day = {one.day: one for one in days}
    known = by_day.get(day, CheckDay(day, 0, 0, 1.0))
    by_day[day] = CheckDay(day, known.evaluated + 1, known.passed + passed, min(known.worst, ratio))
    return tuple(by_day[each] for each in sorted(by_day))
