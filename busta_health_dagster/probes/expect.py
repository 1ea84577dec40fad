"""What a payload must hold: the models of `expect:` and their evaluation. Values in, findings out."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from busta_health_dagster.domain.fields import PositiveDuration, Strict
from busta_health_dagster.domain.patterns import Regex, found
from busta_health_dagster.probes.json_path import JsonPath, find, rows_of
from busta_health_dagster.probes.port import Finding
from busta_health_dagster.probes.records import records
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Severity = Literal["error", "warning"]
_REGEX_CHARS = 1024 * 1024
_OPS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


class Count(Strict):
    """A number of items and how bad it is to miss it; a bare number means severity error."""

    value: int = Field(ge=0)
    severity: Severity = "error"


class Age(Strict):
    """An age and how bad it is to exceed it; a bare duration means severity error."""

    value: PositiveDuration
    severity: Severity = "error"


_Code = Annotated[int, Field(ge=100, le=599)] | Literal["2xx", "3xx", "4xx", "5xx"]


class StatusSet(Strict):
    """Status codes, or classes of them (`2xx`), and how bad any other is."""

    value: list[_Code] = Field(min_length=1)
    severity: Severity = "error"

    def has(self, status: int) -> bool:
        return status in self.value or f"{status // 100}xx" in self.value


_Statuses = Annotated[
    StatusSet,
    BeforeValidator(
        lambda v: {"value": v} if isinstance(v, list) else v, json_schema_input_type=list[_Code] | StatusSet
    ),
]


class TextMatch(Strict):
    """A regular expression that must be found in the body's first megabyte; `absent: true`: must not."""

    pattern: Regex
    absent: bool = False
    severity: Severity = "error"


class HeaderMatch(Strict):
    """A header that must be there, and be equal to or match something."""

    name: str
    equals: str | None = None
    matches: Regex | None = None
    severity: Severity = "error"


class JsonMatch(Strict):
    """What the values at a path must be; every value there must pass. A path alone asks that there be one.

    Rows without a value pass unseen, unless `each: true`: then every row has one. `op` and `value` compare like `min`,
    `max`, `equals`; `min_items` and `max_items` count the values found.
    """

    path: JsonPath
    severity: Severity = "error"
    exists: bool | None = None
    each: bool = False
    equals: Any = None
    one_of: list[Any] | None = None
    op: Literal["==", "!=", ">", ">=", "<", "<="] | None = None
    value: Any = None
    min: float | None = None
    max: float | None = None
    matches: Regex | None = None
    min_items: int | None = Field(default=None, ge=0)
    max_items: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _value_with_op(self) -> JsonMatch:
        if (self.op is None) != ("value" not in self.model_fields_set):
            raise ValueError("op and value go together: {path: $.count, op: '>=', value: 3}")
        return self

    @model_validator(mode="after")
    def _each_of_rows(self) -> JsonMatch:
        if self.each and (rows_of(self.path) is None or self.exists is False):
            raise ValueError("each: true asks every row for a value, so the path goes through rows: $[*].price")
        return self


class Expect(Strict):
    """Assertions about items, ages and JSON; the HTTP probe adds its own."""

    min_items: int | Count | None = None
    max_items: int | Count | None = None
    max_age: PositiveDuration | Age | None = None
    json_: list[JsonMatch] = Field(default_factory=list, alias="json")


class HttpExpect(Expect):
    """Assertions about an HTTP answer; any 2xx will do unless `status` says otherwise."""

    status: _Statuses = Field(default_factory=lambda: StatusSet(value=["2xx"]))
    headers: list[HeaderMatch] = Field(default_factory=list)
    regex: list[Regex | TextMatch] | Regex = Field(default_factory=list)


def check_items(expect: Expect, items: int | None) -> list[Finding]:
    """Too few or too many items; not countable counts as too few."""
    findings = []
    if expect.min_items is not None:
        least, severity = _limit(expect.min_items)
        if items is None or items < least:
            findings.append(Finding(severity, "assertion", f"{_counted(items)}, at least {least} wanted"))
    if expect.max_items is not None:
        most, severity = _limit(expect.max_items)
        if items is None or items > most:
            findings.append(Finding(severity, "assertion", f"{_counted(items)}, at most {most} wanted"))
    return findings


def check_age(expect: Expect, age_s: float | None) -> list[Finding]:
    """Older than `max_age`; an age that is unknown counts as too old."""
    if expect.max_age is None:
        return []
    limit, severity = (
        (expect.max_age.value, expect.max_age.severity)
        if isinstance(expect.max_age, Age)
        else (expect.max_age, "error")
    )
    if age_s is not None and age_s <= limit:
        return []
    seen = "the age of the data is unknown" if age_s is None else f"the data are {duration_text(age_s)} old"
    return [Finding(severity, "assertion", f"{seen}, at most {duration_text(limit)} wanted")]


