"""What Dagster plots and shows of an observation. Floats with units in their names, prefixed to set the order of the
plots.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG

from busta_health_dagster.domain.verdict import Outcome
from busta_health_dagster.engines.data_version import data_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.domain.verdict import CheckVerdict


def plottable(values: Mapping[str, float | None]) -> dict[str, dg.MetadataValue]:
    """Only what is known, to three decimals: an absent value is left out, never a sentinel. `MetadataValue.float(0)`
    raises, hence the cast.
    """
    return {name: dg.MetadataValue.float(round(float(value), 3)) for name, value in values.items() if value is not None}


def observation_event(key: dg.AssetKey, state: SourceState) -> dg.AssetObservation:
    """How the source is; what it delivers is as it was."""
    return dg.AssetObservation(asset_key=key, metadata=state_metadata(state), tags=version_tags(data_version(state)))


def new_data_event(key: dg.AssetKey, state: SourceState, version: str) -> dg.AssetMaterialization:
    """It delivers something new: what is downstream may start."""
    return dg.AssetMaterialization(asset_key=key, metadata=state_metadata(state), tags=version_tags(version))


def version_tags(version: str | None) -> dict[str, str]:
    return {} if version is None else {DATA_VERSION_TAG: version}


def state_metadata(state: SourceState) -> dict[str, dg.MetadataValue]:
    """Metadata of one observation of a source."""
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


def decided(verdict: CheckVerdict) -> bool:
    """What cannot be told is neither passed nor failed: it is not an evaluation."""
    return verdict.outcome is not Outcome.UNKNOWN


def check_passed(verdict: CheckVerdict) -> bool:
    return verdict.outcome is Outcome.GOOD


def check_severity(verdict: CheckVerdict) -> dg.AssetCheckSeverity:
    return (
        dg.AssetCheckSeverity.ERROR
        if verdict.severity == "ERROR" and verdict.outcome is Outcome.BAD
        else dg.AssetCheckSeverity.WARN
    )


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
        "description": verdict.reason,
        "metadata": check_metadata(verdict),
    }
