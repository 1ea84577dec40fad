"""What Dagster plots and shows of an observation: words for people first, then floats with units in their names, which it
plots. Its page hides Markdown behind a link and shows a table as one: what matters is a table or a sentence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.definitions.data_version import DATA_VERSION_TAG

from busta_health_dagster.domain.verdict import Outcome
from busta_health_dagster.engines.data_version import data_version
from busta_health_dagster.wording.durations import duration_text, milliseconds_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.domain.quality import SchemaSnapshot
    from busta_health_dagster.domain.verdict import CheckVerdict

COLUMNS_AT_MOST = 20


def plottable(values: Mapping[str, float | None]) -> dict[str, dg.MetadataValue]:
    """Only what is known, to three decimals: an absent value is left out, never a sentinel. `MetadataValue.float(0)`
    raises, hence the cast.
    """
    return {name: dg.MetadataValue.float(round(float(value), 3)) for name, value in values.items() if value is not None}


def texts(values: Mapping[str, str | None]) -> dict[str, dg.MetadataValue]:
    """Only what there is to say."""
    return {name: dg.MetadataValue.text(text) for name, text in values.items() if text}


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> dg.MetadataValue:
    """A table that stands on the asset's page without a click. It is as wide as a third of the page: few columns, short
    words; Dagster shows text from a source as text.
    """
    return dg.MetadataValue.table(
        records=[dg.TableRecord(dict(zip(columns, row, strict=True))) for row in rows],
        schema=dg.TableSchema(columns=[dg.TableColumn(name=name) for name in columns]),
    )


def observation_event(key: dg.AssetKey, state: SourceState) -> dg.AssetObservation:
    """How the source is; what it delivers is as it was."""
    return dg.AssetObservation(asset_key=key, metadata=state_metadata(state), tags=version_tags(data_version(state)))


def new_data_event(
    key: dg.AssetKey, state: SourceState, version: str, shape: SchemaSnapshot | None = None
) -> dg.AssetMaterialization:
    """It delivers something new: what is downstream may start. `shape`: the columns that it was learned to have."""
    metadata = state_metadata(state) | column_schema(shape)
    return dg.AssetMaterialization(asset_key=key, metadata=metadata, tags=version_tags(version))


def column_schema(shape: SchemaSnapshot | None) -> dict[str, dg.MetadataValue]:
    """For the tab of the columns. Not of a wide table: 210 bytes a column come with every version of the data."""
    if shape is None or not 0 < len(shape.columns) <= COLUMNS_AT_MOST:
        return {}
    columns = [dg.TableColumn(name=c.name, type=c.type) for c in shape.columns]
    return {"dagster/column_schema": dg.MetadataValue.table_schema(dg.TableSchema(columns=columns))}


def version_tags(version: str | None) -> dict[str, str]:
    return {} if version is None else {DATA_VERSION_TAG: version}


def state_metadata(state: SourceState) -> dict[str, dg.MetadataValue]:
    """Metadata of one observation of a source. Every entry costs 125 bytes of each event, and two events of less than 2 KB
    share a page of SQLite.
    """
    measured = [
        "" if state.response_ms is None else milliseconds_text(state.response_ms),
        "" if state.data_age_s is None else f"data {duration_text(state.data_age_s)} old",
    ]
    words = {
        "status": state.status.word,
        "reason": state.detail or state.reason,
        "measured": ", ".join(part for part in measured if part),
    }
    values = {
        "response time (ms)": state.response_ms,
        "data age (s)": state.data_age_s,
        "items": state.items,
        "attempts": state.attempts if state.attempts > 1 else None,
        "certificate (days left)": state.tls_days_left,
    }
    observed_at = {"observed at": dg.MetadataValue.timestamp(float(state.observed_at))}
    return texts(words) | observed_at | plottable(values)


def decided(verdict: CheckVerdict) -> bool:
    """What cannot be told is neither passed nor failed: it is not an evaluation. One that came to nothing is: as a warning,
    so that what passed before is not shown any longer.
    """
    return verdict.outcome is not Outcome.UNKNOWN or verdict.came_to_nothing


def check_passed(verdict: CheckVerdict) -> bool:
    return verdict.outcome is Outcome.GOOD


def check_severity(verdict: CheckVerdict) -> dg.AssetCheckSeverity:
    return (
        dg.AssetCheckSeverity.ERROR
        if verdict.severity == "ERROR" and not check_passed(verdict)
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
