"""Run suites through Great Expectations, by the one pattern that measured safe and flat.

One ephemeral context per process; one asset, batch definition and GX suite per *source*. A shared asset gave 83 of 90
silently wrong results under six threads; a new asset per run leaks 0.25 MB each. Counts only: BASIC with
`partial_unexpected_count: 0`, because BASIC otherwise puts raw values (personal data) into results. GX is imported on
first use: 6-8 CPU seconds, once.
"""

from __future__ import annotations

import functools
import itertools
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.quality import no_data
from busta_health_dagster.engines.quality_score import score
from busta_health_dagster.engines.schema_drift import VOLUME_ERROR, drift_checks
from busta_health_dagster.quality.derive import derive
from busta_health_dagster.quality.flattening import rows_of
from busta_health_dagster.quality.frame import MAX_ROWS, rows_to_frame, snapshot
from busta_health_dagster.quality.pattern_checks import failing, is_pattern_check, result_of
from busta_health_dagster.wording.lists import listed

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    import pandas as pd

    from busta_health_dagster.domain.quality import CheckResult, QualityScore, SchemaSnapshot
    from busta_health_dagster.quality.suite import CheckSpec, Suite

_COUNTS = {"result_format": "BASIC", "partial_unexpected_count": 0}
_INDEXES = {"result_format": "COMPLETE", "partial_unexpected_count": 0}


@dataclass(frozen=True, slots=True)
class Validation:
    """One run of a suite: the score and the shape that was seen (None without a table). Holds no values of the data."""

    suite: str
    score: QualityScore
    schema: SchemaSnapshot | None


@dataclass(slots=True)
class _Slot:
    """What GX holds for one source; the lock keeps two runs of the *same* source apart."""

    lock: threading.Lock
    batch_definition: Any
    fingerprint: str = ""
    suite: Any = None


class GxRunner:
    """Thread-safe; make one per process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pandas: Any = None
        self._slots: dict[str, _Slot] = {}

    def validate(
        self,
        source: str,
        suite: Suite,
        rows: Any,
        now: datetime,
        *,
        total_rows: int | None = None,
        truncated: bool = False,
        learned: SchemaSnapshot | None = None,
        volume_error: float = VOLUME_ERROR,
        max_rows: int = MAX_ROWS,
    ) -> Validation:
        """Score `rows` (a DataFrame or a list of JSON objects) of `source` with `suite`, as of `now`.

        A payload that is no table and zero rows are NO_DATA with the reason. With `learned`, drift joins as two checks.
        """
        try:
            rows = rows_of(rows, suite.layout)
            frame = rows_to_frame(_bounded(rows, max_rows), suite.layout)
        except BadInput as error:
            return Validation(suite.name, no_data(str(error)), None)
        delivered = total_rows if total_rows is not None else len(rows)
        cut = truncated or len(rows) > max_rows or delivered > len(rows)
        if len(frame) == 0:
            return Validation(suite.name, replace(score((), rows=0), total_rows=delivered), None)
        seen = snapshot(frame)
        seen = replace(seen, truncated=cut)
        results = self.run_checks(source, suite, derive(frame, suite, now))
        if cut and total_rows is not None and not suite.layout.unnest:
            results = tuple(_of_all_rows(s, delivered) or r for s, r in zip(suite.checks, results, strict=True))
        if learned is not None:
            results += drift_checks(learned, seen, volume_error=volume_error)
        verdict = score(results, rows=len(frame), total_rows=delivered if not suite.layout.unnest else None)
        if (stranger := other_table(suite, {str(column) for column in frame.columns})) is not None:
            verdict = replace(verdict, notes=(*verdict.notes, stranger))
        if cut:
            known = f" of {delivered}" if delivered > len(rows) else ""
            verdict = replace(verdict, notes=(*verdict.notes, f"rests on a sample: {len(frame)}{known} rows"))
        return Validation(suite.name, verdict, seen)

    def run_checks(self, source: str, suite: Suite, frame: pd.DataFrame) -> tuple[CheckResult, ...]:
        """One result per check of the suite, in the suite's order. `frame` already has its derived columns."""
        slot = self._slot(source)
        with slot.lock:
            self._refresh(slot, source, suite)
            runnable = _runnable(suite, set(frame.columns))
            found = _validate(slot, [s for s in runnable if not is_pattern_check(s)], frame, _COUNTS)
        columns = set(map(str, frame.columns))
        ours = {s.id: result_of(s, frame) for s in runnable if is_pattern_check(s)}
        return tuple(ours.get(s.id) or _to_result(s, found.get(s.id), columns, suite) for s in suite.checks)

    def locate(
        self, source: str, suite: Suite, frame: pd.DataFrame, checks: Iterable[CheckSpec]
    ) -> dict[str, list[Any]]:
        """Check id -> index labels of the failing rows, for row-level checks. A second run, only when someone asks."""
        wanted = {c.id for c in checks if not c.table}
        slot = self._slot(source)
        with slot.lock:
            self._refresh(slot, source, suite)
            runnable = [s for s in _runnable(suite, set(frame.columns)) if s.id in wanted]
            theirs = [s for s in runnable if not is_pattern_check(s)]
            found = _validate(slot, theirs, frame, _INDEXES) if theirs else {}
        ours = {s.id: failing(s, frame) for s in runnable if is_pattern_check(s)}
        return ours | {k: list(r.result.get("unexpected_index_list") or []) for k, r in found.items() if r.result}

    def _slot(self, source: str) -> _Slot:
        with self._lock:
            if self._pandas is None:
                self._pandas = ephemeral_context().data_sources.add_pandas(unique_name("rows"))
            if source not in self._slots:
                asset = self._pandas.add_dataframe_asset(source)
                self._slots[source] = _Slot(threading.Lock(), asset.add_batch_definition_whole_dataframe("rows"))
            return self._slots[source]

    @staticmethod
    def _refresh(slot: _Slot, source: str, suite: Suite) -> None:
        if slot.fingerprint != suite.fingerprint:
            theirs = tuple(c for c in suite.checks if not is_pattern_check(c))
            slot.suite = build_gx_suite(source, replace(suite, checks=theirs))
            slot.fingerprint = suite.fingerprint


