"""One validation as a page of ours: the document of `busta quality show`, check by check, worst first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.units import from_epoch, from_iso
from busta_health_dagster.quality.history_strip import history_strip

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.quality import CheckHistories, CheckRow, Failures, ScoreRow

_RANK = {False: 0, None: 1, True: 2}


def quality_view(score: ScoreRow, failures: Failures, histories: CheckHistories) -> dict[str, Any]:
    found, limit = score["score"], score["limit"]
    status, word = "unknown", "NO DATA"
    if found is not None:
        status, word = ("degraded", f"BELOW {limit:g}") if found < limit else ("up", f"AT OR ABOVE {limit:g}")
    checks = sorted(score["checks"], key=_worst_first)
    return {
        "source": score["source"],
        "score": score,
        "status": status,
        "word": word,
        "checks": [{**c, **_state(c)} for c in checks],
        "history": [
            (row, history_strip(row["days"], from_epoch(from_iso(histories["until"])).date()))
            for row in histories["checks"]
        ],
        # rows of an earlier validation do not belong to these checks
        "failures": failures["failures"] if failures["failures_at"] == score["at"] else [],
    }


def _worst_first(check: CheckRow) -> tuple[int, float, str]:
    return _RANK[check["passed"]], -float(check["weight"]), check["id"]


def _state(check: CheckRow) -> dict[str, Any]:
    eligible = check["eligible"]
    passing = None if check["table"] or not eligible else 100 * (eligible - check["unexpected"]) / eligible
    if check["error"] is not None:
        status, word = "down", "could not run"
    elif check["passed"] is None:
        status, word = "unknown", "not evaluated"
    elif check["passed"]:
        status, word = "up", "passed"
    else:
        status, word = "degraded" if check["severity"] == "WARNING" else "down", "failed"
    return {"status": status, "word": word, "passing": passing}
