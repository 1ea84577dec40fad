"""JSON paths, compiled once. Plain ones (`$[*].bookmakers[*].key`) are walked here; everything else is python-
jsonpath's.

The library costs 110 ms of CPU to import and 40 us per query of a plain path; the walk costs 3. Both follow RFC 9535, and take the
hyphen of `$.odds-data` for part of the name: the RFC has no meaning for it, and the library read `$.odds`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import AfterValidator

if TYPE_CHECKING:
    from collections.abc import Callable

_STEP = re.compile(r"""\.([A-Za-z_][A-Za-z0-9_-]*)|\.(\*)|\[(\*)\]|\[(\d+)\]|\['([^'\\]*)'\]|\["([^"\\]*)"\]""")
_ALL = object()


@lru_cache(maxsize=4096)
def compiled(path: str) -> Callable[[Any], list[Any]]:
    """A function from a parsed document to the list of values at `path`.

    Raises:
        ValueError: not a JSON path.
    """
    known, rest = parts(path)
    if not rest:
        steps = tuple(part.step for part in known)
        return lambda document: walk(steps, [document])
    from busta_health_dagster.probes.patterns import queries

    return queries("$" + "".join(map(_bracketed, known)) + rest if known else path)


def find(path: str, document: Any) -> list[Any]:
    """Every value at `path`."""
    return compiled(path)(document)


def _bracketed(part: Part) -> str:
    if part.every:
        return "[*]"
    if isinstance(part.step, int):
        return f"[{part.step}]"
    quote = '"' if "'" in part.step else "'"
    return f"[{quote}{part.step}{quote}]"


class Part(NamedTuple):
    """One step of a path. `text` is the path up to and with it, `lists` says that it is written `[*]`, for a list."""

    step: Any
    text: str
    lists: bool = False

    @property
    def every(self) -> bool:
        return self.step is _ALL


@lru_cache(maxsize=4096)
def parts(path: str) -> tuple[tuple[Part, ...], str]:
    """The plain steps that a path begins with, and the rest, which only the library understands (filters, `..`)."""
    if not path.startswith("$"):
        return (), path or "?"
    steps: list[Part] = []
    at = 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            return tuple(steps), path[at:]
        name, star, bracket_star, index, single, double = match.groups()
        at = match.end()
        if star or bracket_star:
            steps.append(Part(_ALL, path[:at], bracket_star is not None))
        elif index is not None:
            steps.append(Part(int(index), path[:at]))
        else:
            steps.append(Part(next(key for key in (name, single, double) if key is not None), path[:at]))
    return tuple(steps), ""


def walk(steps: tuple[Any, ...], values: list[Any]) -> list[Any]:
    """What the steps lead to, from each of these values."""
    for step in steps:
        if step is _ALL:
            values = [child for value in values for child in children(value)]
        elif type(step) is int:
            values = [value[step] for value in values if type(value) is list and step < len(value)]
        else:
            values = [value[step] for value in values if type(value) is dict and step in value]
    return values


def children(value: Any) -> Any:
    if type(value) is list:
        return value
    return value.values() if type(value) is dict else ()


def rows_of(path: str) -> tuple[str, str] | None:
    """`$.data[*].price` -> `$.data[*]`, `$.price`: the rows, and the path inside of one; None: it goes through no rows."""
    steps, _ = parts(path)
    rows = next((part.text for part in reversed(steps) if part.every), None)
    return None if rows is None or rows == path else (rows, f"${path[len(rows) :]}")


def _check(path: str) -> str:
    compiled(path)
    return path


JsonPath = Annotated[str, AfterValidator(_check)]
"""A field that holds a JSON path; a bad one is an error at load."""
