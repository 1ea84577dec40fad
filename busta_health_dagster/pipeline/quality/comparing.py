"""A source compared with another one while it is scored: the newest samples of both, under the names of their suites."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.engines.quality_score import score
from busta_health_dagster.engines.reconcile import reconcile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from busta_health_dagster.domain.observation import Sample
    from busta_health_dagster.domain.quality import QualityScore
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.quality.suite import Suite


class Suites(Protocol):
    """Where suites, and files of names, come from."""

    @property
    def suites(self) -> Path: ...

    def suite(self, name: str) -> Suite: ...


@dataclass(frozen=True, slots=True)
class Other:
    """The source that a task's is compared with: its newest sample, or why there is none to compare with."""

    source: Source
    sample: Sample | None = None
    refused: str = ""


def compared(
    source: Source, sample: Sample | None, other: Other | None, verdict: QualityScore, with_: Suites
) -> QualityScore:
    """The comparison with the other source joins the score; where it cannot be made, a note says why."""
    spec = source.quality.reconcile if source.quality is not None else None
    assert spec is not None
    if other is None or other.refused or other.sample is None or sample is None:
        why = other.refused if other is not None and other.refused else "there is no sample of both"
        return replace(verdict, notes=(*verdict.notes, f"not compared with {spec.other}: {why}"))
    ours, theirs = (_records(which, kept, with_) for which, kept in ((source, sample), (other.source, other.sample)))
    found = reconcile(spec, ours, theirs, _names(spec.names, with_.suites))
    joined = score((*verdict.checks, *found), rows=verdict.rows, total_rows=verdict.total_rows)
    return replace(joined, notes=(*verdict.notes, *joined.notes))


def _records(source: Source, sample: Sample, with_: Suites) -> list[dict[str, Any]]:
    """Rows under the names of the source's suite."""
    from busta_health_dagster.quality.frame import rows_to_frame
    from busta_health_dagster.quality.suite import PLAIN

    named = source.quality.suite if source.quality is not None else None
    layout = PLAIN if named is None else with_.suite(named).layout
    records = rows_to_frame(list(sample.rows), layout).to_dict("records")
    return [{str(column): value for column, value in record.items()} for record in records]


def _names(given: Mapping[str, str] | str, suites: Path) -> Mapping[str, str]:
    """Spellings and the names that count; a file of them lies beside the suites.

    Raises:
        BadInput: it is not there, or is no mapping of words.
    """
    if not isinstance(given, str):
        return given
    import yaml

    path = suites / given
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"the names of {path} cannot be read: {' '.join(str(error).split())[:200]}") from error
    if not isinstance(found, dict):
        raise BadInput(f"{path} holds no names; write lines such as `Kansas City Chiefs: KC`")
    return {str(spelling): str(name) for spelling, name in found.items()}
