"""Every expectation a suite may use, with its kwargs: what lets a misspelling fail at load, in milliseconds and
without GX.

GX 1.24 drops an expectation of an unknown type or severity *silently* (a log line, and the suite is one check
shorter). A contract test compares this table with GX's own registry. Left out on purpose: those that compare with a
second query or table. Of those that run SQL of their own one is here, and we run it ourselves (quality/sql_checks.py).
"""

from __future__ import annotations

from dataclasses import dataclass

from busta_health_dagster.domain.quality import Dimension


@dataclass(frozen=True, slots=True)
class Entry:
    """One expectation type. kind: map (rows of one column), pair, multi, query (rows that a query finds), aggregate (one
    column, one verdict), table.
    """

    kind: str
    dimension: Dimension
    required: str
    optional: str = ""
    conditional: bool = True

    @property
    def by_row(self) -> bool:
        return self.kind in {"map", "pair", "multi", "query"}

    @property
    def required_kwargs(self) -> frozenset[str]:
        return frozenset(self.required.split())

    @property
    def kwargs(self) -> frozenset[str]:
        extra = {"mostly"} if self.by_row and self.kind != "query" else set()
        if self.conditional:
            extra |= {"row_condition", "condition_parser"}
        return self.required_kwargs | set(self.optional.split()) | extra


