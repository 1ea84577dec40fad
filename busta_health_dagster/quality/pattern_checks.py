"""The expectations that match patterns, by ourselves: GX matches with Python's engine, in which a pattern may never end.

The same counts as GX's on rows: nulls are not eligible, a list matches by `match_on` (any, or all).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.quality.rules import matches

if TYPE_CHECKING:
    import pandas as pd

    from busta_health_dagster.domain.quality import CheckResult
    from busta_health_dagster.quality.suite import CheckSpec

_TYPES = frozenset(
    {
        "expect_column_values_to_match_regex",
        "expect_column_values_to_not_match_regex",
        "expect_column_values_to_match_regex_list",
        "expect_column_values_to_not_match_regex_list",
    }
)


def is_pattern_check(spec: CheckSpec) -> bool:
    """Is it one of ours? One with a `row_condition` stays GX's, which reads conditions."""
    return spec.type in _TYPES and "row_condition" not in spec.kwargs


def result_of(spec: CheckSpec, frame: pd.DataFrame) -> CheckResult:
    """The counts of one check; its column is in the frame."""
    good = _good(spec, frame)
    return spec.result(len(good), int((~good).sum()))


def failing(spec: CheckSpec, frame: pd.DataFrame) -> list[Any]:
    """The index labels of the rows that fail it."""
    good = _good(spec, frame)
    return list(good.index[~good])


def _good(spec: CheckSpec, frame: pd.DataFrame) -> pd.Series:
    import pandas as pd

    values = frame[spec.kwargs["column"]].dropna()
    wanted = "_not_" not in spec.type
    listed = spec.kwargs.get("regex_list")
    found = pd.DataFrame({i: matches(values, text) for i, text in enumerate(listed or [spec.kwargs["regex"]])})
    if wanted and spec.kwargs.get("match_on", "any") == "all":
        return found.all(axis=1)
    return found.any(axis=1) if wanted else ~found.any(axis=1)
