"""Our expectations, registered with GX by importing this module (6-8 CPU seconds: inside functions only).

Plain GX can run our suites after `import busta_health_dagster.quality.expectations`; derived columns come from
`quality.derive`. They run on pandas; on a database use GX's own (a database column has one type, so a mixed one
cannot occur).
"""

# GX reads these classes' annotations at run time: no `from __future__ import annotations` here.
from typing import Any, ClassVar, Optional

from great_expectations.execution_engine import PandasExecutionEngine
from great_expectations.expectations.expectation import ColumnMapExpectation, ColumnPairMapExpectation
from great_expectations.expectations.metrics import ColumnMapMetricProvider, column_condition_partial
from great_expectations.expectations.metrics.map_metric_provider import (
    ColumnPairMapMetricProvider,
    column_pair_condition_partial,
)

from busta_health_dagster.quality import rules

# mypy: disable-error-code="misc, untyped-decorator"
# ruff: noqa: N805, UP045


class NumberBetweenMetric(ColumnMapMetricProvider):
    """Is it a number within the range? Text such as "abc" is unexpected; it does not break the check."""

    condition_metric_name = "column_values.busta_number_between"
    condition_value_keys = ("min_value", "max_value", "whole")

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, min_value: Any = None, max_value: Any = None, whole: Any = False, **_: Any) -> Any:
        return rules.number_between(column, min_value, max_value, bool(whole))


class ExpectColumnValuesToBeNumberBetween(ColumnMapExpectation):
    """Expect values to be numbers (or text that reads as one) between two bounds."""

    min_value: Optional[float] = None
    max_value: Optional[float] = None
    whole: Optional[bool] = None
    map_metric: ClassVar[str] = "column_values.busta_number_between"
    success_keys: ClassVar[tuple[str, ...]] = ("min_value", "max_value", "whole", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "min_value", "max_value")


class AmericanOddsMetric(ColumnMapMetricProvider):
    condition_metric_name = "column_values.busta_american_odds"
    condition_value_keys = ("max_value",)

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, max_value: Any = None, **_: Any) -> Any:
        return rules.american_odds(column, max_value)


class ExpectColumnValuesToBeAmericanOdds(ColumnMapExpectation):
    """Expect American odds: whole numbers of at least 100 either way."""

    max_value: Optional[float] = None
    map_metric: ClassVar[str] = "column_values.busta_american_odds"
    success_keys: ClassVar[tuple[str, ...]] = ("max_value", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "max_value")


class DecimalOddsMetric(ColumnMapMetricProvider):
    condition_metric_name = "column_values.busta_decimal_odds"
    condition_value_keys = ("max_value",)

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, max_value: Any = None, **_: Any) -> Any:
        return rules.decimal_odds(column, max_value)


class ExpectColumnValuesToBeDecimalOdds(ColumnMapExpectation):
    """Expect decimal odds: above 1."""

    max_value: Optional[float] = None
    map_metric: ClassVar[str] = "column_values.busta_decimal_odds"
    success_keys: ClassVar[tuple[str, ...]] = ("max_value", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "max_value")


class OddsMetric(ColumnMapMetricProvider):
    condition_metric_name = "column_values.busta_odds"
    condition_value_keys = ()

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, **_: Any) -> Any:
        return rules.odds(column)


class ExpectColumnValuesToBeOdds(ColumnMapExpectation):
    """Expect American or decimal odds, all of them written like most of them."""

    map_metric: ClassVar[str] = "column_values.busta_odds"
    success_keys: ClassVar[tuple[str, ...]] = ("mostly",)
    args_keys: ClassVar[tuple[str, ...]] = ("column",)


class KnownOrRecurringMetric(ColumnMapMetricProvider):
    condition_metric_name = "column_values.busta_known_or_recurring"
    condition_value_keys = ("value_set", "min_share")

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, value_set: Any = (), min_share: Any = 0.0, **_: Any) -> Any:
        return rules.known_or_recurring(column, list(value_set), float(min_share))


class ExpectColumnValuesToBeKnownOrRecurring(ColumnMapExpectation):
    """Expect values of a set that grows: a known one, or a new one that stands in at least `min_share` of the rows."""

    value_set: list[Any]
    min_share: float
    map_metric: ClassVar[str] = "column_values.busta_known_or_recurring"
    success_keys: ClassVar[tuple[str, ...]] = ("value_set", "min_share", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "value_set", "min_share")


class NotDominantMetric(ColumnMapMetricProvider):
    condition_metric_name = "column_values.busta_not_dominant"
    condition_value_keys = ("shares", "rare", "rows", "room")

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, shares: Any = None, rare: Any = 0.0, rows: Any = 1, room: Any = 1.0, **_: Any) -> Any:
        return rules.not_dominant(column, dict(shares or {}), float(rare), int(rows), float(room))


class ExpectColumnValuesToNotBeDominant(ColumnMapExpectation):
    """Expect no value to be more common than its usual share, some room and chance explain."""

    shares: dict[str, float]
    rare: float
    rows: int
    room: float
    map_metric: ClassVar[str] = "column_values.busta_not_dominant"
    success_keys: ClassVar[tuple[str, ...]] = ("shares", "rare", "rows", "room", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "shares", "rare", "rows", "room")


class TimestampMetric(ColumnMapMetricProvider):
    condition_metric_name = "column_values.busta_timestamp"
    condition_value_keys = ("min_value", "max_value")

    @column_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column: Any, min_value: Any = None, max_value: Any = None, **_: Any) -> Any:
        return rules.is_timestamp(column, min_value, max_value)


class ExpectColumnValuesToBeTimestamp(ColumnMapExpectation):
    """Expect ISO 8601 text or timestamps, no earlier than `min_value` and no later than `max_value`."""

    min_value: Optional[str] = None
    max_value: Optional[str] = None
    map_metric: ClassVar[str] = "column_values.busta_timestamp"
    success_keys: ClassVar[tuple[str, ...]] = ("min_value", "max_value", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column", "min_value", "max_value")


class DependencyMetric(ColumnPairMapMetricProvider):
    condition_metric_name = "column_pair_values.busta_follow_dependency"
    condition_domain_keys = (
        "batch_id",
        "table",
        "column_A",
        "column_B",
        "row_condition",
        "condition_parser",
        "ignore_row_if",
    )
    condition_value_keys = ()

    @column_pair_condition_partial(engine=PandasExecutionEngine)
    def _pandas(cls, column_A: Any, column_B: Any, **_: Any) -> Any:  # noqa: N803
        return rules.follows_dependency(column_A, column_B)


class ExpectColumnPairValuesToFollowDependency(ColumnPairMapExpectation):
    """Expect rows with one value of column_A to agree on column_B; the minority is unexpected."""

    ignore_row_if: str = "either_value_is_missing"
    map_metric: ClassVar[str] = "column_pair_values.busta_follow_dependency"
    success_keys: ClassVar[tuple[str, ...]] = ("ignore_row_if", "mostly")
    args_keys: ClassVar[tuple[str, ...]] = ("column_A", "column_B")
