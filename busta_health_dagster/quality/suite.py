"""A suite as we hold it: GX's JSON, read and evaluated, still without GX."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.quality import CheckResult, CheckSeverity, Dimension
from busta_health_dagster.quality.sql_checks import SQL_CHECK

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """One expectation of a suite. `column` is what it is grouped by; `columns` are all it reads."""

    id: str
    type: str
    kwargs: Mapping[str, Any]
    dimension: Dimension
    severity: CheckSeverity
    weight: float
    mostly: float
    why: str
    column: str | None
    columns: tuple[str, ...]
    table: bool
    owner: str = ""
    returns: str = "rows"
    """Of a SQL check: its query returns the failing rows, or their `count`."""

    def result(self, eligible: int, unexpected: int, error: str | None = None) -> CheckResult:
        return CheckResult(
            id=self.id,
            dimension=self.dimension,
            column=self.column,
            severity=self.severity,
            eligible=eligible,
            unexpected=unexpected,
            weight=self.weight,
            mostly=self.mostly,
            table=self.table,
            error=error,
            why=self.why,
            owner=self.owner,
        )


@dataclass(frozen=True, slots=True)
class Derivation:
    """A column computed before validation: `kind` names the rule, `args` its arguments (quality/derive.py)."""

    column: str
    kind: str
    args: Mapping[str, Any]

    @property
    def sources(self) -> tuple[str, ...]:
        """The columns it is computed from."""
        found: list[str] = []
        for key in ("from", "minus", "price", "by", "side", "away"):
            value = self.args.get(key)
            found.extend([value] if isinstance(value, str) else value or [])
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Layout:
    """How a payload becomes the table of a suite.

    `rows` leads from a document to its list of rows, through lists (`injuries.injuries`); a payload that is a list needs
    none. `unnest` names lists that become one row per element; `pivot` lists whose elements become columns of their
    own, by the value of one of their fields (home and away). Of several columns that `rename` gives one name the first
    with a value counts. `optional` columns may be missing; they are empty then. `nulls` are words that stand for no value.
    """

    rows: str | None = None
    unnest: tuple[str, ...] = ()
    pivot: Mapping[str, str] = field(default_factory=dict)
    rename: Mapping[str, str] = field(default_factory=dict)
    optional: tuple[str, ...] = ()
    nulls: tuple[str, ...] = ()

    @property
    def plain(self) -> bool:
        """Is a table taken as it is?"""
        return self == PLAIN


PLAIN = Layout()
"""A table as it is."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A loaded suite. `keys` name a row in lists of failing rows; `public` columns may be shown unmasked there."""

    name: str
    path: str
    checks: tuple[CheckSpec, ...]
    derivations: tuple[Derivation, ...] = ()
    keys: tuple[str, ...] = ()
    public: frozenset[str] = frozenset()
    layout: Layout = PLAIN

    @property
    def on_rows(self) -> Suite:
        """Without the SQL checks, which only a database can run."""
        return replace(self, checks=tuple(c for c in self.checks if c.type != SQL_CHECK))

    @property
    def sql_checks(self) -> tuple[CheckSpec, ...]:
        return tuple(c for c in self.checks if c.type == SQL_CHECK)

    @property
    def fingerprint(self) -> str:
        """Changes whenever a check changes: the runner rebuilds its GX suite then, and only then."""
        body = [[c.id, c.type, dict(c.kwargs), c.mostly] for c in self.checks]
        return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()

    def check(self, check_id: str) -> CheckSpec:
        return next(c for c in self.checks if c.id == check_id)
