"""Collects what is wrong, everywhere, with its place and its field, and lets no secret into a message."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.errors import Level
    from busta_health_dagster.settings.document import Document, Place

_OWN_WORDS = frozenset(
    {"secret", "secrets", "password", "token", "user", "url", "name", "file", "env", "true", "false"}
)


class Findings:
    """Every problem found so far. The same thing said twice about one place (a type's default that breaks 40
    sources) is kept once.
    """

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], Problem] = {}
        self._literals: set[str] = set()
        self._settled: set[str] = set()
        self._parts: dict[str, list[str]] = {}

    def add(
        self,
        doc: Document,
        path: Place,
        message: str,
        remedy: str = "",
        *,
        level: Level = "error",
        key: bool = False,
        blocks: bool = True,
    ) -> None:
        self.at(doc.where(path, key=key), label(doc.data, path, doc.heads), message, remedy, level=level, blocks=blocks)

    def at(
        self,
        where: str,
        field: str,
        message: str,
        remedy: str = "",
        *,
        level: Level = "error",
        blocks: bool = True,
    ) -> None:
        if where not in self._settled:
            self._found.setdefault((where, message), Problem(where, field, message, remedy, level, blocks))

    def settle(self, where: str) -> None:
        """This place has its one problem; what else is found there would only follow from it."""
        self._settled.add(where)

    def conceal(self, literal: str) -> None:
        """A secret that was found written out: no message may repeat it. One that is a word of our own sentences is reported
        by none of them; hiding it would blank the remedy (`/run/secrets/...`).
        """
        if literal.casefold() not in _OWN_WORDS:
            self._literals.add(literal)

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(p for p in self._clean() if p.level == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(p for p in self._clean() if p.level == "warning")

    @property
    def notes(self) -> tuple[Problem, ...]:
        return tuple(p for p in self._clean() if p.level == "note")

    def broken(self, doc: Document | None) -> bool:
        """Has this file, or one that it includes, an error? What was built from it is then incomplete."""
        if doc is None:
            return True
        files = tuple(f"{name}:" for name in (doc.name, *self._parts.get(doc.name, ())))
        return any(p.level == "error" and p.blocks and p.where.startswith(files) for p in self._found.values())

    def part(self, name: str, of: str) -> None:
        """The file `name` is read as a part of the document `of`."""
        self._parts.setdefault(of, []).append(name)

    def _clean(self) -> list[Problem]:
        hide = sorted(self._literals, key=len, reverse=True)

        def scrub(text: str) -> str:
            for literal in hide:
                text = text.replace(literal, "[secret]")
            return text

        return [replace(p, message=scrub(p.message), remedy=scrub(p.remedy)) for p in self._found.values()]


def label(data: Any, path: Place, heads: Mapping[tuple[str, int], str] | None = None) -> str:
    """`sources[3] weather_api, sla.uptime`: the entry by index and name, then the field inside it. `heads` says how entries
    that were expanded are called.
    """
    if len(path) > 1 and isinstance(path[1], int):
        head, rest = (heads or {}).get((str(path[0]), path[1]), f"{path[0]}[{path[1]}]"), path[2:]
        try:
            name = data[path[0]][path[1]].get("name")
        except (AttributeError, IndexError, KeyError, TypeError):
            name = None
        head += f" {name}" if isinstance(name, str) else ""
    elif len(path) > 2 and path[0] == "types":
        head, rest = f"types.{path[1]}", path[2:]
    else:
        return dotted(path)
    return f"{head}, {dotted(rest)}" if rest else head


def dotted(path: Place) -> str:
    """`expect.json[0].path`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")
