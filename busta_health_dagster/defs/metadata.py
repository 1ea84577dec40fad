"""What Dagster plots and shows of an observation. Floats with units in their names, prefixed to set the order of the
plots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from busta_health_dagster.domain.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.domain.verdict import CheckVerdict


def plottable(values: Mapping[str, float | None]) -> dict[str, dg.MetadataValue]:
    """Only what is known, to three decimals: an absent value is left out, never a sentinel. `MetadataValue.float(0)`
    raises, hence the cast.
    """
    return {name: dg.MetadataValue.float(round(float(value), 3)) for name, value in values.items() if value is not None}


def state_metadata(state: SourceState) -> dict[str, dg.MetadataValue]:
    """Metadata of one check of a source."""
    values = {
        "1_response_ms": state.response_ms,
        "2_data_age_s": state.data_age_s,
        "3_items": state.items,
        "4_attempts": state.attempts,
        "5_tls_days_left": state.tls_days_left,
    }
    metadata: dict[str, dg.MetadataValue] = {
        "status": dg.MetadataValue.text(state.status.word),
        "reason": dg.MetadataValue.text(state.detail or state.reason),
        "observed_at": dg.MetadataValue.timestamp(float(state.observed_at)),
    }
    return metadata | plottable(values)


def check_passed(verdict: CheckVerdict) -> bool:
    """Unknown is never healthy: it fails, as a warning that says so."""
    return verdict.outcome is Outcome.GOOD


def check_severity(verdict: CheckVerdict) -> dg.AssetCheckSeverity:
    return (
        dg.AssetCheckSeverity.ERROR
        if verdict.severity == "ERROR" and verdict.outcome is Outcome.BAD
        else dg.AssetCheckSeverity.WARN
    )


def check_description(verdict: CheckVerdict) -> str:
    return verdict.reason if verdict.outcome is not Outcome.UNKNOWN else f"Cannot tell: {verdict.reason}"


def check_metadata(verdict: CheckVerdict) -> dict[str, dg.MetadataValue]:
    numbers = {k: v for k, v in verdict.numbers.items() if isinstance(v, int | float) and not isinstance(v, bool)}
    return plottable(numbers)


def check_evaluation(key: dg.AssetKey, verdict: CheckVerdict) -> dg.AssetCheckEvaluation:
    """For an event without a run."""
    return dg.AssetCheckEvaluation(**_notified(key, verdict))


def check_result(key: dg.AssetKey, verdict: CheckVerdict) -> dg.AssetCheckResult:
    """For a check that runs beside a materialization."""
    return dg.AssetCheckResult(**_notified(key, verdict))


def _notified(key: dg.AssetKey, verdict: CheckVerdict) -> dict[str, Any]:
    return {
        "asset_key": key,
        "check_name": verdict.name,
        "passed": check_passed(verdict),
        "severity": check_severity(verdict),
        "description": check_description(verdict),
        "metadata": check_metadata(verdict),
    }
