"""A data contract (Open Data Contract Standard, v3) as the draft of a suite: its columns, their types, and its quality rules.

What cannot become a check is named with the reason, so that no one takes the draft for the whole contract.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.errors import BadInput, ConfigError
from busta_health_dagster.quality.catalogue import NULL_CHECKS
from busta_health_dagster.quality.contract_columns import checks_of_type
from busta_health_dagster.quality.contract_rules import Drafted, LeftOut, columns_of, drafted
from busta_health_dagster.quality.expectation_guard import read_check
from busta_health_dagster.quality.loader import parse_suite
from busta_health_dagster.quality.yaml_text import parse_yaml
from busta_health_dagster.wording.lists import listed
from busta_health_dagster.wording.suggestions import near

if TYPE_CHECKING:
    from collections.abc import Iterator

KNOWN_VERSIONS = ("v3.0.0", "v3.0.1", "v3.0.2", "v3.1.0")
MAX_BYTES = 4_000_000
MOST_PROPERTIES, DEEPEST = 20_000, 30
_GX_SEVERITY = {"INFO": "info", "WARNING": "warning"}


@dataclass(frozen=True, slots=True)
class ContractDraft:
    """The suite as it is written to a file, and what of the contract is not in it."""

    suite: dict[str, Any]
    table: str
    left_out: tuple[str, ...]


@dataclass(slots=True)
class _Draft:
    where: str
    sql: bool
    owner: str
    made: list[tuple[str, Drafted]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    columns: list[tuple[str, bool]] = field(default_factory=list)
    keys: list[tuple[int, str]] = field(default_factory=list)
    seen: int = 0


def read_contract(path: Path) -> Any:
    """The contract's YAML (JSON is YAML, too). Raises BadInput."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadInput(f"{path} has more than {MAX_BYTES:,} bytes: no contract has; is it the data?")
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"The contract {path} cannot be read: {error}") from error
    try:
        return parse_yaml(text)
    except ValueError as error:
        raise BadInput(f"{path} is no YAML: {error}") from error


def suite_of(contract: Any, where: str, table: str | None = None, *, sql: bool = False) -> ContractDraft:
    """The draft for one table of the contract. `sql`: for a source of probe sql, with what a database counts by itself.

    Raises:
        BadInput: it is no contract, of a version that is not known, has no such table, or nothing that can be checked.
    """
    _refuse_strangers(contract, where)
    chosen = _table(contract, where, table)
    name = str(chosen.get("name"))
    draft = _Draft(where, sql, _owner(contract))
    for one in _properties(chosen):
        _column(draft, one, "")
    _keys(draft)
    for rule in _rules(chosen):
        _rule(draft, rule, None, name)
    draft.left_out += _elsewhere(contract)
    _columns_exist(draft)
    suite = _suite(draft, name)
    if not suite["expectations"]:
        reasons = f": {listed(draft.left_out, most=3)}" if draft.left_out else ""
        raise BadInput(f"{where}: {name} has nothing that can be checked{reasons}")
    try:
        parse_suite(suite, where)
    except ConfigError as error:
        raise BadInput(f"{where}: the draft of {name} is no suite: {error.problems[0].message}") from error
    return ContractDraft(suite, name, tuple(draft.left_out))


def _refuse_strangers(contract: Any, where: str) -> None:
    if not isinstance(contract, Mapping) or contract.get("kind") != "DataContract":
        raise BadInput(
            f"{where} is no data contract of the Open Data Contract Standard: it does not say kind: DataContract"
        )
    said = str(contract.get("apiVersion") or "")
    version = said if said.startswith("v") else f"v{said}"
    if not said or version not in KNOWN_VERSIONS:
        what = f"is of apiVersion {said}, which this program does not know" if said else "names no apiVersion"
        raise BadInput(
            f"{where} {what} ({', '.join(KNOWN_VERSIONS)}); bring the contract to one of these, or upgrade this program"
        )


def _table(contract: Mapping[str, Any], where: str, wanted: str | None) -> Mapping[str, Any]:
    given = contract.get("schema")
    tables = [t for t in given if isinstance(t, Mapping) and t.get("name")] if isinstance(given, list) else []
    if not tables:
        raise BadInput(
            f"{where} has no schema, so there is nothing to check; a schema is a list of tables with properties"
        )
    names = [str(t["name"]) for t in tables]
    if wanted is None:
        if len(tables) > 1:
            raise BadInput(f"{where} has several tables: {listed(names, most=8)}; choose one with --table")
        return tables[0]
    found = [t for t in tables if wanted in (t["name"], t.get("physicalName"))]
    if not found:
        raise BadInput(
            f"{where} has no table {wanted!r}; write --table {near(wanted, names) or f'with one of {listed(names, most=8)}'}"
        )
    return found[0]


