"""One asset check for each dimension of a score, on `quality/<name>`: only those that its suite can decide.

An evaluation costs as much as a materialization, and a score comes every hour. So the schedule reports a dimension when
its verdict changes, and once a day so that its timestamp does not look dead; who materializes by hand gets all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from busta_health_dagster.defs.keys import quality_key
from busta_health_dagster.defs.metadata import check_evaluation, check_passed, check_severity, decided
from busta_health_dagster.domain.errors import BustaError
from busta_health_dagster.domain.quality import Dimension
from busta_health_dagster.engines.quality_dimensions import dimension_verdicts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from busta_health_dagster.domain.quality import QualityScore
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.domain.verdict import CheckVerdict
    from busta_health_dagster.settings import Config

REFRESH_S = 86400
_ABOUT = {
    Dimension.COMPLETENESS: "Is nothing missing that the suite asks for?",
    Dimension.VALIDITY: "Are the values what the suite allows?",
    Dimension.CONSISTENCY: "Do the data agree with themselves, and with the source they are compared with?",
    Dimension.UNIQUENESS: "Is nothing there twice that the suite wants once?",
    Dimension.TIMELINESS: "Are the data as new as the suite asks for?",
}


def decidable_dimensions(config: Config, sources: Iterable[Source]) -> dict[str, tuple[Dimension, ...]]:
    """By source: what its suite checks. A suite that cannot be read decides nothing, and its source has no score."""
    from busta_health_dagster.quality.loader import find_suite, load_suite

    of_suite: dict[str, frozenset[Dimension]] = {}
    found = {}
    for source in sources:
        spec = source.quality
        assert spec is not None
        there: frozenset[Dimension] = frozenset()
        if spec.suite is not None:
            if spec.suite not in of_suite:
                try:
                    suite = load_suite(find_suite(spec.suite, config.expectations_dir))
                except BustaError:  # the doctor names it, and so does each validation
                    of_suite[spec.suite] = frozenset()
                else:
                    weighed = (c for c in suite.checks if c.severity.weight * c.weight > 0)
                    of_suite[spec.suite] = frozenset(c.dimension for c in weighed)
            there = of_suite[spec.suite]
        if spec.dbt is not None:
            there |= {Dimension.TIMELINESS}  # how old its results are; what else it tests stands in dbt's files
        if spec.validator is not None:
            there = frozenset(Dimension)
        found[source.name] = tuple(d for d in Dimension if d in there)
    return found


def dimension_specs(dimensions: Mapping[str, Sequence[Dimension]]) -> list[dg.AssetCheckSpec]:
    return [
        dg.AssetCheckSpec(name=d.value, asset=quality_key(name), description=_ABOUT[d], blocking=False)
        for name, mine in dimensions.items()
        for d in mine
    ]


def verdicts_of(score: QualityScore, dimensions: Sequence[Dimension]) -> list[CheckVerdict]:
    """Those that can be told."""
    return [verdict for verdict in dimension_verdicts(score, dimensions) if decided(verdict)]


def report_changes(instance: dg.DagsterInstance, now: float, verdicts: Mapping[dg.AssetCheckKey, CheckVerdict]) -> int:
    """Send what Dagster does not show yet, and what it was last sent more than a day ago; -> events."""
    if not verdicts:
        return 0
    newest = instance.event_log_storage.get_latest_asset_check_execution_by_key(list(verdicts))
    sent = 0
    for key, verdict in verdicts.items():
        record = newest.get(key)
        shown = None if record is None else record.evaluation
        same = (
            record is not None
            and isinstance(shown, dg.AssetCheckEvaluation)
            and (shown.passed, shown.severity) == (check_passed(verdict), check_severity(verdict))
            and now - record.create_timestamp < REFRESH_S
        )
        if not same:
            instance.report_runless_asset_event(check_evaluation(key.asset_key, verdict))
            sent += 1
    return sent
