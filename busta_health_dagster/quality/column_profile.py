"""What one column of a good table teaches, as claims that its own later rows have already survived.

A claim is made twice: from the first 70% of the rows, where it is tried on the last 30%, and from all rows, which is
what the draft says. In file order, because tables are written season by season: a range or a set that the last rows
leave behind would have been left behind by the next season as well. (Drafts that closed every set scored 13 of 14
good next seasons below 90.)
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from busta_health_dagster.quality import shapes
from busta_health_dagster.quality.rules import RULES, is_text, numbers, timestamps

if TYPE_CHECKING:
    import pandas as pd

HOLDOUT = 0.3
SURVIVES = 0.02  # a claim may fail on this share of the held-out rows
UNSEEN_LIMIT = 0.02  # Good-Turing: at most one good value in 50 may be new
MAX_SET = 1000
MOST_FLAGS = 3  # numbers with so few values are flags, and their set is closed
NUMERIC_SHARE = 0.95  # a column is one of numbers when so many of its values are; the others are invalid values
ROOM = 0.5  # of the range, on either side
CALENDAR_ROOM = 1.0
RUNNING_ROOM = 10.0
LONG_TAIL = 10  # times the median: such a maximum is no limit, and doubling it leaves room
OVER_HOLDOUT = 3  # times what the held-out rows went beyond the first ones
MOST_COMMON = 0.25  # a value more common than this dominates by nature
SET_DISTINCT, SET_ROOM = 3, 0.5  # members of a set, and how much more common one may become
TIMES_BEFORE_DAYS, TIMES_AFTER_DAYS = 365, 5 * 365
DOMINANT_ROOM = 0.02
DOMINANT_DISTINCT = 8  # with fewer values a common one is ordinary
COMMON = 0.02  # shares below are not worth a line
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
_CALENDAR = frozenset({"season", "year", "yr", "month", "week", "wk", "day", "date", "round", "matchday", "period"})
_RUNNING = frozenset({"id", "index", "idx", "row", "rownum", "rowid", "seq", "number", "no", "key"})
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


@dataclass(frozen=True, slots=True)
class Claim:
    """One line of a draft about one column: `failed` is the share of held-out rows that broke it."""

    suffix: str
    type: str
    why: str
    kwargs: dict[str, Any]
    dimension: str = "validity"
    failed: float = 0.0


def claims(values: pd.Series, column: str) -> list[Claim]:
    """The claims about a column's non-null `values` (in file order) that its last rows survive."""
    first = values.iloc[: math.ceil(len(values) * (1 - HOLDOUT))]
    last = values.iloc[len(first) :]
    found = None if _is_temporal(values) else numbers(values)  # once: reading text as numbers costs most of a draft
    before_last = None if found is None else found.iloc[: len(first)]
    tried = {c.suffix: c for c in _claims(first, column, None, before_last)}
    kept = []
    for claim in _claims(values, column, (first, last), found):
        before = tried.get(claim.suffix)
        if before is None or len(last) == 0:
            continue
        failed = float((~RULES[before.type](last, **before.kwargs).astype(bool)).mean())
        if failed <= SURVIVES:
            kept.append(Claim(claim.suffix, claim.type, claim.why, claim.kwargs, claim.dimension, failed))
    return kept


def as_text(values: pd.Series) -> pd.Series:
    """Each value as it is written."""
    return values if is_text(values) else values.map(str)


def words_of(column: str) -> set[str]:
    """`yearID`, `schedule_season` -> year, id; schedule, season."""
    return {w.lower() for w in _WORDS.findall(column)}


def is_calendar(column: str) -> bool:
    """Does it say when? What is true of this season's weeks is not true of the next one's."""
    return bool(words_of(column) & _CALENDAR)


def _is_temporal(values: pd.Series) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_datetime64_any_dtype(values.dtype))


def _claims(
    values: pd.Series, column: str, parts: tuple[pd.Series, pd.Series] | None, found: pd.Series | None
) -> list[Claim]:
    import pandas as pd

    n = len(values)
    if n == 0:
        return []
    text = is_text(values)
    if pd.api.types.is_bool_dtype(values.dtype) or (not text and values.map(lambda v: isinstance(v, bool)).all()):
        why = f"{n} values were true or false"
        return [Claim("set", "expect_column_values_to_be_in_set", why, {"value_set": [True, False]})]
    if found is None:
        return [_timestamp(timestamps(values), f"{n} values were timestamps")]
    if not text and not values.map(lambda v: isinstance(v, str | int | float)).all():
        return []  # lists and other nested things: only their nulls can be checked
    if found.notna().mean() >= NUMERIC_SHARE:
        halves = None if parts is None else (found.iloc[: len(parts[0])].dropna(), found.iloc[len(parts[0]) :].dropna())
        return _number(values, found, column, parts, halves)
    if not text and not values.map(lambda v: isinstance(v, str)).all():
        return []
    return _text(values, column, parts)


