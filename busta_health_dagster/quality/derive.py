"""Columns computed before validation: ages, cross-row sums and per-record counts, as a suite's `meta.derive` declares
them. `where` and `unless` on any of them: other rows have no value, and nothing is asked of them. Both name columns, with
a list of values or with {"min": number, "max": number}, either of which may be left out.

{"column": "age_seconds", "kind": "age_seconds", "from": "timestamp"}        now - timestamp; unit: s|ms for epoch numbers
{"column": "overround", "kind": "implied_probability_sum", "price": "price", "by": ["event_id", "book", "market"],
 "odds": "american"}                                                         american, decimal or auto; of two sides and more
{"column": "implied", "kind": "implied_probability", "price": "price", "odds": "auto"}                      of each row
{"column": "line", "kind": "handicap", "from": "point", "side": "side", "away": "away_team"}    as the home team sees it
{"column": "gap", "kind": "gap_to_median", "from": "implied", "by": ["event_id", "market"], "least": 3}    rows of a group
{"column": "usual", "kind": "median_per_group", "from": "gap", "by": ["book", "market"], "least": 6}   of a group with so many
{"column": "sides", "kind": "distinct_per_group", "from": "side", "by": ["event_id", "book", "market"]}
{"column": "copies", "kind": "rows_per_group", "by": ["event_id", "book"]}
{"column": "margin", "kind": "difference", "from": "home_score", "minus": "away_score"}
{"column": "invalid_fields", "kind": "defects", "checks": ["price.odds", "side.set"]}    how many of these a record breaks
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from busta_health_dagster.quality.rules import broken, numbers, timestamps, written_as

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from busta_health_dagster.quality.suite import Derivation, Suite

# kind -> (required, optional) arguments
KINDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "age_seconds": (frozenset({"from"}), frozenset({"unit"})),
    "implied_probability_sum": (frozenset({"price", "by"}), frozenset({"odds"})),
    "distinct_per_group": (frozenset({"from", "by"}), frozenset()),
    "rows_per_group": (frozenset({"by"}), frozenset()),
    "difference": (frozenset({"from", "minus"}), frozenset()),
    "defects": (frozenset({"checks"}), frozenset()),
    "implied_probability": (frozenset({"price"}), frozenset({"odds"})),
    "handicap": (frozenset({"from", "side", "away"}), frozenset()),
    "gap_to_median": (frozenset({"from", "by"}), frozenset({"least"})),
    "median_per_group": (frozenset({"from", "by"}), frozenset({"least"})),
}
ANY = frozenset({"where", "unless"})
"""What every kind takes besides."""
_TWO_SIDES = 2
_LEAST = 3
"""Fewer values have no median that says anything."""


def derive(frame: pd.DataFrame, suite: Suite, now: datetime) -> pd.DataFrame:
    """`frame` with the suite's derived columns added, in their order; the given frame is left alone.

    A derivation whose source column is missing adds no column: the checks on it then say that it is missing, and why.
    """
    if not suite.derivations:
        return frame
    frame = frame.copy(deep=False)
    for derivation in suite.derivations:
        if all(c in frame.columns for c in derivation.sources):
            frame[derivation.column] = _compute(frame, derivation, suite, now).where(_wanted(frame, derivation))
    return frame


def _wanted(frame: pd.DataFrame, derivation: Derivation) -> pd.Series:
    import pandas as pd

    wanted = pd.Series(True, index=frame.index)
    for column, values in derivation.args.get("where", {}).items():
        wanted &= _among(frame[column], values) if column in frame.columns else False
    for column, values in derivation.args.get("unless", {}).items():
        wanted &= ~_among(frame[column], values) if column in frame.columns else True
    return wanted


def _among(column: pd.Series, values: list[Any] | dict[str, float]) -> pd.Series:
    if isinstance(values, dict):
        return numbers(column).between(values.get("min", -math.inf), values.get("max", math.inf))
    return column.isin(values)


def _compute(frame: pd.DataFrame, derivation: Derivation, suite: Suite, now: datetime) -> Any:
    import pandas as pd

    args = derivation.args
    if derivation.kind == "age_seconds":
        return (pd.Timestamp(now) - timestamps(frame[args["from"]], args.get("unit"))).dt.total_seconds()
    if derivation.kind == "difference":
        return numbers(frame[args["from"]]) - numbers(frame[args["minus"]])
    if derivation.kind == "defects":
        total = pd.Series(0, index=frame.index)
        for check_id in args["checks"]:
            spec = suite.check(check_id)
            if all(c in frame.columns for c in spec.columns):
                total += broken(spec.type, spec.kwargs, frame).astype(int)
            else:
                total += 1  # the column is gone: every record breaks the check
        return total
    if derivation.kind == "implied_probability":
        return _implied(frame[args["price"]], args.get("odds", "american"))
    if derivation.kind == "handicap":
        point = numbers(frame[args["from"]])
        return point.where(frame[args["side"]] != frame[args["away"]], -point)
    groups = [frame[c].map(_hashable) for c in ([args["by"]] if isinstance(args["by"], str) else args["by"])]
    if derivation.kind in {"gap_to_median", "median_per_group"}:
        values = numbers(frame[args["from"]])
        grouped = values.groupby(groups, sort=False, dropna=False)
        median: pd.Series = grouped.transform("median")
        found = median if derivation.kind == "median_per_group" else (values - median).abs()
        return found.where(grouped.transform("count") >= args.get("least", _LEAST))
    if derivation.kind == "rows_per_group":
        return frame.groupby(groups, sort=False, dropna=False)[frame.columns[0]].transform("size")
    if derivation.kind == "distinct_per_group":
        values = frame[args["from"]].map(_hashable)
        return values.groupby(groups, sort=False, dropna=False).transform("nunique")
    implied = _implied(frame[args["price"]], args.get("odds", "american"))
    grouped = implied.groupby(groups, sort=False, dropna=False)
    # One side alone (a scorer at any time) is no market whose chances add up to one.
    return grouped.transform(lambda s: s.sum(skipna=False)).where(grouped.transform("size") >= _TWO_SIDES)


def _implied(prices: pd.Series, odds: str) -> pd.Series:
    """Implied probability: decimal 1/p; American 100/(p+100) for p > 0, -p/(-p+100) for p < 0; impossible prices are
    NaN. `auto` takes what most prices are written in.
    """
    price = numbers(prices)
    if odds == "decimal" or (odds == "auto" and written_as(prices) == "decimal"):
        return (1 / price).where(price >= 1)
    favourite = -price / (100 - price)
    return favourite.where(price < 0, 100 / (price + 100)).where(price.abs() >= 100)


def _hashable(value: Any) -> Any:
    return repr(value) if isinstance(value, list | dict | set) else value
