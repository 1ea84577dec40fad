"""The severity of an asset check in Dagster. Its catalog paints ERROR red and WARN yellow, so that the colour of a source
is its status: red is down or degraded, or outside its SLA.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.verdict import CheckVerdict

CONNECTIVITY = "connectivity"
STATUS_CHECKS = frozenset({CONNECTIVITY, "response_time", "data_age"})
"""What makes a source degraded. A low score and an anomaly do not: they warn of a source that is up."""


def painted(
    checks: Mapping[str, CheckVerdict], *, in_maintenance: bool, paint_degraded: bool, blocking: str
) -> dict[str, CheckVerdict]:
    """In maintenance nothing is red. `paint_degraded`: what makes a source degraded is. The `blocking` check of a source
    of which no one can tell how it is warns: it stays shut, but nothing was seen to fail.
    """
    if in_maintenance:
        return {name: replace(verdict, severity="WARN") for name, verdict in checks.items()}
    out = dict(checks)
    for name, verdict in checks.items():
        if paint_degraded and name in STATUS_CHECKS and verdict.outcome is Outcome.BAD:
            out[name] = replace(verdict, severity="ERROR")
    seen = checks.get(CONNECTIVITY)
    if blocking in out and seen is not None and seen.outcome is Outcome.UNKNOWN:
        out[blocking] = replace(out[blocking], severity="WARN")
    return out