def _number(
    values: pd.Series,
    found: pd.Series,
    column: str,
    parts: tuple[pd.Series, pd.Series] | None,
    halves: tuple[pd.Series, pd.Series] | None,
) -> list[Claim]:
    import pandas as pd

    good = found.dropna()
    text = not pd.api.types.is_numeric_dtype(values.dtype)
    written = as_text(values[found.notna()]) if text else None
    whole = bool((good == good.round()).all()) and not (
        written is not None and written.str.contains(".", regex=False).any()
    )
    low, high = float(good.min()), float(good.max())
    kind = "whole numbers" if whole else "numbers"
    distinct = good.nunique()
    if distinct <= MOST_FLAGS and not is_calendar(column) and not (low > 1 and good.is_monotonic_increasing):
        allowed = sorted(as_text(values[found.notna()]).unique()) if text else sorted(good.unique().tolist())
        why = f"{len(good)} values were one of {distinct}"
        return [Claim("set", "expect_column_values_to_be_in_set", why, {"value_set": allowed})]
    kwargs: dict[str, Any] = {"whole": True} if whole else {}
    running = _is_running(good, column, halves)
    if running and good.is_unique:
        why = f"{len(values)} different values were {kind} that count on, {low:g} to {high:g} so far"
    elif running:
        top = high + max(RUNNING_ROOM * (high - low), RUNNING_ROOM, ROOM * abs(high) if high == low else 0.0)
        kwargs["max_value"] = max(float(f"{top:.6g}"), high)
        why = f"{len(values)} values were {kind} that count on, {low:g} to {high:g} so far"
    else:
        bounds = _bounds(good, low, high, halves, CALENDAR_ROOM if is_calendar(column) else ROOM)
        kwargs |= {"min_value": bounds[0], "max_value": bounds[1]}
        why = f"{len(values)} values were {kind} from {low:g} to {high:g}; room to {bounds[0]:g} and {bounds[1]:g}"
    out = [Claim("number", "expect_column_values_to_be_number_between", why, kwargs)]
    if written is not None and whole and _is_code(written):
        out += _format(written)
    if not running and not is_calendar(column):
        out += _dominant(values, parts)
    return out


def _is_code(written: pd.Series) -> bool:
    """Digits that are no quantity: leading zeros, or one length throughout."""
    return bool(written.str.match(r"^0[0-9]").any()) or bool(
        len(written.iloc[0]) >= 4 and (written.str.len() == len(written.iloc[0])).all()
    )


def _is_running(good: pd.Series, column: str, parts: tuple[pd.Series, pd.Series] | None) -> bool:
    """A number that counts on: by its name and its order, or because the last rows lie beyond the first."""
    ordered = float((good.diff().dropna() >= 0).mean()) if len(good) > 1 else 0.0
    if good.min() == good.max() and is_calendar(column):
        return True
    named = bool(words_of(column) & _RUNNING) or column.startswith("Unnamed")
    if named and good.nunique() > len(good) / 2:
        return True
    if ordered >= 0.99 and good.iloc[-1] > good.iloc[0]:
        return True
    if parts is None:
        return False
    first, last = parts
    return len(first) > 0 and len(last) > 0 and float((last > first.max()).mean()) > 0.2


def _bounds(
    good: pd.Series, low: float, high: float, parts: tuple[pd.Series, pd.Series] | None, share: float
) -> tuple[float, float]:
    over = under = 0.0
    if parts is not None:
        first, last = parts
        if len(first) and len(last):
            over, under = max(0.0, last.max() - first.max()), max(0.0, first.min() - last.min())
    room = share * (high - low) or abs(high) or 1.0
    top, bottom = high + max(room, OVER_HOLDOUT * over), low - max(room, OVER_HOLDOUT * under)
    if low >= 0:
        bottom = 0.0
        if high > LONG_TAIL * float(good.median()):
            top = max(top, 2 * high)
    return min(float(f"{bottom:.6g}"), low), max(float(f"{top:.6g}"), high)


def _timestamp(times: pd.Series, why: str) -> Claim:
    """Times move on, and not by ages: 1970, 1900 and 9999 stand for no time, and a year that is mistyped is another."""
    import pandas as pd

    first, last = times.min(), times.max()
    span = last - first
    bounds = {
        "min_value": first - max(span, pd.Timedelta(days=TIMES_BEFORE_DAYS)),
        "max_value": last + max(span, pd.Timedelta(days=TIMES_AFTER_DAYS)),
    }
    kwargs = {name: f"{at:%Y-%m-%dT%H:%M:%SZ}" for name, at in bounds.items()}
    why += f" from {first:%Y-%m-%d} to {last:%Y-%m-%d}; as long a time before, and five years or as long after, allowed"
    return Claim("timestamp", "expect_column_values_to_be_timestamp", why, kwargs)


