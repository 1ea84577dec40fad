"""Score one source. Whatever is wrong with it, its suite or its validator becomes its own NO_DATA with the reason.

Nothing here touches the store, so that many sources can be scored in threads.
"""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import BadInput, BustaError, ConfigError
from busta_health_dagster.domain.quality import Scored, no_data
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.engines.quality_score import combine, score
from busta_health_dagster.engines.schema_drift import drift_checks
from busta_health_dagster.engines.schema_learning import accept, learn, reference
from busta_health_dagster.extras import require
from busta_health_dagster.pipeline.quality.comparing import compared
from busta_health_dagster.pipeline.quality.dbt_files import with_dbt
from busta_health_dagster.pipeline.quality.in_database import (
    counted_by_database,
    is_counted,
    obstacle_of,
    pushes_down,
    with_sql_checks,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from busta_health_dagster.domain.fields import SecretRef
    from busta_health_dagster.domain.observation import Sample
    from busta_health_dagster.domain.quality import FailingRow, Learned, QualityScore, SchemaSnapshot
    from busta_health_dagster.domain.source import QualitySpec, Source
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.pipeline.quality.comparing import Other
    from busta_health_dagster.quality.pushdown import SqlRunner
    from busta_health_dagster.quality.runner import GxRunner
    from busta_health_dagster.quality.suite import Suite

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Task:
    """What is known of a source before it is scored. `refused` is why there is nothing to score; then nothing is tried.

    `data_at` is when the sample was taken; for push-down it is now. `slot` is the observation that gets the score.
    """

    source: Source
    data_at: int
    slot: int
    sample: Sample | None = None
    known: Learned | None = None
    refused: str = ""
    other: Other | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What scoring came to. `broken`: not the data, but our side of it (suite, validator, secret) is wrong."""

    task: Task
    scored: Scored
    failures: tuple[FailingRow, ...] = ()
    learned: Learned | None = None
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Scorer:
    """How this process scores: the runners, where the suites lie, and whose word a secret is. Thread-safe."""

    gx: GxRunner
    sql: SqlRunner
    suites: Path
    secret: Callable[[SecretRef], str]
    scrub: Callable[[str], str]
    now: int
    config_dir: Path
    relearn: bool = False
    _loaded: dict[str, Suite | BustaError] = field(default_factory=dict)

    def suite(self, name: str) -> Suite:
        """The suite, read once per run: what a thread found wrong, the next one need not find again.

        Raises:
            BustaError: it is not there, or not usable.
        """
        from busta_health_dagster.quality.loader import find_suite, load_suite

        if name not in self._loaded:
            try:
                self._loaded[name] = load_suite(find_suite(name, self.suites))
            except BustaError as error:
                self._loaded[name] = error
        found = self._loaded[name]
        if isinstance(found, BustaError):
            raise found
        return found


def scorer(app: App, *, relearn: bool = False) -> Scorer:
    """The process's runners on this application's suites and secrets."""
    gx, sql = _runners()
    return Scorer(
        gx, sql, app.config.expectations_dir, app.secrets, app.secrets.scrub, app.now(), app.config.dir, relearn
    )


@functools.cache
def _runners() -> tuple[GxRunner, SqlRunner]:
    """One of each per process: a context per run would leak, and GX's import is paid once."""
    require("quality", "Scoring quality")
    from busta_health_dagster.quality.pushdown import SqlRunner
    from busta_health_dagster.quality.runner import GxRunner

    return GxRunner(), SqlRunner()


def score_source(task: Task, with_: Scorer) -> Outcome:
    """Score one source. Never raises."""
    spec = task.source.quality
    assert spec is not None, "only sources with a quality spec are scored"
    if task.refused:
        return Outcome(task, _scored(task, with_, spec, no_data(task.refused)))
    try:
        return _score(task, spec, with_)
    except BustaError as error:
        reason = _one_line(error)
        _LOG.warning("source %s: not scored: %s", task.source.name, with_.scrub(reason))
    except Exception as error:  # noqa: BLE001  one source's trouble must not be another's
        _LOG.exception("source %s: scoring broke", task.source.name)
        reason = f"scoring broke: {type(error).__name__}: {error}; the log has the traceback"
    return Outcome(task, _scored(task, with_, spec, no_data(reason)), broken=True)


def _score(task: Task, spec: QualitySpec, with_: Scorer) -> Outcome:
    suite = None if spec.suite is None else _declared(with_.suite(spec.suite), spec)
    verdict: QualityScore | None = None
    shape: SchemaSnapshot | None = None
    failures: tuple[FailingRow, ...] = ()
    counted = False
    if suite is not None:
        counted = is_counted(task.source, suite)
        verdict, shape = counted_by_database(task, suite, with_) if counted else _on_rows(task, suite, with_)
    learned = None
    if shape is not None and verdict is not None and verdict.score is not None:
        verdict, learned = _drifted(task, shape, verdict, with_)
    if spec.reconcile is not None and verdict is not None and verdict.score is not None:
        verdict = compared(task.source, task.sample, task.other, verdict, with_)
    if suite is not None and verdict is not None and not counted and task.sample is not None:
        failures = _failures(task, suite, verdict, with_)
    if spec.dbt is not None:
        rows = 0 if task.sample is None else len(task.sample.rows)
        verdict = with_dbt(spec.dbt, verdict, rows, base=with_.config_dir, now=with_.now)
    if spec.validator is not None:
        evaluated = _validated(task, spec)
        verdict = evaluated if verdict is None else combine(verdict, evaluated)
    if verdict is None:
        raise BadInput(f"{task.source.where}: quality names no suite, no validator and no dbt tests; name one")
    return Outcome(task, _scored(task, with_, spec, verdict), failures, learned)


def _declared(suite: Suite, spec: QualitySpec) -> Suite:
    """The suite with what the source says of its columns."""
    return replace(suite, keys=spec.key_columns or suite.keys, public=suite.public | set(spec.public_columns))


def _on_rows(task: Task, suite: Suite, with_: Scorer) -> tuple[QualityScore, SchemaSnapshot | None]:
    sample = task.sample
    assert sample is not None, "a source without a sample is refused before"
    done = with_.gx.validate(
        task.source.name,
        suite.on_rows,
        list(sample.rows),
        from_epoch(task.data_at),
        total_rows=sample.total_rows,
        truncated=sample.truncated,
    )
    verdict = done.score
    if pushes_down(task.source) and (why := obstacle_of(suite)) is not None:
        verdict = replace(verdict, notes=(*verdict.notes, f"scored on the sample, not in the database: {why}"))
    return (with_sql_checks(task, suite, verdict, with_) if suite.sql_checks else verdict), done.schema


def _drifted(
    task: Task, seen: SchemaSnapshot, verdict: QualityScore, with_: Scorer
) -> tuple[QualityScore, Learned | None]:
    """Drift joins the score as two checks, against what was learned before this observation."""
    if with_.relearn:
        return verdict, accept(seen, with_.now)
    before = reference(task.known)
    learned, _ = learn(task.known, seen, with_.now)
    if before is None:
        return verdict, learned
    joined = score((*verdict.checks, *drift_checks(before, seen)), rows=verdict.rows, total_rows=verdict.total_rows)
    return replace(joined, notes=(*verdict.notes, *joined.notes)), learned


def _failures(task: Task, suite: Suite, verdict: QualityScore, with_: Scorer) -> tuple[FailingRow, ...]:
    from busta_health_dagster.quality.failing_rows import failing_rows

    suite = suite.on_rows
    known = {c.id for c in suite.checks if not c.table}
    failed = [c.id for c in verdict.failing if c.id in known and c.error is None]
    if not failed or task.sample is None:
        return ()
    return failing_rows(
        with_.gx, task.source.name, suite, list(task.sample.rows), from_epoch(task.data_at), failed=failed
    )


def _validated(task: Task, spec: QualitySpec) -> QualityScore:
    from busta_health_dagster.framework.validator import validate
    from busta_health_dagster.quality.validator import from_validator

    if task.sample is None:
        return no_data("the check stored no sample for the validator")
    if not task.sample.rows:
        return no_data("zero rows: nothing to evaluate")
    assert spec.validator is not None
    if spec.validator_scale is None:
        raise BadInput(f"{task.source.where}: quality.validator needs validator_scale: 1 or 100; it is never guessed")
    answer = validate(spec.validator, task.sample.rows)
    verdict = from_validator(answer, scale=spec.validator_scale, rows=len(task.sample.rows))
    return replace(verdict, total_rows=task.sample.total_rows)


def _scored(task: Task, with_: Scorer, spec: QualitySpec, verdict: QualityScore) -> Scored:
    """No secret leaves this process, whatever an error text quoted."""
    scrub = with_.scrub
    clean = replace(
        verdict,
        reason=scrub(verdict.reason)[:1000],
        checks=tuple(c if c.error is None else replace(c, error=scrub(c.error)) for c in verdict.checks),
        notes=tuple(scrub(n) for n in verdict.notes),
    )
    return Scored(task.source.name, with_.now, task.data_at, spec.evaluated_by, clean)


def _one_line(error: BustaError) -> str:
    if isinstance(error, ConfigError):
        shown = [f"{p.where} {p.field}: {p.message}" for p in error.problems[:3]]
        more = len(error.problems) - 3
        return "the suite is broken: " + "; ".join(" ".join(s.split()) for s in shown) + (f"; {more} more" * (more > 0))
    return " ".join(str(error).split())
