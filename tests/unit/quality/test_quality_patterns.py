"""Patterns of a suite take linear time: GX's own engine could be held for ever by one row."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from busta_health_dagster.domain.errors import ConfigError
from busta_health_dagster.quality.loader import parse_suite

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def suite(kind: str, **kwargs):
    null = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "code"}}
    check = {"type": kind, "kwargs": {"column": "code", **kwargs}, "meta": {"id": "code.pattern"}}
    return parse_suite({"name": "codes", "expectations": [null, check]}, "codes")


ROWS = [{"code": c} for c in ("A1", "A22", "b3", "", None)] * 5


@pytest.mark.parametrize(
    ("kind", "kwargs", "unexpected"),
    [
        ("expect_column_values_to_match_regex", {"regex": "^[A-Z][0-9]+$"}, 10),
        ("expect_column_values_to_not_match_regex", {"regex": "^b"}, 5),
        ("expect_column_values_to_match_regex_list", {"regex_list": ["^A", "2$"]}, 10),
        ("expect_column_values_to_match_regex_list", {"regex_list": ["^A", "2$"], "match_on": "all"}, 15),
        ("expect_column_values_to_not_match_regex_list", {"regex_list": ["^A", "^b"]}, 15),
    ],
)
def test_rows_are_counted_as_gx_counts_them(runner, kind: str, kwargs: dict, unexpected: int) -> None:
    found = {c.id: c for c in runner.validate("codes", suite(kind, **kwargs), ROWS, NOW).score.checks}
    assert (found["code.pattern"].eligible, found["code.pattern"].unexpected) == (20, unexpected)


def test_a_pattern_that_python_would_try_for_ever_is_over_at_once(runner) -> None:
    evil = suite("expect_column_values_to_match_regex", regex="^(a+)+$")
    rows = [{"code": "a" * 5000 + "!"}, {"code": "aaa"}]
    found = {c.id: c for c in runner.validate("evil", evil, rows, NOW).score.checks}
    assert (found["code.pattern"].eligible, found["code.pattern"].unexpected) == (2, 1)


def test_what_no_engine_matches_in_linear_time_is_refused_at_load() -> None:
    with pytest.raises(ConfigError, match="a lookahead"):
        suite("expect_column_values_to_match_regex", regex="^(?=.*[0-9])[a-z]+$")
