"""One validation as one self-contained HTML page: no script, no CDN, everything escaped (GX's Data Docs load from
CDNs).
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.quality import Dimension
from busta_health_dagster.domain.units import from_epoch, from_iso
from busta_health_dagster.engines.quality_score import DIMENSION_WEIGHTS
from busta_health_dagster.quality.history_strip import history_strip
from busta_health_dagster.wording import numbers, percentages
from busta_health_dagster.wording.glyphs import CHECK

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from busta_health_dagster.domain.documents.quality import CheckHistoryRow
    from busta_health_dagster.domain.quality import CheckResult, FailingRow, QualityScore
    from busta_health_dagster.engines.schema_drift import Drift


def render_report(
    score: QualityScore,
    *,
    source: str,
    suite: str,
    at: datetime,
    limit: float = 90.0,
    failing: Sequence[FailingRow] = (),
    drift: Sequence[Drift] = (),
    history: Sequence[CheckHistoryRow] = (),
) -> str:
    """The page as text. `at` is when the data was scored, `limit` the score that is asked for, `history` each check over the 30
    days that end with `at`.
    """
    rendered: str = _template().render(
        score=score,
        source=source,
        suite=suite,
        at=at,
        limit=limit,
        verdict=_verdict(score, limit),
        uncertain=score.uncertain_against(limit),
        dimensions=[(d.value, score.dimensions.get(d), DIMENSION_WEIGHTS[d], _why_absent(score, d)) for d in Dimension],
        checks=sorted(score.checks, key=_order),
        states={c.id: _state(c) for c in score.checks},
        failing=failing,
        drift=drift,
        history=[(row, history_strip(row["days"], at.date())) for row in history],
    )
    return rendered


@functools.cache
def _template() -> Any:
    """Compiled once per process: 20 ms of CPU, as much as the checks of a small source."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment: Environment = ImmutableSandboxedEnvironment(
        loader=PackageLoader("busta_health_dagster.quality"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        point=numbers.score, decimal=numbers.decimal, share=_share, percent=percentages.percent, moment=_moment
    )
    return environment.get_template("quality_report.html.j2")


def _verdict(score: QualityScore, limit: float) -> dict[str, str]:
    """Shape, word and class: never colour alone."""
    if score.score is None:
        return {"shape": CHECK["not evaluated"], "word": "no data", "kind": "unknown"}
    if score.score < limit:
        return {"shape": CHECK["failed"], "word": f"below {limit:g}", "kind": "bad"}
    return {"shape": CHECK["passed"], "word": f"at or above {limit:g}", "kind": "good"}


def _state(check: CheckResult) -> tuple[str, str, str]:
    if check.error is not None:
        return CHECK["failed"], "could not run", "bad"
    if check.passed is None:
        return CHECK["not evaluated"], "not evaluated", "unknown"
    if check.passed:
        return CHECK["passed"], "passed", "good"
    if check.severity.cap is None:
        return CHECK["noted"], "noted", "unknown"
    return CHECK["failed"], "failed", "warn" if check.severity.weight == 1 else "bad"


def _order(check: CheckResult) -> tuple[Any, ...]:
    rank = {False: 0, None: 1, True: 2}[check.passed]
    return rank, -check.severity.weight, check.ratio if check.ratio is not None else 1, check.id


def _why_absent(score: QualityScore, dimension: Dimension) -> str:
    mine = [c for c in score.checks if c.dimension is dimension]
    if not mine:
        return "no check in the suite"
    return "nothing could be evaluated"


def _share(check: CheckResult) -> str:
    return percentages.percent(None if check.ratio is None else 100 * check.ratio)


def _moment(instant: str) -> str:
    return f"{from_epoch(from_iso(instant)):%d %b %H:%M}"