_context_lock = threading.Lock()
_names = itertools.count(1)


def ephemeral_context() -> Any:
    """The process's one GX context: no files, analytics or progress bars, with our expectations registered."""
    with _context_lock:
        return _make_context()


@functools.cache
def _make_context() -> Any:
    import os

    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # read at import; there is no other switch before the first event
    import great_expectations as gx

    import busta_health_dagster.quality.expectations  # noqa: F401

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    return context


def unique_name(prefix: str) -> str:
    """A data source's name that no other runner of this process uses in the shared context."""
    return f"{prefix}_{next(_names)}"


def build_gx_suite(name: str, suite: Suite) -> Any:
    """The GX suite of ours. Asserts what GX does not: that it loaded as many expectations as were written.

    Raises:
        BadInput: GX refused or dropped an expectation.
    """
    import great_expectations as gx

    written = [{"type": c.type, "kwargs": {**c.kwargs, **_mostly(c)}, "meta": {"id": c.id}} for c in suite.checks]
    try:
        built = gx.ExpectationSuite(name=name, expectations=written)
    except ValueError as error:  # pydantic's ValidationError is one
        raise BadInput(f"{suite.path}: GX refuses the suite: {error}") from error
    loaded = {e.meta["id"] for e in built.expectations}
    if dropped := {c.id for c in suite.checks} - loaded:
        raise BadInput(
            f"{suite.path}: GX dropped {len(dropped)} of {len(written)} expectations: {', '.join(sorted(dropped))}"
        )
    return built


def _mostly(check: CheckSpec) -> dict[str, float]:
    return {} if check.table else {"mostly": check.mostly}


def _of_all_rows(check: CheckSpec, rows: int) -> CheckResult | None:
    """How many rows there are is known, also where only some of them were drawn. None: the check asks something else."""
    if not check.type.startswith("expect_table_row_count_to_"):
        return None
    asked = check.kwargs
    low, high = (
        (asked["value"], asked["value"]) if "value" in asked else (asked.get("min_value"), asked.get("max_value"))
    )
    enough = low is None or (rows > low if asked.get("strict_min") else rows >= low)
    few = high is None or (rows < high if asked.get("strict_max") else rows <= high)
    return check.result(1, int(not (enough and few)))