def _properties(of: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    given = of.get("properties")
    return (one for one in given if isinstance(one, Mapping)) if isinstance(given, list) else iter(())


def _rules(of: Mapping[str, Any]) -> list[Any]:
    """Its `quality`, which may be a rule alone."""
    given = of.get("quality")
    return given if isinstance(given, list) else [] if given is None else [given]


def _column(draft: _Draft, one: Mapping[str, Any], inside: str) -> None:
    draft.seen += 1
    if draft.seen > MOST_PROPERTIES or inside.count(".") > DEEPEST:  # a YAML alias may name itself
        raise BadInput(
            f"{draft.where}: more than {MOST_PROPERTIES:,} properties, or properties in properties more than {DEEPEST} deep"
        )
    name = str(one.get("physicalName") or one.get("name") or "")
    if not name:
        draft.left_out.append(f"a property without a name{f' in {inside}' if inside else ''}")
        return
    column = f"{inside}.{name}" if inside else name
    kind = str(one.get("logicalType") or "")
    if kind == "object" and one.get("properties"):
        for inner in _properties(one):
            _column(draft, inner, column)
        return
    if kind == "array":
        draft.left_out.append(f"{column}: a list inside a row; name it in meta.unnest of the suite")
        return
    key = one.get("primaryKey") is True
    required = one.get("required") is True or key
    draft.columns.append((column, required))
    own = {"column": column}
    if required:
        why = "part of the primary key" if key else "required"
        draft.made.append((column, Drafted("not_null", "expect_column_values_to_not_be_null", why, own)))
    if one.get("unique") is True:
        draft.made.append((column, Drafted("unique", "expect_column_values_to_be_unique", "unique", own)))
    if key:
        position = one.get("primaryKeyPosition")
        draft.keys.append((position if isinstance(position, int) else 0, column))
    typed, unread = checks_of_type(column, kind, one.get("logicalTypeOptions"), sql=draft.sql)
    draft.made += [(column, check) for check in typed]
    if unread:
        draft.left_out.append(f"{column}: logicalTypeOptions {', '.join(unread)} of logicalType {kind or 'unknown'}")
    for rule in _rules(one):
        _rule(draft, rule, column, column)
    if one.get("relationships"):
        draft.left_out.append(f"{column}: a relationship to another table; compare two sources with quality.reconcile")


def _keys(draft: _Draft) -> None:
    names = [name for _, name in sorted(draft.keys)]
    if len(names) == 1:
        own = {"column": names[0]}
        draft.made.append((names[0], Drafted("unique", "expect_column_values_to_be_unique", "the primary key", own)))
    elif names:
        kwargs = {"column_list": names}
        draft.made.append(("key", Drafted("unique", "expect_compound_columns_to_be_unique", "the primary key", kwargs)))


def _rule(draft: _Draft, rule: Any, column: str | None, place: str) -> None:
    try:
        draft.made += [(place, one) for one in drafted(rule, column, sql=draft.sql)]
    except LeftOut as error:
        named = str(rule.get("name") or rule.get("id") or rule.get("metric") or "") if isinstance(rule, Mapping) else ""
        draft.left_out.append(f"{place}{f', {named}' if named else ''}: {error}")


def _columns_exist(draft: _Draft) -> None:
    """In rows a column that may be null may be missing as well; a table of a database has all of its own."""
    there = [name for name, required in draft.columns if required or draft.sql]
    if there:
        kwargs = {"column_set": there, "exact_match": False}
        why = "the columns of the contract"
        draft.made.insert(0, ("table", Drafted("columns", "expect_table_columns_to_match_set", why, kwargs)))


def _suite(draft: _Draft, name: str) -> dict[str, Any]:
    counted = columns_of(one for _, one in draft.made if one.type in NULL_CHECKS and one.severity != "INFO")
    nullable = sorted(columns_of(one for _, one in draft.made if one.by_row and one.type not in NULL_CHECKS) - counted)
    meta: dict[str, Any] = {"keys": [key for _, key in sorted(draft.keys)]}
    if nullable and draft.sql:
        for column in nullable:
            kwargs = {"column": column, "min_value": 0.0, "max_value": 1.0}
            why = "the contract allows nulls here"
            type_ = "expect_column_proportion_of_non_null_values_to_be_between"
            draft.made.append((column, Drafted("nulls", type_, why, kwargs, severity="WARNING")))
    elif nullable:
        meta["optional"] = nullable
    expectations: list[dict[str, Any]] = []
    used: dict[str, int] = {}
    for place, one in draft.made:
        entry = _entry(draft, place, one)
        problems: list[str] = []
        read_check(0, entry, lambda _field, message, _remedy, _needle="", seen=problems: seen.append(message))
        if problems:
            draft.left_out.append(f"{place}, {one.suffix}: {problems[0]}")
            continue
        id_ = entry["meta"]["id"]
        used[id_] = used.get(id_, 0) + 1
        if used[id_] > 1:
            if any(other["kwargs"] == entry["kwargs"] and other["type"] == entry["type"] for other in expectations):
                continue  # the same said twice: required, and a rule against nulls
            entry["meta"]["id"] = f"{id_}.{used[id_]}"
        expectations.append(entry)
    return {"name": name, "expectations": expectations, "meta": meta}


def _entry(draft: _Draft, place: str, one: Drafted) -> dict[str, Any]:
    meta: dict[str, Any] = {"id": f"{place}.{one.suffix}", "severity": one.severity, "why": one.why}
    kwargs = dict(one.kwargs)
    if one.dimension is not None:
        meta["dimension"] = one.dimension
    if one.by_row:
        meta["mostly"] = one.mostly
    if one.returns is not None:
        meta["returns"] = one.returns
    if draft.owner:
        meta["owner"] = draft.owner
    return {"type": one.type, "kwargs": kwargs, "meta": meta, "severity": _GX_SEVERITY.get(one.severity, "critical")}


def _owner(contract: Mapping[str, Any]) -> str:
    """Who the contract's team calls its owner; v3.0 has a list of people, v3.1 a team with members."""
    team = contract.get("team")
    people = team.get("members") if isinstance(team, Mapping) else team
    for person in people if isinstance(people, list) else ():
        if isinstance(person, Mapping) and str(person.get("role") or "").lower() in {"owner", "data owner"}:
            return str(person.get("username") or person.get("name") or "")
    return ""


def _elsewhere(contract: Mapping[str, Any]) -> list[str]:
    """Parts of a contract that are said at the source and not in a suite."""
    given = contract.get("slaProperties")
    words = [str(one.get("property")) for one in given if isinstance(one, Mapping)] if isinstance(given, list) else []
    return [f"slaProperties {word}: say it at the source (interval, max_data_age, sla)" for word in words]
