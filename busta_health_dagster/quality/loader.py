"""Read a suite file and refuse what GX would drop silently or what would game the score (semantics 9.7).

The file is GX's own JSON: `{"name", "expectations": [{"type", "kwargs", "meta", "severity"}], "meta"}`, or YAML of
the same shape. Our part sits in `meta`: per expectation `id, dimension, severity, weight, mostly, why, column`; per
suite `derive, keys, public, rows, unnest, pivot, rename, optional, nulls`. All problems of a file are reported at once, each with its line,
expectation, field and remedy.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from busta_health_dagster.domain.errors import BadInput, ConfigError, Problem
from busta_health_dagster.domain.quality import CheckSeverity
from busta_health_dagster.quality.catalogue import CATALOGUE, NULL_CHECKS
from busta_health_dagster.quality.derive import ANY, KINDS
from busta_health_dagster.quality.expectation_guard import read_check
from busta_health_dagster.quality.suite import CheckSpec, Derivation, Layout, Suite
from busta_health_dagster.wording.suggestions import meant, near

MAX_BYTES = 4_000_000
_TOP = {"name", "expectations", "meta", "id", "notes", "suite_parameters", "evaluation_parameters", "data_asset_type"}
_META = {"derive", "keys", "public", "rows", "unnest", "pivot", "rename", "optional", "nulls"}


def find_suite(name: str, folder: Path) -> Path:
    """The file of suite `name` in `folder` (`.json`, `.yaml`, `.yml`), or the path itself when `name` is one.

    Raises:
        ConfigError: no such suite; the message lists those that exist.
    """
    direct = Path(name)
    if direct.suffix and direct.is_file():
        return direct
    for suffix in (".json", ".yaml", ".yml"):
        if (folder / f"{name}{suffix}").is_file():
            return folder / f"{name}{suffix}"
    known = sorted({p.stem for p in folder.glob("*") if p.suffix in {".json", ".yaml", ".yml"}})
    raise ConfigError([Problem(str(folder), "", f"there is no suite {name!r} in this folder", meant(name, known))])


def load_suite(path: Path | str) -> Suite:
    """Load one suite file.

    Raises:
        ConfigError: every problem found, with file, line, expectation, field and remedy.
    """
    file = Path(path)
    text = _text(file)
    return parse_suite(_parse(text, file), str(file), text)


def parse_suite(data: Any, where: str, text: str = "") -> Suite:
    """Evaluate a suite that is already a mapping. `where` and `text` only serve the messages."""
    if (
        not isinstance(data, dict)
        or not isinstance(data.get("expectations"), list)
        or not isinstance(data.get("name"), str)
    ):
        shape = '{"name": "odds", "expectations": [{"type": ..., "kwargs": {...}, "meta": {...}}]}'
        raise ConfigError([Problem(where, "", "this is not an expectation suite in GX's shape", shape)])
    problems: list[Problem] = []

    def report(field: str, message: str, remedy: str, needle: str = "") -> None:
        line = _line(text, needle)
        problems.append(Problem(f"{where}:{line}" if line else where, field, message, remedy))

    for key in data.keys() - _TOP:
        report(key, f"unknown key {key!r} in the suite", f"one of: {', '.join(sorted(_TOP))}", f'"{key}"')
    meta = data.get("meta") or {}
    for key in meta.keys() - _META:
        if (guess := near(key, _META)) is not None:
            report(f"meta.{key}", f"unknown key {key!r}", guess, f'"{key}"')
    layout = _layout(meta, report)
    derivations = _derivations(meta.get("derive") or [], report)
    checks: list[CheckSpec] = []
    for index, entry in enumerate(data["expectations"]):
        spec = read_check(index, entry, report)
        if spec is not None:
            if any(c.id == spec.id for c in checks):
                report(
                    f"expectations[{index}] {spec.id}",
                    "this id is used twice: results could not be kept apart",
                    "another meta.id",
                )
            checks.append(spec)
    if not data["expectations"]:
        report("expectations", "the suite is empty, so it could never fail", "at least one expectation")
    _require_null_checks(checks, derivations, layout.optional, report)
    _require_known_checks(checks, derivations, report)
    if problems:
        raise ConfigError(problems)
    assert len(checks) == len(data["expectations"])
    return Suite(
        name=data["name"],
        path=where,
        checks=tuple(checks),
        derivations=tuple(derivations),
        keys=tuple(meta.get("keys") or ()),
        public=frozenset(meta.get("public") or ()),
        layout=layout,
    )


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise BadInput(
                f"{file} has {file.stat().st_size:,} bytes; a suite of more than {MAX_BYTES:,} is not one. "
                "Is it the data file?"
            )
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        remedy = "a readable UTF-8 JSON or YAML file"
        raise ConfigError([Problem(str(file), "", f"the suite cannot be read: {error}", remedy)]) from error


def _parse(text: str, file: Path) -> Any:
    if file.suffix in {".yaml", ".yml"}:
        import yaml

        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else str(file)
            raise ConfigError(
                [Problem(where, "", f"not YAML: {getattr(error, 'problem', error)}", "valid YAML")]
            ) from error
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{file}:{error.lineno}:{error.colno}"
        raise ConfigError(
            [Problem(where, "", f"not JSON: {error.msg}", "valid JSON, or name the file .yaml")]
        ) from error


def _line(text: str, needle: str) -> int:
    at = text.find(needle) if needle else -1
    return text.count("\n", 0, at) + 1 if at >= 0 else 0


def _layout(meta: Any, report: Any) -> Layout:
    """What the suite says of the way from payload to table; a word of another shape is reported and left out."""
    shapes: dict[str, tuple[Any, str]] = {
        "rows": (lambda v: isinstance(v, str) and v, '"events", or "injuries.injuries" through two lists'),
        "unnest": (_names, '["bookmakers", "bookmakers.markets"]'),
        "pivot": (_pairs, '{"competitors": "homeAway"}'),
        "rename": (_pairs, '{"id": "event_id"}'),
        "optional": (_names, '["point"]'),
        "nulls": (_names, '["NA"]'),
    }
    found: dict[str, Any] = {}
    for key, (fits, remedy) in shapes.items():
        value = meta.get(key)
        if value and fits(value):
            found[key] = tuple(value) if isinstance(value, list) else value
        elif value:
            report(f"meta.{key}", f"cannot be used: {str(value)[:60]}", remedy, f'"{key}"')
    return Layout(**found)


def _names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _pairs(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(word, str) for pair in value.items() for word in pair)


def _derivations(entries: Any, report: Any) -> list[Derivation]:
    found = []
    for index, entry in enumerate(entries):
        field = f"meta.derive[{index}]"
        if not isinstance(entry, dict) or not isinstance(entry.get("column"), str) or entry.get("kind") not in KINDS:
            report(
                field,
                f"not a derived column: {entry!r}",
                f'{{"column": NAME, "kind": one of {", ".join(sorted(KINDS))}}}',
            )
            continue
        args = {k: v for k, v in entry.items() if k not in {"column", "kind", "why"}}
        required, optional = KINDS[entry["kind"]]
        for key in required - args.keys():
            report(
                f"{field} {entry['column']}.{key}",
                f"{entry['kind']} needs {key!r}",
                f"needs {', '.join(sorted(required))}",
            )
        for key in args.keys() - required - optional - ANY:
            allowed = ", ".join(sorted(required | optional | ANY))
            report(
                f"{field} {entry['column']}.{key}",
                f"{entry['kind']} knows no {key!r}",
                f"one of: {allowed}",
                f'"{key}"',
            )
        if wrong := next((key for key in sorted(ANY) if not _by_column(args.get(key, {}))), None):
            report(
                f"{field} {entry['column']}.{wrong}",
                "cannot be used",
                '{"market": ["h2h", "spreads"]} or {"age_s": {"min": 0, "max": 600}}',
                f'"{wrong}"',
            )
            continue
        found.append(Derivation(entry["column"], entry["kind"], args))
    return found


def _by_column(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(values, list) or _is_range(values) for values in value.values())


def _is_range(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and 0 < len(value) == len(value.keys() & {"min", "max"})
        and all(isinstance(limit, int | float) and not isinstance(limit, bool) for limit in value.values())
    )


def _require_null_checks(
    checks: list[CheckSpec], derivations: list[Derivation], optional: tuple[str, ...], report: Any
) -> None:
    """Map expectations skip nulls: without this guard, deleting every bad price would raise the score. What is `optional`
    may be null, and a derived column is as null as what it is computed from.
    """
    counted = {c.column for c in checks if c.type in NULL_CHECKS and c.severity is not CheckSeverity.INFO}
    sources = {d.column: d.sources for d in derivations}
    missing: dict[str, str] = {}
    for check in checks:
        if not CATALOGUE[check.type].by_row or check.type in NULL_CHECKS or check.severity is CheckSeverity.INFO:
            continue
        for column in check.columns:
            for real in _real(column, sources):
                if real not in counted and real not in optional:
                    missing.setdefault(real, check.id)
    for column, check_id in missing.items():
        report(
            f"column {column}",
            f"check {check_id} validates it, and no completeness check counts its nulls (row checks skip nulls)",
            f"add expect_column_values_to_not_be_null for {column}, severity WARNING or above",
            f'"{check_id}"',
        )


def _real(column: str, sources: dict[str, tuple[str, ...]]) -> set[str]:
    """The columns of the data that this one is computed from, through other derived ones."""
    found: set[str] = set()
    waiting, seen = [column], {column}
    while waiting:
        name = waiting.pop()
        if name not in sources:
            found.add(name)
        waiting += [source for source in sources.get(name, ()) if source not in seen]
        seen.update(sources.get(name, ()))
    return found


def _require_known_checks(checks: list[CheckSpec], derivations: list[Derivation], report: Any) -> None:
    from busta_health_dagster.quality.rules import RULES

    by_id = {c.id: c for c in checks}
    for derivation in derivations:
        for check_id in derivation.args.get("checks", ()):
            spec = by_id.get(check_id)
            if spec is None:
                report(
                    f"meta.derive {derivation.column}.checks",
                    f"there is no check {check_id!r}",
                    "the id of a check of this suite",
                )
            elif spec.type not in RULES:
                report(
                    f"meta.derive {derivation.column}.checks",
                    f"{check_id} ({spec.type}) is no row rule of ours",
                    f"one of: {', '.join(RULES)}",
                )