def other_table(suite: Suite, columns: set[str]) -> str | None:
    """What to say where the data has none of the columns that the suite reads: every check fails, for one reason."""
    derived = {d.column: d.sources for d in suite.derivations}
    asked = {
        real for c in suite.checks for name in c.columns for real in derived.get(name, (name,)) if real not in derived
    }
    if not asked or asked & columns:
        return None
    there = listed(sorted(columns), most=5) if columns else "none"
    return (
        f"suite {suite.name} is for another table: it reads {listed(sorted(asked), most=5)}, the data has {there}; name the suite "
        "of this table, or translate the names (meta.rename)"
    )


def _bounded(rows: Any, max_rows: int) -> Any:
    if hasattr(rows, "iloc"):
        return rows.iloc[:max_rows]
    return rows[:max_rows] if isinstance(rows, list | tuple) else rows


def _runnable(suite: Suite, columns: set[str]) -> list[CheckSpec]:
    """Checks whose columns exist. The others need no GX to fail, and its traceback for a missing column is slow and
    long.
    """
    return [c for c in suite.checks if all(n in columns for n in c.columns) or c.type == "expect_column_to_exist"]


def _validate(
    slot: _Slot, runnable: list[CheckSpec], frame: pd.DataFrame, result_format: dict[str, Any]
) -> dict[str, Any]:
    import great_expectations as gx

    wanted = {c.id for c in runnable}
    if not wanted:
        return {}
    suite = slot.suite
    if len(wanted) < len(suite.expectations):
        suite = gx.ExpectationSuite(
            name=suite.name, expectations=[e for e in suite.expectations if e.meta["id"] in wanted]
        )
    try:
        outcome = slot.batch_definition.get_batch(batch_parameters={"dataframe": frame}).validate(
            suite, result_format=result_format
        )
    except Exception as error:  # noqa: BLE001 - GX failed as a whole: every check says so, and the score with them
        return dict.fromkeys(wanted, _Broken(f"GX failed on the whole suite: {type(error).__name__}: {error}"))
    return {r.expectation_config.meta["id"]: r for r in outcome.results}


@dataclass(frozen=True, slots=True)
class _Broken:
    """Stands in for a GX result when GX itself failed."""

    message: str
    result: None = None


def _to_result(spec: CheckSpec, found: Any, columns: set[str], suite: Suite) -> CheckResult:
    missing = [c for c in spec.columns if c not in columns]
    if missing and spec.type != "expect_column_to_exist":
        return spec.result(0, 0, _missing(missing[0], columns, suite))
    if found is None:
        return spec.result(0, 0, "GX returned no result for this check")
    if isinstance(found, _Broken):
        return spec.result(0, 0, found.message)
    if message := _exception(found.exception_info):
        return spec.result(0, 0, _plain(message, spec))
    if spec.table:
        return spec.result(1, 0 if found.success else 1)
    element_count = int(found.result["element_count"])
    eligible = element_count - int(found.result.get("missing_count") or 0)
    return spec.result(eligible, int(found.result["unexpected_count"]))


def _missing(column: str, columns: set[str], suite: Suite) -> str:
    for derivation in suite.derivations:
        if derivation.column == column:
            gone = [c for c in derivation.sources if c not in columns]
            return (
                f"column {column} is derived from {', '.join(gone or derivation.sources)}, which the data does not have"
            )
    return f"column {column} is missing from the data"


def _exception(info: Any) -> str | None:
    """GX has two shapes: {raised_exception, exception_message} and {metric id: {raised_exception, ...}}."""
    if not isinstance(info, dict):
        return None
    if "raised_exception" in info:
        return str(info.get("exception_message")) if info["raised_exception"] else None
    for inner in info.values():
        if isinstance(inner, dict) and inner.get("raised_exception"):
            return str(inner.get("exception_message"))
    return None


def _plain(message: str, spec: CheckSpec) -> str:
    """GX's message, shortened, with the remedy where we know it. Values are left out: they may be personal."""
    if "not supported between instances" in message or "must either be None or of the same type" in message:
        remedy = "use expect_column_values_to_be_number_between, which counts text as wrong"
        return f"column {spec.column} mixes types, so it cannot be compared; {remedy}"
    text = " ".join(message.split())
    return text if len(text) <= 300 else text[:297] + "..."
