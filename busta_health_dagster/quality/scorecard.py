"""A score as the JSON that scripts depend on (surfaces.md, `quality score`), and `score FILE`."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.quality.frame import read_table, snapshot
from busta_health_dagster.quality.loader import load_suite
from busta_health_dagster.quality.runner import GxRunner, Validation
from busta_health_dagster.quality.suite import PLAIN
from busta_health_dagster.wording.lists import listed

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from busta_health_dagster.domain.documents.quality import Score
    from busta_health_dagster.domain.quality import QualityScore


VOLUME_ERROR = 0.6
"""With this share of the rows of the delivery that someone compares with, or less, much is missing. A source that is watched
has days with a tenth of its usual rows (an evening's board), so that its own limit is lower.
"""


def score_file(
    suite_file: Path | str,
    data_file: Path | str,
    now: datetime,
    runner: GxRunner | None = None,
    *,
    against: Path | str | None = None,
) -> Validation:
    """Score one data file (CSV, JSON, JSON lines, Parquet) with one suite file. `against` is an earlier good delivery: its
    columns, types, null rates and volume are what is expected, as a source that is watched learns them.

    Raises:
        ConfigError: the suite has problems.
        BadInput: the data file cannot be read as a table.
    """
    suite = load_suite(suite_file)
    if suite.sql_checks:
        named = listed([c.id for c in suite.sql_checks], most=3)
        raise BadInput(
            f"{suite_file} asks a database ({named}), and {data_file} is a file. Score the source with: busta quality run NAME"
        )
    table = read_table(data_file, suite.layout)
    done = (runner or GxRunner()).validate(
        suite.name,
        replace(suite, layout=PLAIN),  # the table has the names of the suite already
        table.frame,
        now,
        total_rows=table.total_rows,
        truncated=table.truncated,
        learned=None if against is None else snapshot(read_table(against, suite.layout)),
        volume_error=VOLUME_ERROR,
    )
    if table.drawn:
        done = replace(done, score=replace(done.score, notes=(*done.score.notes, f"drawn: {table.drawn}")))
    if table.truncated and table.total_rows is None:  # how much more there was was never counted
        return replace(done, score=replace(done.score, total_rows=None))
    return done


def as_json(score: QualityScore) -> Score:
    """Numbers or null, scores and shares as 0-100. NO_DATA is `"score": null` with a `reason`."""
    return {
        "score": score.score,
        "raw": _round(score.raw),
        "half_width": _round(score.half_width),
        "coverage": score.coverage,
        "provisional": score.provisional,
        "rows": score.rows,
        "total_rows": score.total_rows,
        "reason": score.reason or None,
        "dimensions": {d.value: _round(v) for d, v in score.dimensions.items()},
        "caps": [{"limit": c.limit, "check": c.check, "reason": c.reason} for c in score.caps],
        "checks": [
            {
                "id": c.id,
                "dimension": c.dimension.value,
                "column": c.column,
                "severity": c.severity.value,
                "eligible": c.eligible,
                "unexpected": c.unexpected,
                "table": c.table,
                "passed": c.passed,
                "error": c.error,
                "mostly": c.mostly,
                "weight": c.weight,
                "why": c.why,
            }
            for c in score.checks
        ],
        "notes": list(score.notes),
    }


def _round(value: float | None) -> float | None:
    """Floored to 0.001, so that 99.9999 is never shown as 100."""
    return None if value is None else math.floor(value * 1000 + 1e-9) / 1000