def _dominant(values: pd.Series, parts: tuple[pd.Series, pd.Series] | None, *, of_a_set: bool = False) -> list[Claim]:
    """How common each value is, where values vary enough for a stuck one to stand out.

    What the members of a set share changes more from one delivery to the next: there only a takeover stands out.
    """
    shares = as_text(values).value_counts(normalize=True)
    distinct, most, room = (
        (SET_DISTINCT, SET_ROOM, SET_ROOM) if of_a_set else (DOMINANT_DISTINCT, MOST_COMMON, DOMINANT_ROOM)
    )
    if len(shares) < distinct or float(shares.iloc[0]) > most:
        return []
    if parts is not None:
        before, after = (as_text(p).value_counts(normalize=True) for p in parts)
        room = max(room, float(after.sub(before, fill_value=0.0).max()))
    common = {str(v): float(f"{s:.3g}") for v, s in shares.items() if s >= COMMON}
    why = f"no value stood in more than {shares.iloc[0]:.1%} of {len(values)} rows"
    rare = max((float(s) for s in shares if s < COMMON), default=0.0)
    kwargs = {"shares": common, "rare": float(f"{rare:.3g}"), "rows": len(values), "room": float(f"{room:.3g}")}
    return [Claim("dominant", "expect_column_values_to_not_be_dominant", why, kwargs)]


def _text(values: pd.Series, column: str, parts: tuple[pd.Series, pd.Series] | None) -> list[Claim]:
    out = []
    if timestamps(values.iloc[:5000]).notna().all():
        out.append(_timestamp(timestamps(values), f"{len(values)} values were ISO 8601 timestamps"))
    closed = [] if is_calendar(column) else _growing_set(values)
    if closed:
        return out + closed + _dominant(values, parts, of_a_set=True)
    out += _format(values)
    if not any(c.suffix == "format" for c in out):
        out += _free_text(values)
    dated = any(c.suffix == "timestamp" for c in out)
    return out + ([] if dated or is_calendar(column) else _dominant(values, parts))


def _growing_set(values: pd.Series) -> list[Claim]:
    """A set of values that recur. New members are welcome when they recur as the old ones do."""
    counts = values.value_counts()
    once = int((counts == 1).sum())
    unseen = once / len(values)
    if len(counts) > MAX_SET or unseen > UNSEEN_LIMIT or len(values) < 3 * len(counts):
        return []
    rare = float(counts.quantile(0.1)) / len(values)
    kwargs = {"value_set": sorted(map(str, counts.index)), "min_share": float(f"{rare / 4:.3g}")}
    why = (
        f"{len(counts)} distinct values in {len(values)} rows, {once} seen once: {unseen:.2%} new ones expected; "
        "a new value that recurs is a new member"
    )
    return [Claim("set", "expect_column_values_to_be_known_or_recurring", why, kwargs)]


def _format(values: pd.Series) -> list[Claim]:
    pattern = shapes.learn(values.tolist(), UNSEEN_LIMIT)
    if pattern is None:
        return []
    why = (
        f"{pattern.shapes} {'shape' if pattern.shapes == 1 else 'shapes'} of text in {len(values)} rows, "
        f"most often like {_masked(pattern.example)}; "
        f"a new shape is expected in {pattern.unseen:.2%}"
    )
    return [Claim("format", "expect_column_values_to_match_regex", why, {"regex": pattern.regex})]


def _free_text(values: pd.Series) -> list[Claim]:
    sizes = values.str.len()
    low, high = int(sizes.min()), int(sizes.max())
    length = {"min_value": low // 2, "max_value": high + max(3, high // 2)}
    out = [
        Claim(
            "length",
            "expect_column_value_lengths_to_be_between",
            f"{len(values)} texts were {low} to {high} characters long; half as much again allowed",
            length,
        ),
        Claim(
            "charset",
            "expect_column_values_to_match_regex",
            "the kinds of characters that occurred",
            {"regex": shapes.charset(values)},
        ),
    ]
    used = set(values)
    if absent := [p for p in PLACEHOLDERS if p not in used]:
        why = "a placeholder is a missing value in disguise; none of these occurred"
        kwargs = {"value_set": absent}
        out.append(Claim("placeholder", "expect_column_values_to_not_be_in_set", why, kwargs, "completeness"))
    return out


def _masked(example: str) -> str:
    """The shape of a value, not the value: evidence must not carry personal data into a file that is committed."""
    return "".join("9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in example[:40])
