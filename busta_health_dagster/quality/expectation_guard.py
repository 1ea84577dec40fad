"""Evaluate one expectation of a suite file: type, kwargs, severity, dimension, weight and the `mostly` floors."""

from __future__ import annotations

import math
from typing import Any, Protocol

from busta_health_dagster.domain.patterns import pattern
from busta_health_dagster.domain.quality import CheckSeverity, Dimension
from busta_health_dagster.quality.catalogue import CATALOGUE, Entry
from busta_health_dagster.quality.sql_checks import SQL_CHECK, reading_query
from busta_health_dagster.quality.suite import CheckSpec
from busta_health_dagster.wording.suggestions import meant, near

MOSTLY_FLOOR = {CheckSeverity.CRITICAL: 1.0, CheckSeverity.ERROR: 0.95}
_KEYS = {
    "type",
    "kwargs",
    "meta",
    "severity",
    "id",
    "notes",
    "description",
    "rendered_content",
    "expectation_context",
    "windows",
}
_META = {"id", "dimension", "severity", "weight", "mostly", "why", "column", "owner", "returns"}
_GX_SEVERITY = {"critical": CheckSeverity.CRITICAL, "warning": CheckSeverity.WARNING, "info": CheckSeverity.INFO}


class Report(Protocol):
    """Takes down one problem; `needle` is a text that finds its line."""

    def __call__(self, field: str, message: str, remedy: str, needle: str = "") -> None: ...


def read_check(index: int, entry: Any, report: Report) -> CheckSpec | None:
    """One entry of `expectations` as a CheckSpec, or None after having reported why it is not one."""
    field = f"expectations[{index}]"
    if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
        report(field, "not an expectation", '{"type": "expect_...", "kwargs": {...}, "meta": {...}}')
        return None
    kind, kwargs, meta = entry["type"], entry.get("kwargs") or {}, entry.get("meta") or {}
    known = CATALOGUE.get(kind)
    if known is None:
        report(
            f"{field}.type",
            f"unknown expectation {kind!r}: GX would drop it silently",
            near(kind, CATALOGUE, 0.5) or "see docs/quality.md",
            kind,
        )
        return None
    if not isinstance(kwargs, dict) or not isinstance(meta, dict):
        report(field, "kwargs and meta are mappings", '{"column": "price"}', kind)
        return None
    columns = _columns(kwargs)
    check_id = str(meta.get("id") or ".".join([*columns, kind.removeprefix("expect_")]))
    field = f"{field} {check_id}"
    _keys(field, entry, kwargs, meta, known, report)
    _values(field, kwargs, report, check_id)
    if kind == SQL_CHECK:
        _query(field, kwargs.get("unexpected_rows_query"), report, check_id)
    severity = _severity(field, entry, meta, report)
    dimension = _dimension(field, meta, known, report)
    weight = _number(meta.get("weight", 1), field, "meta.weight", report)
    mostly = _mostly(field, kwargs, meta, known, severity, report)
    return CheckSpec(
        id=check_id,
        type=kind,
        kwargs={k: v for k, v in kwargs.items() if k != "mostly"},
        dimension=dimension,
        severity=severity,
        weight=weight,
        mostly=mostly,
        why=str(meta.get("why", "")),
        column=meta.get("column") or ",".join(columns) or None,
        columns=columns,
        table=not known.by_row,
        owner=str(meta.get("owner") or ""),
        returns=_returns(field, kind, meta, report),
    )


def _columns(kwargs: dict[str, Any]) -> tuple[str, ...]:
    single = [kwargs[k] for k in ("column", "column_A", "column_B") if isinstance(kwargs.get(k), str)]
    listed = kwargs.get("column_list")
    return tuple(single + [c for c in listed if isinstance(c, str)] if isinstance(listed, list) else single)


def _keys(
    field: str, entry: dict[str, Any], kwargs: dict[str, Any], meta: dict[str, Any], known: Entry, report: Report
) -> None:
    for key in entry.keys() - _KEYS:
        report(f"{field}.{key}", f"unknown key {key!r}", meant(key, sorted(_KEYS)), f'"{key}"')
    for key in kwargs.keys() - known.kwargs:
        report(
            f"{field}.kwargs.{key}", f"{entry['type']} takes no {key!r}", meant(key, sorted(known.kwargs)), f'"{key}"'
        )
    for key in known.required_kwargs - kwargs.keys():
        report(
            f"{field}.kwargs",
            f"{entry['type']} needs {key!r}",
            f"takes: {', '.join(sorted(known.kwargs))}",
            f'"{entry["type"]}"',
        )
    for key in meta.keys() - _META:
        if near(key, _META):
            report(f"{field}.meta.{key}", f"unknown key {key!r}", meant(key, sorted(_META)), f'"{key}"')


