"""Each check of a source over 30 days, as people and scripts read it: its days, since when it fails, and who owns it."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from busta_health_dagster.domain.check_history import WINDOW_DAYS
from busta_health_dagster.domain.quality import CheckSeverity
from busta_health_dagster.domain.units import from_epoch, iso

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from busta_health_dagster.domain.check_history import CheckHistory
    from busta_health_dagster.domain.documents.quality import CheckHistories, CheckHistoryRow
    from busta_health_dagster.domain.quality import CheckResult
    from busta_health_dagster.pipeline.app.app import App

_DAY_S = 86400
_STATES = ("failed", "could not run", "noted", "not evaluated", "passed", "gone")


def check_histories(app: App, name: str) -> CheckHistories:
    """Every check of a source, those that fail first; of a source that was never scored none.

    Raises:
        UnknownName: the configuration has no such source.
    """
    now = app.now()
    with app.store.read() as uow:
        if all(source.name != name for source in uow.sources.all()):
            return {"source": name, "until": iso(now), "window_days": WINDOW_DAYS, "checks": []}
        history = uow.check_histories.of(name)
        newest = uow.quality.newest([name]).get(name)
        _, failing = uow.quality.failures(name)
    checks = {} if newest is None else {check.id: check for check in newest.score.checks}
    source = app.config.sources.get(name)
    owners = () if source is None else source.owners
    kept = Counter(row.check for row in failing)
    rows = check_rows(history, checks, owners, kept, now)
    return {"source": name, "until": iso(now), "window_days": WINDOW_DAYS, "checks": rows}


def check_rows(
    history: Iterable[CheckHistory],
    newest: Mapping[str, CheckResult],
    owners: Sequence[str],
    failing: Mapping[str, int],
    now: int,
) -> list[CheckHistoryRow]:
    """`newest` are the checks of the newest validation by id, `failing` how many failing rows of each are kept."""
    first = now // _DAY_S - WINDOW_DAYS + 1
    rows = [_row(one, newest.get(one.id), owners, failing.get(one.id, 0), first) for one in history]
    return sorted(rows, key=_rank)


def _row(
    one: CheckHistory, result: CheckResult | None, owners: Sequence[str], failing: int, first: int
) -> CheckHistoryRow:
    days = [day for day in one.days if day.day >= first]
    evaluated, passed = sum(day.evaluated for day in days), sum(day.passed for day in days)
    ratio = None if result is None else result.ratio
    return {
        "id": one.id,
        "dimension": one.dimension,
        "column": one.column,
        "severity": one.severity,
        "owners": [one.owner] if one.owner else list(owners),
        "state": state_of(result),
        "good": None if ratio is None else _floored(100 * float(ratio)),
        "error": None if result is None else result.error,
        "why": "" if result is None else result.why,
        "evaluated": evaluated,
        "passed": passed,
        "passing": _floored(100 * passed / evaluated) if evaluated else None,
        "failing_since": None if one.failing_since is None else iso(one.failing_since),
        "first_seen": iso(one.first_at),
        "failing_rows": failing,
        "days": [
            {
                "day": f"{from_epoch(day.day * _DAY_S):%Y-%m-%d}",
                "evaluated": day.evaluated,
                "passed": day.passed,
                "worst": _floored(100 * day.worst),
            }
            for day in days
        ],
    }


def state_of(check: CheckResult | None) -> str:
    """The newest result in a word."""
    if check is None:
        return "gone"
    if check.error is not None:
        return "could not run"
    if check.passed is None:
        return "not evaluated"
    if check.passed:
        return "passed"
    return "noted" if check.severity.cap is None else "failed"


def _rank(row: CheckHistoryRow) -> tuple[int, int, float, str]:
    share = row["passing"]
    severity = CheckSeverity(row["severity"]).weight
    return _STATES.index(row["state"]), -severity, 101.0 if share is None else share, row["id"]


def _floored(value: float) -> float:
    return math.floor(value * 1000 + 1e-6) / 1000
