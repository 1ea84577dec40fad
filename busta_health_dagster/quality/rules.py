"""The row rules: which cells of a frame break a rule. Shared by our GX expectations and by the derived column
`defects`.

A rule takes the (non-null) column, or two columns, and its kwargs, and returns a boolean Series: True = the value is
as expected.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.patterns import found

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

_FEW = 50  # rows: fewer say nothing about shares
OLD_MEMBERS = 0.5  # share of rows with a known value, below which a set has not grown: it has been replaced
_NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
_WHOLE = r"^[+-]?[0-9]+$"
_ISO = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]{4,18}(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?$"


def numbers(values: pd.Series) -> pd.Series:
    """Values as floats; NaN for what is no number (text, booleans, infinities, nested things). Numeric text counts."""
    import numpy as np
    import pandas as pd

    if pd.api.types.is_bool_dtype(values.dtype):
        return pd.Series(np.nan, index=values.index, dtype="float64")
    if pd.api.types.is_numeric_dtype(values.dtype):
        floats = values.astype("float64")
    elif isinstance(values.dtype, pd.StringDtype):
        text = values.str.strip()
        floats = pd.to_numeric(text.where(text.str.match(_NUMBER).fillna(False).astype(bool)), errors="coerce").astype(
            "float64"
        )
    else:
        floats = pd.Series([_number(v) for v in values], index=values.index, dtype="float64")
    return floats.where(np.isfinite(floats))


_number_text = re.compile(_NUMBER)


def _number(value: Any) -> float:
    if isinstance(value, bool):
        return math.nan
    if isinstance(value, int | float | Decimal) or hasattr(value, "__float__"):
        try:
            return float(value)
        except (OverflowError, ValueError):  # an integer of 400 digits; a signalling NaN of a database
            return math.nan
    if isinstance(value, str) and _number_text.match(value.strip()):
        return float(value)
    return math.nan


def timestamps(values: pd.Series, unit: str | None = None) -> pd.Series:
    """Values as UTC timestamps; NaT for what is none. ISO 8601 text (no zone means UTC), datetimes, or numbers with a
    `unit`.
    """
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        zoned = values if getattr(values.dt, "tz", None) is not None else values.dt.tz_localize("UTC")
        converted: pd.Series = zoned.dt.tz_convert("UTC")
        return converted
    if unit is not None:
        nanoseconds = numbers(values) * {"s": 1e9, "ms": 1e6}[unit]
        return pd.to_datetime(nanoseconds, unit="ns", utc=True, errors="coerce")
    text = values if is_text(values) else values.map(_iso).astype("str")
    iso = text.str.match(_ISO).fillna(False).astype(bool)
    return pd.to_datetime(text.where(iso), format="ISO8601", utc=True, errors="coerce")


def is_text(values: pd.Series) -> bool:
    """Is every value a text (or null), as the type of the column says? Asking each value costs more than most checks."""
    import pandas as pd

    return isinstance(values.dtype, pd.StringDtype)


def _iso(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    return str(value.isoformat()) if hasattr(value, "isoformat") else None


def _text(values: pd.Series) -> pd.Series:
    return values.astype(str)


def number_between(
    values: pd.Series, min_value: float | None = None, max_value: float | None = None, whole: bool = False
) -> pd.Series:
    """A number in the range. `whole`: written as a whole number too ("12.0" as text is not, 12.0 as a number is)."""
    found = numbers(values)
    good = found.notna()
    if min_value is not None:
        good &= found >= min_value
    if max_value is not None:
        good &= found <= max_value
    if whole:
        import pandas as pd

        good &= found == found.round()
        if not pd.api.types.is_numeric_dtype(values.dtype):
            if is_text(values):
                written = values.str.match(_WHOLE)
            else:
                written = values.map(lambda v: not isinstance(v, str) or re.match(_WHOLE, v) is not None)
            good &= written.astype(bool)
    return good


def american_odds(values: pd.Series, max_value: float | None = None) -> pd.Series:
    """A whole number of at least 100 either way: -110, +250; never 0, never 1.91. Default limit +-100000."""
    found = numbers(values)
    return (found.abs() >= 100) & (found.abs() <= (max_value or 100_000)) & (found == found.round())


def decimal_odds(values: pd.Series, max_value: float | None = None) -> pd.Series:
    """Above 1 (the stake comes back) up to `max_value` (default 1001, the longest any book quotes)."""
    found = numbers(values)
    return (found > 1) & (found <= (max_value or 1001))


def written_as(values: pd.Series) -> str:
    """`american` or `decimal`, as most prices of a payload are: no American price lies between -100 and 100, and few
    decimal ones lie beyond.
    """
    found = numbers(values).dropna().abs()
    return "decimal" if len(found) and float((found < 100).mean()) > 0.5 else "american"


def odds(values: pd.Series) -> pd.Series:
    """American or decimal odds, all of them in the one that most are written in."""
    return decimal_odds(values) if written_as(values) == "decimal" else american_odds(values)


def is_timestamp(values: pd.Series, min_value: str | None = None, max_value: str | None = None) -> pd.Series:
    """A time that can be read, no earlier and no later than these instants (ISO 8601)."""
    import pandas as pd

    found = timestamps(values)
    good = found.notna()
    if min_value is not None:
        good &= found >= pd.to_datetime(min_value, utc=True)
    if max_value is not None:
        good &= found <= pd.to_datetime(max_value, utc=True)
    return good


def in_set(values: pd.Series, value_set: list[Any]) -> pd.Series:
    return values.isin(value_set)


def known_or_recurring(values: pd.Series, value_set: list[Any], min_share: float) -> pd.Series:
    """Values of a set that grows: known, or new and seen often enough to be a new member rather than a mistake.

    A promoted team stands in 5% of next season's rows; a misspelt one in a row or two. `min_share` is the share of rows
    from which a new value counts as a member, and never fewer than three rows. Members join those that are there: where
    most rows hold none of these, it is another vocabulary (another case, another column) and nothing in it is known.
    """
    known: pd.Series = values.isin(value_set)
    if not known.mean() >= OLD_MEMBERS:
        return known
    counts = values.map(values.value_counts())
    good: pd.Series = known | (counts >= max(3.0, min_share * len(values)))
    return good


def not_dominant(values: pd.Series, shares: Mapping[str, float], rare: float, rows: int, room: float) -> pd.Series:
    """Values that are no more common than they were: at most their share, `room` and three standard errors.

    A default, a stuck sensor or a copied cell makes one value far more common than it ever was. `shares` has the usual
    share of each common value by its text, as `rows` rows showed it; any other value had at most
    the share `rare`.
    """
    import pandas as pd

    n = len(values)
    if n < _FEW:
        return pd.Series(True, index=values.index)
    counts = values.astype(str).map(values.astype(str).value_counts())
    usual = values.astype(str).map(shares).astype("float64").fillna(rare)
    limit = usual + room + 3 * (usual * (1 - usual) * (1 / n + 1 / rows)) ** 0.5
    good: pd.Series = counts <= limit * n
    return good


def not_in_set(values: pd.Series, value_set: list[Any]) -> pd.Series:
    return ~values.isin(value_set)


def matches(values: pd.Series, regex: str) -> pd.Series:
    """The pattern is found in the text, in linear time."""
    text = _text(values)
    known = {value: found(regex, value) for value in text.unique()}
    return text.map(known).astype(bool)


def lengths_between(values: pd.Series, min_value: float | None = None, max_value: float | None = None) -> pd.Series:
    size = _text(values).str.len()
    return (size >= (min_value or 0)) & (size <= (math.inf if max_value is None else max_value))


def between(values: pd.Series, min_value: Any = None, max_value: Any = None) -> pd.Series:
    import pandas as pd

    good = pd.Series(True, index=values.index)
    if min_value is not None:
        good &= values >= min_value
    if max_value is not None:
        good &= values <= max_value
    return good


def unique(values: pd.Series) -> pd.Series:
    return ~values.duplicated(keep=False)


def follows_dependency(left: pd.Series, right: pd.Series) -> pd.Series:
    """Within one value of `left`, `right` is what most rows say. What is left over is the g3 error of the dependency
    left -> right: the fewest rows whose removal would make it hold. The first value seen wins a tie.
    """
    import pandas as pd

    a = pd.factorize(left)[0]
    b = pd.factorize(right)[0]
    pairs = pd.DataFrame({"a": a, "b": b}, index=left.index)
    counts = pairs.groupby(["a", "b"], sort=False).size().rename("n").reset_index()
    modal = counts.sort_values("n", ascending=False, kind="stable").drop_duplicates("a").set_index("a")["b"]
    return pd.Series(pairs["a"].map(modal).to_numpy() == b, index=left.index)


# Type -> rule on one column, for the row-level types that `defects` may count. Nulls are the null check's business.
RULES: dict[str, Callable[..., pd.Series]] = {
    "expect_column_values_to_be_number_between": number_between,
    "expect_column_values_to_be_american_odds": american_odds,
    "expect_column_values_to_be_decimal_odds": decimal_odds,
    "expect_column_values_to_be_odds": odds,
    "expect_column_values_to_be_timestamp": is_timestamp,
    "expect_column_values_to_be_in_set": in_set,
    "expect_column_values_to_be_known_or_recurring": known_or_recurring,
    "expect_column_values_to_not_be_dominant": not_dominant,
    "expect_column_values_to_not_be_in_set": not_in_set,
    "expect_column_values_to_match_regex": matches,
    "expect_column_value_lengths_to_be_between": lengths_between,
    "expect_column_values_to_be_between": between,
    "expect_column_values_to_be_unique": unique,
    "expect_column_pair_values_to_follow_dependency": follows_dependency,
    "expect_column_values_to_not_be_null": lambda values: values.notna(),
}


def broken(type_: str, kwargs: Mapping[str, Any], frame: pd.DataFrame) -> pd.Series:
    """True for each row of `frame` that breaks the rule; nulls break only the null rule."""
    import pandas as pd

    rest = {k: v for k, v in kwargs.items() if k not in {"column", "column_A", "column_B", "ignore_row_if"}}
    if type_ == "expect_column_values_to_not_be_null":
        null: pd.Series = frame[kwargs["column"]].isna()
        return null
    columns = [kwargs["column"]] if "column" in kwargs else [kwargs["column_A"], kwargs["column_B"]]
    evaluated = frame[columns].dropna()
    result = pd.Series(False, index=frame.index)
    if len(evaluated):
        result.loc[evaluated.index] = ~RULES[type_](*(evaluated[c] for c in columns), **rest).astype(bool)
    return result
