"""The quality rules of a data contract (ODCS v3) as expectations: what each metric becomes, and why one cannot be taken over."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from busta_health_dagster.quality.catalogue import CATALOGUE
from busta_health_dagster.quality.sql_checks import BATCH, SQL_CHECK
from busta_health_dagster.quality.yaml_text import parse_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable

DIMENSIONS = {
    "accuracy": "validity",
    "ac": "validity",
    "conformity": "validity",
    "cf": "validity",
    "validity": "validity",
    "completeness": "completeness",
    "cp": "completeness",
    "coverage": "completeness",
    "cv": "completeness",
    "consistency": "consistency",
    "cs": "consistency",
    "timeliness": "timeliness",
    "tm": "timeliness",
    "uniqueness": "uniqueness",
    "uq": "uniqueness",
}
_SEVERITIES = {
    "info": "INFO",
    "low": "WARNING",
    "warn": "WARNING",
    "warning": "WARNING",
    "minor": "WARNING",
    "medium": "WARNING",
}
_OPERATORS = {
    "mustBe": "=",
    "mustNotBe": "<>",
    "mustBeGreaterThan": ">",
    "mustBeGreaterOrEqualTo": ">=",
    "mustBeLessThan": "<",
    "mustBeLessOrEqualTo": "<=",
    "mustBeBetween": "between",
    "mustNotBeBetween": "not between",
}
_OLD_NAMES = {"nullCheck": "nullValues", "duplicateCount": "duplicateValues", "validValues": "invalidValues"}
"""Of v3.0, where a metric was a `rule`."""
_NAMES_OF_COLUMNS = ("column", "column_A", "column_B")
ERROR_FLOOR = 0.95
LARGEST = sys.float_info.max


class LeftOut(Exception):
    """A rule that cannot be taken over; the message says why, and what to do instead."""


@dataclass(frozen=True, slots=True)
class Drafted:
    """One expectation in the making. `suffix` ends its id; `table`: it takes no mostly."""

    suffix: str
    type: str
    why: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    mostly: float = 1.0
    dimension: str | None = None
    severity: str = "ERROR"
    returns: str | None = None

    @property
    def by_row(self) -> bool:
        return CATALOGUE[self.type].by_row


def severity_of(rule: Mapping[str, Any], mostly: float) -> str:
    """ERROR unless the contract says less, or asks for less than an ERROR may."""
    word = _SEVERITIES.get(str(rule.get("severity") or "").lower(), "ERROR")
    return "WARNING" if word == "ERROR" and mostly < ERROR_FLOOR else word


def drafted(rule: Any, column: str | None, *, sql: bool) -> list[Drafted]:
    """The expectations of one entry of `quality`, of a column or of the table (`column` None).

    Raises:
        LeftOut: it cannot be taken over.
    """
    if not isinstance(rule, Mapping):
        raise LeftOut("a quality rule is a mapping, such as {metric: nullValues, mustBe: 0}")
    kind = str(rule.get("type") or "library")
    match kind:
        case "library":
            made = _metric(rule, column)
        case "sql":
            made = [_sql(rule, column, sql=sql)]
        case "custom":
            made = [_custom(rule, column)]
        case "text":
            raise LeftOut("a rule in words; write it as a metric or in SQL")
        case _:
            raise LeftOut(f"type {kind!r} is not known (library, sql, custom, text)")
    return [_declared(one, rule) for one in made]


def _declared(one: Drafted, rule: Mapping[str, Any]) -> Drafted:
    from dataclasses import replace

    dimension = DIMENSIONS.get(str(rule.get("dimension") or "").lower())
    why = str(rule.get("description") or rule.get("name") or rule.get("id") or one.why)
    return replace(one, dimension=dimension or one.dimension, severity=severity_of(rule, one.mostly), why=why)


def _metric(rule: Mapping[str, Any], column: str | None) -> list[Drafted]:
    name = str(rule.get("metric") or rule.get("rule") or "")
    name = _OLD_NAMES.get(name, name)
    given = rule.get("arguments")
    arguments: Mapping[str, Any] = {**rule, **given} if isinstance(given, Mapping) else rule
    if name == "rowCount" and column is None:
        return [Drafted("row_count", "expect_table_row_count_to_be_between", "rows", _limits(rule))]
    if name == "duplicateValues" and column is None:
        columns = [str(name) for name in _listed(arguments.get("properties"), "properties")]
        kwargs = {"column_list": columns} if len(columns) > 1 else {"column": columns[0]}
        type_ = "expect_compound_columns_to_be_unique" if len(columns) > 1 else "expect_column_values_to_be_unique"
        return [Drafted("unique", type_, f"{', '.join(columns)} unique", kwargs, _mostly(rule))]
    if column is None:
        raise LeftOut(f"metric {name!r} is not known for a table (rowCount, duplicateValues)")
    own = {"column": column}
    match name:
        case "nullValues":
            return [Drafted("not_null", "expect_column_values_to_not_be_null", "no nulls", own, _mostly(rule))]
        case "duplicateValues":
            return [Drafted("unique", "expect_column_values_to_be_unique", "unique", own, _mostly(rule))]
        case "missingValues":
            return _missing(rule, _listed(arguments.get("missingValues"), "missingValues"), own)
        case "invalidValues":
            return _valid(arguments, own, _mostly(rule))
        case _:
            known = "nullValues, missingValues, invalidValues, duplicateValues"
            raise LeftOut(f"metric {name!r} is not known for a column ({known})")


def _missing(rule: Mapping[str, Any], values: list[Any], own: Mapping[str, Any]) -> list[Drafted]:
    words, made = [v for v in values if v is not None], []
    if len(words) < len(values):
        made.append(Drafted("not_null", "expect_column_values_to_not_be_null", "no nulls", own, _mostly(rule)))
    if words:
        kwargs = {**own, "value_set": words}
        made.append(
            Drafted(
                "not_missing",
                "expect_column_values_to_not_be_in_set",
                "no word for a missing value",
                kwargs,
                _mostly(rule),
                "completeness",
            )
        )
    return made


def _valid(arguments: Mapping[str, Any], own: Mapping[str, Any], mostly: float) -> list[Drafted]:
    if isinstance(arguments.get("validValues"), list):
        kwargs = {**own, "value_set": arguments["validValues"]}
        return [Drafted("valid_values", "expect_column_values_to_be_in_set", "one of the valid values", kwargs, mostly)]
    if isinstance(arguments.get("pattern"), str):
        kwargs = {**own, "regex": arguments["pattern"]}
        return [Drafted("pattern", "expect_column_values_to_match_regex", "of the pattern", kwargs, mostly)]
    raise LeftOut("invalidValues needs arguments.validValues or arguments.pattern")


def _listed(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise LeftOut(f"it needs arguments.{name}, a list")
    return value


def _operator(rule: Mapping[str, Any]) -> tuple[str, Any]:
    found = [(name, rule[name]) for name in _OPERATORS if rule.get(name) is not None]
    if len(found) != 1:
        raise LeftOut(f"it has {len(found) or 'no'} operators; write one of {', '.join(_OPERATORS)}")
    name, value = found[0]
    pair = name.endswith("Between")
    numbers = value if pair and isinstance(value, list) else [value]
    if len(numbers) != 1 + pair or not all(map(is_number, numbers)):
        raise LeftOut(f"{name}: {value!r} is no {'pair of numbers' if pair else 'number'}")
    return name, value


def is_number(value: Any) -> bool:
    """One that can be compared with: true is none, nor is what no float holds."""
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST


def _mostly(rule: Mapping[str, Any]) -> float:
    """The share of good rows that a limit on bad ones leaves."""
    name, value = _operator(rule)
    percent = str(rule.get("unit") or "rows").lower() in {"percent", "%"}
    if (name in {"mustBe", "mustBeLessOrEqualTo"} and value == 0) or (
        name == "mustBeLessThan" and value == 1 and not percent
    ):
        return 1.0
    if name not in {"mustBeLessThan", "mustBeLessOrEqualTo"}:
        raise LeftOut(f"{name}: {value} is no upper limit of bad rows")
    if not percent:
        raise LeftOut(f"a limit of {value} rows is no share of them; write it with unit: percent")
    if not 0 < value < 100:
        raise LeftOut(f"{value} percent can never fail, or never pass")
    return round(1 - float(value) / 100, 6)


def _limits(rule: Mapping[str, Any]) -> dict[str, Any]:
    name, value = _operator(rule)
    match name:
        case "mustBe":
            return {"min_value": value, "max_value": value}
        case "mustBeBetween":
            return {"min_value": value[0], "max_value": value[1]}
        case "mustBeGreaterThan":
            return {"min_value": value, "strict_min": True}
        case "mustBeGreaterOrEqualTo":
            return {"min_value": value}
        case "mustBeLessThan":
            return {"max_value": value, "strict_max": True}
        case "mustBeLessOrEqualTo":
            return {"max_value": value}
        case _:
            raise LeftOut(f"{name} is no range of a count")


def _sql(rule: Mapping[str, Any], column: str | None, *, sql: bool) -> Drafted:
    if not sql:
        raise LeftOut("a rule in SQL asks a database; add --sql where the source is one")
    query = rule.get("query")
    if not isinstance(query, str):
        raise LeftOut("it has no query")
    name, value = _operator(rule)
    asked = re.sub(r"\{object\}|\{table\}|\$\{object\}|\$\{table\}", BATCH, query).strip().rstrip("; \n\t")
    if column is not None:
        asked = re.sub(r"\$?\{(?:property|column)\}", column, asked)
    limit = " and ".join(map(str, value)) if isinstance(value, list) else str(value)
    # What the rule's query answers is compared inside the query: 0 failing rows where the answer is right.
    counted = f"select case when ({asked}) {_OPERATORS[name]} {limit} then 0 else 1 end"
    return Drafted(
        "sql", SQL_CHECK, f"{name} {limit}", {"unexpected_rows_query": counted}, dimension="validity", returns="count"
    )


def _custom(rule: Mapping[str, Any], column: str | None) -> Drafted:
    """Of Great Expectations, in its own words."""
    engine = str(rule.get("engine") or "")
    if engine.lower().replace("_", "").replace("-", "") not in {"greatexpectations", "gx"}:
        raise LeftOut(f"a rule of {engine or 'an engine that is not named'}, which only that engine can read")
    body = rule.get("implementation")
    try:
        found = parse_yaml(body) if isinstance(body, str) else body
    except ValueError as error:
        raise LeftOut(f"its implementation is no YAML and no JSON: {error}") from error
    type_ = found.get("type") or found.get("expectation_type") if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping) or not isinstance(type_, str) or type_ not in CATALOGUE:
        raise LeftOut(f"its implementation is no expectation that is known: {type_!r}")
    given = found.get("kwargs")
    kwargs = {_snake(k): v for k, v in given.items()} if isinstance(given, Mapping) else {}
    if column is not None and "column" in CATALOGUE[type_].required_kwargs:
        kwargs.setdefault("column", column)
    names = [kwargs[key] for key in _NAMES_OF_COLUMNS if key in kwargs]
    several = kwargs.get("column_list", [])
    if not all(isinstance(name, str) for name in (*names, *(several if isinstance(several, list) else [None]))):
        raise LeftOut("its columns are no names")
    mostly = kwargs.pop("mostly", 1.0)
    return Drafted("gx", type_, type_, kwargs, mostly if isinstance(mostly, int | float) else 1.0)


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name)).lower()


def columns_of(made: Iterable[Drafted]) -> set[str]:
    """The columns that these read."""
    found: set[str] = set()
    for one in made:
        found |= {one.kwargs[key] for key in _NAMES_OF_COLUMNS if key in one.kwargs}
        found |= set(one.kwargs.get("column_list") or ())
    return found
