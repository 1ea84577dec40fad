"""What dbt left in its target folder, read when a source is scored."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.quality import CheckResult, CheckSeverity, Dimension, no_data
from busta_health_dagster.engines.dbt_results import AGE_CHECK, dbt_tests
from busta_health_dagster.engines.quality_score import score

if TYPE_CHECKING:
    from busta_health_dagster.domain.quality import QualityScore
    from busta_health_dagster.domain.source import DbtSpec

MAX_BYTES = 256_000_000


def with_dbt(spec: DbtSpec, verdict: QualityScore | None, rows: int, *, base: Path, now: float) -> QualityScore:
    """The score with the results of dbt's tests. Files that cannot be used are a check that could not run: the rest of the
    score stands. `base` is what a relative folder is relative to; without a suite the score rests on the tests alone.
    """
    folder = base / Path(spec.target).expanduser()
    notes: tuple[str, ...] = ()
    try:
        found = dbt_tests(
            _read(folder / "run_results.json"),
            _read(folder / "manifest.json"),
            spec.node,
            now=now,
            max_age_s=spec.max_age_s,
        )
        checks, notes = found.checks, found.notes
    except BadInput as error:
        reason = f"{folder}: {error}" if str(folder) not in str(error) else str(error)
        checks = (
            CheckResult("dbt.results", Dimension.TIMELINESS, None, CheckSeverity.ERROR, 0, 0, table=True, error=reason),
        )
    if verdict is None:
        evaluated = [c for c in checks if c.id != AGE_CHECK and c.error is None and c.passed is not None]
        if not evaluated:  # nothing but that it is too old, or not there
            last = checks[-1]  # of the age, or that the files cannot be used
            why = last.error or last.why if last.passed is False else "; ".join(notes)
            return no_data(why or "dbt's tests came to no result")
        joined = score(checks, rows=max(1, rows))
        return replace(joined, notes=(*notes, "rests on dbt's tests alone"))
    if verdict.score is None:
        return verdict
    joined = score((*verdict.checks, *checks), rows=verdict.rows, total_rows=verdict.total_rows)
    return replace(joined, notes=(*verdict.notes, *notes))


def _read(path: Path) -> Any:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise BadInput(f"{path} has {size:,} bytes, more than {MAX_BYTES:,}; is it dbt's?")
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise BadInput(f"there is no {path}; run dbt test, or correct quality.dbt.target") from error
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} is no JSON: {str(error)[:120]}; was it cut while dbt wrote it?") from error
