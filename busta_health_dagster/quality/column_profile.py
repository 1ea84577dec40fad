"""What one column of a clean table teaches: its nulls, its range, its closed set, its format. Each as a line of a
draft suite.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from busta_health_dagster.quality import shapes
from busta_health_dagster.quality.rules import numbers, timestamps

if TYPE_CHECKING:
    import pandas as pd

COLUMN_MOSTLY = 0.95
UNSEEN_LIMIT = 0.005  # Good-Turing: at most one good value in 200 may be new
MAX_SET = 1000
SPARSE_NULLS = 0.01  # above, nulls belong to the column: check their share, not each of them
PLACEHOLDERS = (
    "N/A",
    "n/a",
    "NA",
    "NULL",
    "null",
    "None",
    "none",
    "NaN",
    "nan",
    "-",
    "--",
    "?",
    "unknown",
    "Unknown",
    "TBD",
    "#N/A",
)


@dataclass(slots=True)
class Draft:
    """The suite being written."""

    rows: int
    expectations: list[dict[str, Any]] = field(default_factory=list)
    by_dimension: dict[str, list[str]] = field(default_factory=dict)

    def add(
        self,
        id_: str,
        type_: str,
        dimension: str,
        why: str,
        *,
        mostly: float | None = None,
        severity: str = "WARNING",
        weight: float | None = None,
        column: str | None = None,
        by_record: bool = True,
        **kwargs: Any,
    ) -> None:
        meta: dict[str, Any] = {"id": id_, "dimension": dimension, "severity": severity}
        if weight is not None:
            meta["weight"] = weight
        if column is not None:
            meta["column"] = column
        if mostly is not None:
            meta["mostly"] = kwargs["mostly"] = mostly
        meta["why"] = why
        level = {"INFO": "info", "WARNING": "warning"}.get(severity, "critical")
        self.expectations.append({"type": type_, "kwargs": kwargs, "meta": meta, "severity": level})
        if by_record and mostly is not None and severity != "INFO":
            self.by_dimension.setdefault(dimension, []).append(id_)


def learn_nulls(draft: Draft, values: pd.Series, column: str) -> bool:
    """The null check of a column. False: it was empty, so nothing else can be learned from it."""
    share = float(values.isna().mean())
    if share == 1:
        draft.add(
            f"{column}.exists",
            "expect_column_to_exist",
            "consistency",
            f"all {draft.rows} values were null",
            severity="INFO",
            column=column,
        )
        draft.expectations[-1]["kwargs"]["column"] = column
        return False
    if share <= SPARSE_NULLS:
        why = f"{int(values.isna().sum())} of {draft.rows} values were null"
        draft.add(
            f"{column}.not_null",
            "expect_column_values_to_not_be_null",
            "completeness",
            why,
            mostly=COLUMN_MOSTLY,
            by_record=share == 0,
        )
        draft.expectations[-1]["kwargs"]["column"] = column
        return True
    floor = max(0.001, round(1 - share - 3 * (share * (1 - share) / draft.rows) ** 0.5 - 0.05, 3))
    draft.add(
        f"{column}.null_share",
        "expect_column_proportion_of_non_null_values_to_be_between",
        "completeness",
        f"{share:.1%} of {draft.rows} values were null; 3 sigma and 5 points of room",
        min_value=floor,
    )
    draft.expectations[-1]["kwargs"]["column"] = column
    return True


def row_check(
    draft: Draft, column: str, suffix: str, type_: str, why: str, dimension: str = "validity", **kwargs: Any
) -> None:
    draft.add(f"{column}.{suffix}", type_, dimension, why, mostly=COLUMN_MOSTLY, **kwargs)
    draft.expectations[-1]["kwargs"]["column"] = column


def learn_values(draft: Draft, values: pd.Series, column: str) -> None:
    """What the values of one column look like: numbers in a range, a closed set, a format, or free text."""
    import pandas as pd

    n = len(values)
    if pd.api.types.is_bool_dtype(values.dtype) or values.map(lambda v: isinstance(v, bool)).all():
        row_check(
            draft,
            column,
            "set",
            "expect_column_values_to_be_in_set",
            f"{n} values were true or false",
            value_set=[True, False],
        )
        return
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        row_check(draft, column, "timestamp", "expect_column_values_to_be_timestamp", f"{n} values were timestamps")
        return
    if not values.map(lambda v: isinstance(v, str | int | float)).all():
        return  # lists and other nested things: only their nulls can be judged
    found = numbers(values)
    if found.notna().all():
        _number(draft, values, found, column)
        return
    if not values.map(lambda v: isinstance(v, str)).all():
        return
    _text(draft, values, column)


def _number(draft: Draft, values: pd.Series, found: pd.Series, column: str) -> None:
    import pandas as pd

    low, high = float(found.min()), float(found.max())
    margin = 0.1 * (high - low) or abs(high) or 1.0
    text = not pd.api.types.is_numeric_dtype(values.dtype)
    whole = bool((found == found.round()).all()) and not (text and values.map(str).str.contains(".", regex=False).any())
    bounds = [low - margin, high + margin]
    if low >= 0:
        bounds[0] = max(0.0, bounds[0])
    bounds = [float(f"{b:.6g}") for b in bounds]
    why = f"{len(values)} values were {'whole ' if whole else ''}numbers from {low:g} to {high:g}; 10% of room"
    kwargs: dict[str, Any] = {"min_value": min(bounds[0], low), "max_value": max(bounds[1], high)}
    if whole:
        kwargs["whole"] = True
    row_check(draft, column, "number", "expect_column_values_to_be_number_between", why, **kwargs)
    if text:
        _closed_set_or_format(draft, values.map(str), column, numeric=True)


def _text(draft: Draft, values: pd.Series, column: str) -> None:
    parsed = timestamps(values.iloc[:5000])
    if parsed.notna().all():
        why = f"{len(values)} values were ISO 8601 timestamps"
        row_check(draft, column, "timestamp", "expect_column_values_to_be_timestamp", why)
    if _closed_set_or_format(draft, values, column, numeric=False):
        return
    sizes = values.str.len()
    low, high = int(sizes.min()), int(sizes.max())
    why = f"{len(values)} texts were {low} to {high} characters long; half as much again allowed"
    row_check(
        draft,
        column,
        "length",
        "expect_column_value_lengths_to_be_between",
        why,
        min_value=low // 2,
        max_value=high + max(3, high // 2),
    )
    row_check(
        draft,
        column,
        "charset",
        "expect_column_values_to_match_regex",
        "the kinds of characters that occurred",
        regex=shapes.charset(values),
    )
    used = set(values)
    if absent := [p for p in PLACEHOLDERS if p not in used]:
        why = "a placeholder is a missing value in disguise; none of these occurred"
        row_check(
            draft, column, "placeholder", "expect_column_values_to_not_be_in_set", why, "completeness", value_set=absent
        )


def _closed_set_or_format(draft: Draft, values: pd.Series, column: str, *, numeric: bool) -> bool:
    """A closed set where new values are rare, else a format where new shapes are. True when either says enough."""
    counts = values.value_counts()
    once = int((counts == 1).sum())
    unseen = once / len(values)
    closed = len(counts) <= MAX_SET and unseen <= UNSEEN_LIMIT and len(values) >= 5 * len(counts)
    if closed and not (numeric and len(counts) > 50):
        why = f"{len(counts)} distinct values in {len(values)} rows, {once} seen once: {unseen:.2%} new ones expected"
        row_check(
            draft, column, "set", "expect_column_values_to_be_in_set", why, value_set=sorted(map(str, counts.index))
        )
        return True
    pattern = shapes.learn(values.tolist(), UNSEEN_LIMIT)
    if pattern is None:
        return False
    why = (
        f"{pattern.shapes} {'shape' if pattern.shapes == 1 else 'shapes'} of text in {len(values)} rows, "
        f"most often like {_masked(pattern.example)}; "
        f"a new shape is expected in {pattern.unseen:.2%}"
    )
    row_check(draft, column, "format", "expect_column_values_to_match_regex", why, regex=pattern.regex)
    return True


def _masked(example: str) -> str:
    """The shape of a value, not the value: evidence must not carry personal data into a file that is committed."""
    return "".join("9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in example[:40])