def _limit(count: int | Count) -> tuple[int, Severity]:
    return (count.value, count.severity) if isinstance(count, Count) else (count, "error")


def _counted(items: int | None) -> str:
    return "the items cannot be counted" if items is None else plural(items, "item")


def check_json(expect: Expect, document: Any) -> list[Finding]:
    """Every JSON assertion that fails, in the order of the file."""
    findings = []
    for match in expect.json_:
        problem = _rows_without(match, document) or _json_problem(match, find(match.path, document))
        if problem:
            findings.append(Finding(match.severity, "assertion", f"{match.path}: {problem}"))
    return findings


def _rows_without(match: JsonMatch, document: Any) -> str | None:
    """`each: true`: how many rows have nothing, or null, where each must have a value."""
    split = rows_of(match.path) if match.each else None
    if split is None:
        return None
    rows, rest = split
    found = records(rows, document)
    if found.problem or not found.rows:
        return found.problem or None
    without = sum(not any(value is not None for value in find(rest, row)) for row in found.rows)
    return f"{without} of {len(found.rows)} rows have none" if without else None


def _json_problem(match: JsonMatch, values: list[Any]) -> str | None:
    count = len(values)
    if match.exists is False:
        return f"{count} found, none wanted" if count else None
    if match.min_items is not None and count < match.min_items:
        return f"{count} found, at least {match.min_items} wanted"
    if match.max_items is not None and count > match.max_items:
        return f"{count} found, at most {match.max_items} wanted"
    if not count:
        return None if match.each or match.min_items is not None or match.max_items is not None else "nothing there"
    fields = match.model_fields_set
    if "equals" in fields and (bad := _first(values, lambda v: v == match.equals)):
        return f"{bad[0]}, {_brief(match.equals)} wanted"
    allowed = match.one_of or []
    if match.one_of is not None and (bad := _first(values, lambda v: v in allowed)):
        return f"{bad[0]}, one of {_brief(allowed)} wanted"
    if match.op is not None and (bad := _first(values, lambda v: _compares(v, match.op or "==", match.value))):
        return f"{bad[0]}, {match.op} {_brief(match.value)} wanted"
    if match.min is not None and (bad := _first(values, lambda v: _compares(v, ">=", match.min))):
        return f"{bad[0]}, at least {match.min:g} wanted"
    if match.max is not None and (bad := _first(values, lambda v: _compares(v, "<=", match.max))):
        return f"{bad[0]}, at most {match.max:g} wanted"
    if match.matches is not None:
        wanted = match.matches
        if bad := _first(values, lambda v: isinstance(v, str) and found(wanted, v)):
            return f"{bad[0]}, {match.matches!r} wanted"
    return None


def _first(values: list[Any], good: Callable[[Any], bool]) -> tuple[str] | None:
    for value in values:
        if not good(value):
            return (_brief(value),)
    return None


def _compares(value: Any, op: str, wanted: Any) -> bool:
    if isinstance(value, bool) != isinstance(wanted, bool):
        return op == "!="
    try:
        return bool(_OPS[op](value, wanted))
    except TypeError:  # a text where a number should be
        return op == "!="


def check_headers(expect: HttpExpect, headers: Mapping[str, str]) -> list[Finding]:
    findings = []
    for match in expect.headers:
        value = headers.get(match.name)
        if value is None:
            problem = "is missing"
        elif match.equals is not None and value != match.equals:
            problem = f"is {_brief(value)}, {_brief(match.equals)} wanted"
        elif match.matches is not None and not found(match.matches, value):
            problem = f"is {_brief(value)}, {match.matches!r} wanted"
        else:
            continue
        findings.append(Finding(match.severity, "assertion", f"header {match.name} {problem}"))
    return findings


def check_text(expect: HttpExpect, body: bytes, charset: str) -> list[Finding]:
    wanted = [expect.regex] if isinstance(expect.regex, str) else expect.regex
    if not wanted:
        return []
    text = body[: 4 * _REGEX_CHARS].decode(charset, "replace")[:_REGEX_CHARS]
    findings = []
    for item in wanted:
        match = TextMatch(pattern=item) if isinstance(item, str) else item
        there = found(match.pattern, text)
        if there == match.absent:
            state = "found, and must not be there" if there else "not found in the body"
            findings.append(Finding(match.severity, "assertion", f"{match.pattern!r} {state}"))
    return findings


def _brief(value: Any) -> str:
    """A value from outside, short and on one line."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
