"""Which sources the overview shows: what its address asks for, worst first, a hundred at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from busta_health_dagster.domain.health import WORST_FIRST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.health import SourceHealth
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.views.overview import FleetPage

PAGE_ROWS = 100


@dataclass(frozen=True, slots=True)
class Filter:
    """What the address asks for. Everything is optional; what is not understood counts as not asked."""

    state: str = ""
    q: str = ""
    type: str = ""
    page: int = 1
    wall: bool = False

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Filter:
        state, page = query.get("state", ""), query.get("page", "1")
        return cls(
            state if state in {*WORST_FIRST, "unhealthy"} else "",
            query.get("q", "").strip()[:100],
            query.get("type", "")[:100],
            max(1, int(page)) if page.isdecimal() and len(page) < 6 else 1,
            query.get("wall") == "1",
        )

    def takes(self, row: SourceHealth, source: Source | None) -> bool:
        if self.type and row.type != self.type:
            return False
        if self.state and row.shown != self.state and not (self.state == "unhealthy" and row.unhealthy):
            return False
        words = self.q.lower().split()
        if not words:
            return True
        owners = " ".join((*source.owners, *source.tags.values(), *source.feeds)) if source else ""
        text = f"{row.source} {row.type} {row.probe} {row.group} {row.shown} tier{row.tier} {owners}".lower()
        return all(word in text for word in words)

    def address(self, **changes: Any) -> str:
        """The same page with something else asked for."""
        asked = {
            "state": self.state,
            "type": self.type,
            "q": self.q,
            "page": self.page,
            "wall": int(self.wall),
        } | changes
        kept = {k: v for k, v in asked.items() if v and not (k == "page" and v == 1)}
        return "/source-health" + (f"?{urlencode(kept)}" if kept else "")

    @property
    def active(self) -> bool:
        return bool(self.state or self.q or self.type)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rows to show of those that the filter takes."""

    rows: tuple[SourceHealth, ...]
    matching: int
    page: int
    pages: int

    @property
    def first(self) -> int:
        return (self.page - 1) * PAGE_ROWS + 1


def choose(page: FleetPage, wanted: Filter, sources: Mapping[str, Source]) -> Chosen:
    """Worst first, a hundred at a time."""
    rows = [r for r in page.health.rows if wanted.takes(r, sources.get(r.source))]
    pages = max(1, -(-len(rows) // PAGE_ROWS))
    at = min(wanted.page, pages)
    return Chosen(tuple(rows[(at - 1) * PAGE_ROWS : at * PAGE_ROWS]), len(rows), at, pages)
