"""What a page is asked for in its address: optional, bounded, and what is not understood counts as not asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

_MOST = 100


class Counted(Protocol):
    """A part of a list, and how long the whole is."""

    @property
    def total(self) -> int: ...


T = TypeVar("T", bound=Counted)


def text(query: Mapping[str, str], name: str, known: Collection[str] | None = None, otherwise: str = "") -> str:
    """A value of the address, `otherwise` where it is not among those that are `known`."""
    value = query.get(name, "").strip()[:_MOST]
    return otherwise if not value or (known is not None and value not in known) else value


def number(query: Mapping[str, str], name: str = "page") -> int:
    """1 and up."""
    value = query.get(name, "1")
    return max(1, int(value)) if value.isascii() and value.isdecimal() and len(value) < 6 else 1


def paged(query: Mapping[str, str], size: int, read: Callable[[int], T]) -> tuple[int, T]:
    """The page that is asked for and what `read` finds at its offset; of one beyond the end, the last."""
    page = number(query)
    found = read((page - 1) * size)
    last = max(1, -(-found.total // size))
    return (page, found) if page <= last else (last, read((last - 1) * size))


def address(path: str, **asked: Any) -> str:
    """The path with what is asked for; page 1 and nothing are left out."""
    kept = {k: v for k, v in asked.items() if v and not (k == "page" and v == 1)}
    return path + (f"?{urlencode(kept)}" if kept else "")


@dataclass(frozen=True, slots=True)
class Turn:
    """Where in a long list a page stands, and the addresses before and after it."""

    page: int
    total: int
    size: int
    path: str
    asked: Mapping[str, Any]

    @property
    def first(self) -> int:
        return (self.page - 1) * self.size + 1

    @property
    def last(self) -> int:
        return min(self.page * self.size, self.total)

    @property
    def before(self) -> str:
        return address(self.path, **self.asked, page=self.page - 1) if self.page > 1 else ""

    @property
    def after(self) -> str:
        return address(self.path, **self.asked, page=self.page + 1) if self.last < self.total else ""
