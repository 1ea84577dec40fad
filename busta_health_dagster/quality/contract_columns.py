"""What the type of a column in a data contract (ODCS v3) asks of its values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from busta_health_dagster.quality.contract_rules import Drafted, is_number

_LENGTHS = {"minLength": "min_value", "maxLength": "max_value"}


def checks_of_type(column: str, kind: str, given: Any, *, sql: bool) -> tuple[list[Drafted], list[str]]:
    """The checks, and the options that none of them reads. A database (`sql`) has types of its own: only limits are asked."""
    options = dict(given) if isinstance(given, Mapping) else {}
    own, why = {"column": column}, f"logicalType {kind}"
    made: list[Drafted] = []
    if kind in {"integer", "number"}:
        limits = _limits(options, whole=kind == "integer")
        if not sql:
            more = {"whole": True} if kind == "integer" else {}
            kwargs = own | limits | more
            made.append(Drafted("number", "expect_column_values_to_be_number_between", why, kwargs))
        elif limits:
            made.append(Drafted("range", "expect_column_values_to_be_between", why, own | limits))
    elif kind in {"date", "timestamp"} and not sql:
        made.append(Drafted("timestamp", "expect_column_values_to_be_timestamp", why, own))
    elif kind == "boolean" and not sql:
        words = [True, False, "true", "false", "True", "False"]
        made.append(Drafted("boolean", "expect_column_values_to_be_in_set", why, own | {"value_set": words}))
    elif kind == "string":
        made += _text(options, own)
    return made, sorted(map(str, options))


def _text(options: dict[str, Any], own: dict[str, Any]) -> list[Drafted]:
    made = []
    if isinstance(pattern := options.get("pattern"), str):
        del options["pattern"]
        made.append(Drafted("pattern", "expect_column_values_to_match_regex", "pattern", own | {"regex": pattern}))
    lengths = {ours: options.pop(theirs) for theirs, ours in _LENGTHS.items() if theirs in options}
    if lengths:
        made.append(Drafted("length", "expect_column_value_lengths_to_be_between", "length", own | lengths))
    return made


def _limits(options: dict[str, Any], *, whole: bool) -> dict[str, Any]:
    """min_value and max_value; what is exclusive is the next number inside."""
    found: dict[str, Any] = {}
    for name, ours, inside in (("Minimum", "min_value", 1), ("Maximum", "max_value", -1)):
        exclusive, limit = options.get(f"exclusive{name}"), options.get(name.lower())
        if is_number(exclusive):
            limit, exclusive = exclusive, True
        if limit is not None and is_number(limit):
            for key in (f"exclusive{name}", name.lower()):
                options.pop(key, None)
            step = limit + inside if whole else math.nextafter(limit, inside * math.inf)
            found[ours] = step if exclusive is True else limit
    return found
