"""Which sources the overview shows: what its address asks for, worst first, a hundred at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from busta_health_dagster.domain.health import WORST_FIRST

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.health import SourceHealth
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.views.overview import FleetPage

PAGE_ROWS = 100
GROUPS = {"provider": "provider", "tier": "tier", "type": "type", "group": "group", "owner": "owner"}
"""What the rows may be put together by, and its word."""
_FIELDS = ("name", "owner", "tag", "provider", "type", "probe", "group", "tier", "feeds", "state")
"""What a word of the search may be narrowed to: `owner:team-a`, `tag:league=nfl`."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What the address asks for. Everything is optional; what is not understood counts as not asked."""

    state: str = ""
    q: str = ""
    type: str = ""
    page: int = 1
    wall: bool = False
    by: str = ""

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Filter:
        state, page = query.get("state", ""), query.get("page", "1")
        return cls(
            state if state in {*WORST_FIRST, "unhealthy"} else "",
            query.get("q", "").strip()[:100],
            query.get("type", "")[:100],
            max(1, int(page)) if page.isdecimal() and len(page) < 6 else 1,
            query.get("wall") == "1",
            by if (by := query.get("by", "")) in GROUPS else "",
        )

    def takes(self, row: SourceHealth, source: Source | None) -> bool:
        if self.type and row.type != self.type:
            return False
        if self.state and row.shown != self.state and not (self.state == "unhealthy" and row.unhealthy):
            return False
        words = self.q.lower().split()
        if not words:
            return True
        fields = _searched(row, source)
        whole = " ".join(fields.values())
        return all(_found(word, fields, whole) for word in words)

    def address(self, **changes: Any) -> str:
        """The same page with something else asked for."""
        asked = {
            "state": self.state,
            "type": self.type,
            "q": self.q,
            "page": self.page,
            "by": self.by,
            "wall": int(self.wall),
        } | changes
        kept = {k: v for k, v in asked.items() if v and not (k == "page" and v == 1)}
        return "/source-health" + (f"?{urlencode(kept)}" if kept else "")

    @property
    def active(self) -> bool:
        return bool(self.state or self.q or self.type)


def _searched(row: SourceHealth, source: Source | None) -> dict[str, str]:
    """Field -> the text that is searched, in small letters."""
    tags = source.tags if source else {}
    said = {
        "name": row.source,
        "owner": " ".join(source.owners) if source else "",
        "tag": " ".join(f"{key}={value}" for key, value in tags.items()),
        "provider": source.provider if source else "",
        "type": row.type,
        "probe": row.probe,
        "group": row.group,
        "tier": f"tier{row.tier}",
        "feeds": " ".join(source.feeds) if source else "",
        "state": row.shown,
    }
    return {field: text.lower() for field, text in said.items()}


def _found(word: str, fields: Mapping[str, str], whole: str) -> bool:
    """`owner:x` in the owners alone; an owner may be called `team:x`, so only a field's own name narrows."""
    field, colon, rest = word.partition(":")
    return rest in fields[field] if colon and rest and field in _FIELDS else word in whole


def member_of(row: SourceHealth, source: Source | None, by: str) -> str:
    """Which of the groups that are asked for a source stands in."""
    if by == "tier":
        return f"tier {row.tier}"
    if by == "provider":
        return (source.provider if source else "") or "no provider"
    if by == "owner":
        return ", ".join(source.owners) if source and source.owners else "no owner"
    return row.group if by == "group" else row.type


@dataclass(frozen=True, slots=True)
class Heading:
    """A group of rows: its name, how many sources it has and how many of them are unhealthy."""

    name: str
    sources: int
    unhealthy: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rows to show of those that the filter takes."""

    rows: tuple[SourceHealth, ...]
    matching: int
    page: int
    pages: int
    headings: Mapping[str, Heading] = field(default_factory=dict)
    """By the source whose row is the first of its group on this page."""

    @property
    def first(self) -> int:
        return (self.page - 1) * PAGE_ROWS + 1


def choose(page: FleetPage, wanted: Filter, sources: Mapping[str, Source]) -> Chosen:
    """Worst first, a hundred at a time; in groups the group with the worst source first."""
    rows = [r for r in page.health.rows if wanted.takes(r, sources.get(r.source))]
    groups: dict[str, list[SourceHealth]] = {}
    if wanted.by:
        for row in rows:
            groups.setdefault(member_of(row, sources.get(row.source), wanted.by), []).append(row)
        rows = [row for members in groups.values() for row in members]
    pages = max(1, -(-len(rows) // PAGE_ROWS))
    at = min(wanted.page, pages)
    shown = tuple(rows[(at - 1) * PAGE_ROWS : at * PAGE_ROWS])
    names = {row.source for row in shown}
    headings = {
        next(m.source for m in members if m.source in names): Heading(
            name, len(members), sum(m.unhealthy for m in members)
        )
        for name, members in groups.items()
        if any(m.source in names for m in members)
    }
    return Chosen(shown, len(rows), at, pages, headings)