def _values(field: str, kwargs: dict[str, Any], report: Report, needle: str) -> None:
    patterns = kwargs.get("regex_list") or []
    for text in [kwargs["regex"], *patterns] if "regex" in kwargs else patterns:
        try:
            pattern(text)
        except (ValueError, TypeError) as error:
            report(
                f"{field}.kwargs.regex",
                f"not a pattern that can be used: {error}",
                "an RE2 pattern that compiles",
                needle,
            )
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        report(f"{field}.kwargs", f"min_value {low} is above max_value {high}: nothing could pass", "swap them", needle)
    if "value_set" in kwargs and not (isinstance(kwargs["value_set"], list) and kwargs["value_set"]):
        report(
            f"{field}.kwargs.value_set", "an empty value set (GX would let everything pass)", "a list of values", needle
        )


def _query(field: str, query: Any, report: Report, needle: str) -> None:
    try:
        reading_query(query)
    except ValueError as error:
        remedy = "one statement that reads: the failing rows, or their count with meta.returns: count"
        report(f"{field}.kwargs.unexpected_rows_query", str(error), remedy, f'"{needle}"')


def _returns(field: str, kind: str, meta: dict[str, Any], report: Report) -> str:
    word = meta.get("returns", "rows")
    if word not in ("rows", "count") or ("returns" in meta and kind != SQL_CHECK):
        report(f"{field}.meta.returns", f"{word!r} cannot be used", f"rows or count, of {SQL_CHECK} only", '"returns"')
        return "rows"
    return str(word)


def _severity(field: str, entry: dict[str, Any], meta: dict[str, Any], report: Report) -> CheckSeverity:
    gx = entry.get("severity")
    if gx is not None and gx not in _GX_SEVERITY:
        remedy = "critical, warning or info (GX's three levels); ours goes into meta.severity"
        report(
            f"{field}.severity", f"unknown severity {gx!r}: GX would drop the expectation silently", remedy, f'"{gx}"'
        )
    word = meta.get("severity")
    if word is None:
        return _GX_SEVERITY.get(str(gx), CheckSeverity.ERROR)
    if str(word).upper() not in CheckSeverity.__members__:
        report(f"{field}.meta.severity", f"unknown severity {word!r}", ", ".join(CheckSeverity), f'"{word}"')
        return CheckSeverity.ERROR
    return CheckSeverity(str(word).upper())


def _dimension(field: str, meta: dict[str, Any], known: Entry, report: Report) -> Dimension:
    word = meta.get("dimension")
    if word is None:
        return known.dimension
    if str(word).lower() not in set(Dimension):
        report(f"{field}.meta.dimension", f"unknown dimension {word!r}", ", ".join(Dimension), f'"{word}"')
        return known.dimension
    return Dimension(str(word).lower())


def _number(value: Any, field: str, name: str, report: Report) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        report(f"{field}.{name}", f"{value!r} is not a number of 0 or more", "for instance 1")
        return 1.0
    return value


def _mostly(
    field: str, kwargs: dict[str, Any], meta: dict[str, Any], known: Entry, severity: CheckSeverity, report: Report
) -> float:
    ours, gx = meta.get("mostly"), kwargs.get("mostly")
    if ours is not None and gx is not None and ours != gx:
        report(f"{field}.meta.mostly", f"meta.mostly {ours} and kwargs.mostly {gx} disagree", "write the same in both")
    value = ours if ours is not None else gx if gx is not None else 1.0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        report(f"{field}.mostly", f"{value!r} is not a share between 0 and 1", "for instance 0.99")
        return 1.0
    if not known.by_row and value != 1:
        report(f"{field}.mostly", "a table-level check passes or fails: it takes no mostly", "leave it out")
        return 1.0
    floor = MOSTLY_FLOOR.get(severity, 0.0)
    if value < floor:
        remedy = f"{floor:g} or more, or a lower severity"
        report(
            f"{field}.mostly",
            f"mostly {value:g} is too lenient for {severity} (floor {floor:g})",
            remedy,
            f'"{field.rsplit(maxsplit=1)[-1]}"',
        )
    return float(value)
