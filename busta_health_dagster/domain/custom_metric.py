"""A number of a source's own (`metrics:`): an odds board is not one number."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

Aggregation = Literal["first", "count", "distinct", "min", "max", "mean", "median", "sum", "oldest_age", "newest_age"]
AGGREGATIONS: tuple[str, ...] = get_args(Aggregation)
BUILT_IN = (
    "status",
    "response_ms",
    "items",
    "data_age_s",
    "quality",
    "failed",
    "tls_days_left",
    "attempts",
    "size_bytes",
)
"""The metrics that every source has; a custom metric takes none of these names."""
MOST = 16
"""Custom metrics of one source: what a reader can take in, and what bounds its storage."""
NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
LARGEST = 1e300
"""Of what a value may be, either way: the sum of a day of them still is a number that every store takes."""
ITEMS = "items"


@dataclass(frozen=True, slots=True)
class CustomMetric:
    """What is measured and where: one of `path` (JSON path), `header`, `column` (of the rows) and `regex` (its first group).

    `agg` makes one number of what is found there, `per` divides it by the count of items or by another custom metric that
    stands before it. `oldest_age` and `newest_age` are seconds; `format` and `zone` say how their times are written.
    """

    name: str
    agg: Aggregation = "first"
    path: str | None = None
    header: str | None = None
    column: str | None = None
    regex: str | None = None
    per: str | None = None
    format: str = "auto"
    zone: str = "UTC"

    @property
    def place(self) -> str:
        """Where it stands, for people: `header x-requests-remaining`."""
        key = next(key for key in ("path", "header", "column", "regex") if getattr(self, key) is not None)
        return f"{key} {getattr(self, key)}"

    @property
    def seconds(self) -> bool:
        """Is it an age?"""
        return self.agg in {"oldest_age", "newest_age"}