CATALOGUE: dict[str, Entry] = {
    "expect_column_distinct_values_to_be_in_set": Entry("aggregate", Dimension.VALIDITY, "column value_set"),
    "expect_column_distinct_values_to_contain_set": Entry("aggregate", Dimension.VALIDITY, "column value_set"),
    "expect_column_distinct_values_to_equal_set": Entry("aggregate", Dimension.VALIDITY, "column value_set"),
    "expect_column_max_to_be_between": Entry(
        "aggregate", Dimension.VALIDITY, "column", "min_value max_value strict_min strict_max"
    ),
    "expect_column_mean_to_be_between": Entry(
        "aggregate", Dimension.VALIDITY, "column", "min_value max_value strict_min strict_max"
    ),
    "expect_column_median_to_be_between": Entry(
        "aggregate", Dimension.VALIDITY, "column", "min_value max_value strict_min strict_max"
    ),
    "expect_column_min_to_be_between": Entry(
        "aggregate", Dimension.VALIDITY, "column", "min_value max_value strict_min strict_max"
    ),
    "expect_column_most_common_value_to_be_in_set": Entry(
        "aggregate", Dimension.VALIDITY, "column value_set", "ties_okay"
    ),
    "expect_column_pair_values_a_to_be_greater_than_b": Entry(
        "pair", Dimension.CONSISTENCY, "column_A column_B", "or_equal ignore_row_if"
    ),
    "expect_column_pair_values_to_be_equal": Entry("pair", Dimension.CONSISTENCY, "column_A column_B", "ignore_row_if"),
    "expect_column_pair_values_to_be_in_set": Entry(
        "pair", Dimension.CONSISTENCY, "column_A column_B value_pairs_set", "ignore_row_if"
    ),
    "expect_column_proportion_of_non_null_values_to_be_between": Entry(
        "aggregate", Dimension.COMPLETENESS, "column", "min_value max_value strict_min strict_max"
    ),
    "expect_column_proportion_of_unique_values_to_be_between": Entry(
        "aggregate", Dimension.UNIQUENESS, "column", "min_value max_value strict_min strict_max"
    ),
    "expect_column_quantile_values_to_be_between": Entry(
        "aggregate", Dimension.VALIDITY, "column quantile_ranges", "allow_relative_error"
    ),
    "expect_column_stdev_to_be_between": Entry(
        "aggregate", Dimension.VALIDITY, "column", "min_value max_value strict_min strict_max"
    ),
    "expect_column_sum_to_be_between": Entry(
        "aggregate", Dimension.VALIDITY, "column", "min_value max_value strict_min strict_max"
    ),
    "expect_column_to_exist": Entry("table", Dimension.CONSISTENCY, "column", "column_index", conditional=False),
    "expect_column_type_to_be": Entry("table", Dimension.VALIDITY, "column type_", "", conditional=False),
    "expect_column_unique_value_count_to_be_between": Entry(
        "aggregate", Dimension.UNIQUENESS, "column", "min_value max_value strict_min strict_max"
    ),
    "expect_column_value_lengths_to_be_between": Entry(
        "map", Dimension.VALIDITY, "column", "min_value max_value strict_min strict_max"
    ),
    "expect_column_value_lengths_to_equal": Entry("map", Dimension.VALIDITY, "column value"),
    "expect_column_value_z_scores_to_be_less_than": Entry("map", Dimension.VALIDITY, "column threshold double_sided"),
    "expect_column_values_to_be_between": Entry(
        "map", Dimension.VALIDITY, "column", "min_value max_value strict_min strict_max"
    ),
    "expect_column_values_to_be_dateutil_parseable": Entry("map", Dimension.VALIDITY, "column"),
    "expect_column_values_to_be_decreasing": Entry("map", Dimension.CONSISTENCY, "column", "strictly"),
    "expect_column_values_to_be_in_set": Entry("map", Dimension.VALIDITY, "column value_set"),
    "expect_column_values_to_be_in_type_list": Entry("map", Dimension.VALIDITY, "column", "type_list"),
    "expect_column_values_to_be_increasing": Entry("map", Dimension.CONSISTENCY, "column", "strictly"),
    "expect_column_values_to_be_json_parseable": Entry("map", Dimension.VALIDITY, "column"),
    "expect_column_values_to_be_null": Entry("map", Dimension.VALIDITY, "column"),
    "expect_column_values_to_be_of_type": Entry("map", Dimension.VALIDITY, "column type_"),
    "expect_column_values_to_be_unique": Entry("map", Dimension.UNIQUENESS, "column"),
    "expect_column_values_to_match_json_schema": Entry("map", Dimension.VALIDITY, "column json_schema"),
    "expect_column_values_to_match_like_pattern": Entry("map", Dimension.VALIDITY, "column like_pattern", "escape"),
    "expect_column_values_to_match_like_pattern_list": Entry(
        "map", Dimension.VALIDITY, "column like_pattern_list", "match_on escape"
    ),
    "expect_column_values_to_match_regex": Entry("map", Dimension.VALIDITY, "column regex"),
    "expect_column_values_to_match_regex_list": Entry(
        "map", Dimension.VALIDITY, "column regex_list regex_list", "match_on"
    ),
    "expect_column_values_to_match_strftime_format": Entry("map", Dimension.VALIDITY, "column strftime_format"),
    "expect_column_values_to_not_be_in_set": Entry("map", Dimension.VALIDITY, "column value_set"),
    "expect_column_values_to_not_be_null": Entry("map", Dimension.COMPLETENESS, "column"),
    "expect_column_values_to_not_be_outliers": Entry("map", Dimension.VALIDITY, "column", "method multiplier"),
    "expect_column_values_to_not_match_like_pattern": Entry("map", Dimension.VALIDITY, "column like_pattern", "escape"),
    "expect_column_values_to_not_match_like_pattern_list": Entry(
        "map", Dimension.VALIDITY, "column like_pattern_list", "escape"
    ),
    "expect_column_values_to_not_match_regex": Entry("map", Dimension.VALIDITY, "column regex"),
    "expect_column_values_to_not_match_regex_list": Entry("map", Dimension.VALIDITY, "column regex_list"),
    "expect_compound_columns_to_be_unique": Entry("multi", Dimension.UNIQUENESS, "column_list", "ignore_row_if"),
    "expect_multicolumn_sum_to_equal": Entry("multi", Dimension.CONSISTENCY, "column_list sum_total", "ignore_row_if"),
    "expect_multicolumn_values_to_be_equal": Entry("multi", Dimension.CONSISTENCY, "column_list", "ignore_row_if"),
    "expect_select_column_values_to_be_unique_within_record": Entry(
        "multi", Dimension.UNIQUENESS, "column_list", "ignore_row_if"
    ),
    "expect_table_column_count_to_be_between": Entry(
        "table", Dimension.CONSISTENCY, "", "min_value max_value", conditional=False
    ),
    "expect_table_column_count_to_equal": Entry("table", Dimension.CONSISTENCY, "value", "", conditional=False),
    "expect_table_columns_to_match_ordered_list": Entry(
        "table", Dimension.CONSISTENCY, "column_list", "", conditional=False
    ),
    "expect_table_columns_to_match_set": Entry(
        "table", Dimension.CONSISTENCY, "column_set", "exact_match", conditional=False
    ),
    "expect_table_row_count_to_be_between": Entry(
        "table", Dimension.COMPLETENESS, "", "min_value max_value strict_min strict_max"
    ),
    "expect_table_row_count_to_equal": Entry("table", Dimension.COMPLETENESS, "value"),
    "unexpected_rows_expectation": Entry("query", Dimension.VALIDITY, "unexpected_rows_query", conditional=False),
    # Ours: quality/expectations.py registers them with GX.
    "expect_column_values_to_be_number_between": Entry(
        "map", Dimension.VALIDITY, "column", "min_value max_value whole"
    ),
    "expect_column_values_to_be_american_odds": Entry("map", Dimension.VALIDITY, "column", "max_value"),
    "expect_column_values_to_be_decimal_odds": Entry("map", Dimension.VALIDITY, "column", "max_value"),
    "expect_column_values_to_be_odds": Entry("map", Dimension.VALIDITY, "column"),
    "expect_column_values_to_be_timestamp": Entry("map", Dimension.VALIDITY, "column", "min_value max_value"),
    "expect_column_values_to_be_known_or_recurring": Entry("map", Dimension.VALIDITY, "column value_set min_share"),
    "expect_column_values_to_not_be_dominant": Entry("map", Dimension.VALIDITY, "column shares rare rows room"),
    "expect_column_pair_values_to_follow_dependency": Entry(
        "pair", Dimension.CONSISTENCY, "column_A column_B", "ignore_row_if"
    ),
}


# The completeness checks that let other checks on a column skip its nulls.
NULL_CHECKS = frozenset(
    {"expect_column_values_to_not_be_null", "expect_column_proportion_of_non_null_values_to_be_between"}
)
