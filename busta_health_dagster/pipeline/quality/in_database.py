"""Scoring inside the database of a source: the whole suite where it can count it, else the suite's own queries."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.fields import SecretRef
from busta_health_dagster.domain.quality import no_data
from busta_health_dagster.domain.sql_statement import dialect_of, only_reads
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.engines.quality_score import score
from busta_health_dagster.probes.dates import fill
from busta_health_dagster.wording.lists import listed

if TYPE_CHECKING:
    from busta_health_dagster.domain.quality import QualityScore, SchemaSnapshot
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.quality.scoring import Scorer, Task
    from busta_health_dagster.quality.suite import Suite


def pushes_down(source: Source) -> bool:
    """Does the database count for itself? Then no sample is needed; the suite may still refuse."""
    spec = source.quality
    return spec is not None and source.probe == "sql" and spec.push_down and spec.suite is not None


def is_counted(source: Source, suite: Suite) -> bool:
    """Does the database count all of it? A suite of nothing but SQL checks has no other way.

    Raises:
        BadInput: it has SQL checks, and the source is no database.
    """
    if suite.sql_checks and source.probe != "sql":
        named = listed([c.id for c in suite.sql_checks], most=3)
        raise BadInput(
            f"suite {suite.name} asks a database ({named}), and {source.name} is observed by probe {source.probe}; give it a "
            "suite without SQL checks, or observe it with probe sql"
        )
    if not suite.on_rows.checks:
        return True
    return pushes_down(source) and obstacle_of(suite) is None


def obstacle_of(suite: Suite) -> str | None:
    """Why this suite needs rows; None where a database can count all of it."""
    from busta_health_dagster.quality.pushdown import obstacle

    return obstacle(suite)


def counted_by_database(task: Task, suite: Suite, with_: Scorer) -> tuple[QualityScore, SchemaSnapshot | None]:
    """By the database. What the check stored still shows columns and types, bounded as it is."""
    try:
        url, query = _database(task, with_)
    except ValueError as error:  # behind a secret URL no one knew the database before
        return no_data(str(error)), None
    verdict = with_.sql.validate(task.source.name, suite, url, query, from_epoch(with_.now)).score
    shape = None
    if task.sample is not None and task.sample.rows:
        from busta_health_dagster.quality.frame import rows_to_frame, snapshot

        shape = replace(snapshot(rows_to_frame(task.sample.rows)), truncated=True)
    return replace(verdict, notes=(*verdict.notes, "counted by the database, over all rows of the query")), shape


def with_sql_checks(task: Task, suite: Suite, verdict: QualityScore, with_: Scorer) -> QualityScore:
    """The score of the rows with what the suite's own queries find."""
    if verdict.score is None:
        return verdict
    try:
        url, query = _database(task, with_)
    except ValueError as error:
        return no_data(str(error))
    asked = with_.sql.run_sql_checks(suite, url, query)
    joined = score((*verdict.checks, *asked), rows=verdict.rows, total_rows=verdict.total_rows)
    return replace(joined, notes=(*verdict.notes, *joined.notes))


def _database(task: Task, with_: Scorer) -> tuple[str, str]:
    """The URL and the query of a source of probe sql, with the dates of now in it. Raises ValueError for one that writes."""
    config: Any = task.source.config
    url = with_.secret(config.url) if isinstance(config.url, SecretRef) else config.url
    return url, only_reads(fill(config.query, with_.now, config.zone), dialect_of(url))
