"""The suite being written: one call per line of it, each with its evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from busta_health_dagster.quality.column_profile import Claim

COLUMN_MOSTLY = 0.95


@dataclass(slots=True)
class Draft:
    """`by_dimension` are the row-level checks that a record check counts; `failed` what held-out rows broke of them."""

    rows: int
    expectations: list[dict[str, Any]] = field(default_factory=list)
    by_dimension: dict[str, list[str]] = field(default_factory=dict)
    failed: dict[str, float] = field(default_factory=dict)

    def add(
        self,
        id_: str,
        type_: str,
        dimension: str,
        why: str,
        *,
        mostly: float | None = None,
        severity: str = "WARNING",
        weight: float | None = None,
        column: str | None = None,
        by_record: bool = True,
        failed: float = 0.0,
        **kwargs: Any,
    ) -> None:
        """One expectation. `column` is what it is grouped by; what it reads stands in `kwargs`."""
        meta: dict[str, Any] = {"id": id_, "dimension": dimension, "severity": severity}
        if weight is not None:
            meta["weight"] = weight
        if column is not None:
            meta["column"] = column
        if mostly is not None:
            meta["mostly"] = kwargs["mostly"] = mostly
        meta["why"] = why
        level = {"INFO": "info", "WARNING": "warning"}.get(severity, "critical")
        self.expectations.append({"type": type_, "kwargs": kwargs, "meta": meta, "severity": level})
        if by_record and mostly is not None and severity != "INFO":
            self.by_dimension.setdefault(dimension, []).append(id_)
            self.failed[dimension] = self.failed.get(dimension, 0.0) + failed

    def add_column(self, column: str, suffix: str, type_: str, dimension: str, why: str, **rest: Any) -> None:
        """One expectation that reads `column` (GX's own keyword, which `add` uses for the grouping)."""
        self.add(f"{column}.{suffix}", type_, dimension, why, **rest)
        self.expectations[-1]["kwargs"]["column"] = column

    def add_claim(self, column: str, claim: Claim) -> None:
        """A claim of a column's profile, allowed to fail a little more often than it did on the held-out rows."""
        self.add_column(
            column,
            claim.suffix,
            claim.type,
            claim.dimension,
            claim.why,
            mostly=COLUMN_MOSTLY,
            failed=claim.failed,
            **claim.kwargs,
        )
