"""What a payload tells of itself: where its records are, and which of its times says how old they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.units import iso
from busta_health_dagster.probes.ages import in_future, to_epoch
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_PLAIN_KEY = re.compile(r"[A-Za-z_]\w*")
_SAYS_UPDATED = re.compile(
    r"(?i)updat|modif|refresh|generat|as_?of|last_?(?:seen|change)|retriev|fetch|snapshot|captured"
)
_SAYS_TIME = re.compile(r"(?i)time|date|stamp|_at$|At$|published|created|epoch|^ts$|^dt$|^t$")
_SAYS_PLAN = re.compile(r"(?i)start|begin|kick|commence|schedul|expir|until|birth|valid|due|end")
_TEXT_TIME = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2} [A-Z][a-z]{2} \d{4}|/Date\(|\d{4}/\d\d/\d\d")
_DEEPEST, _MOST_VALUES, _MOST_ITEMS = 7, 20_000, 500
_OLDEST_S = 400 * 86_400
_ID_NAMES = ("id", "key", "uid", "guid", "name", "code")


@dataclass(frozen=True, slots=True)
class AgePlace:
    """A path (or column) whose times are ages; `share` of the values there are times."""

    place: str
    age_s: float
    why: str


def lists_in(document: Any) -> list[tuple[str, list[Any]]]:
    """Every list of objects with its path, the nearest to the root first, the longest of one depth first."""
    found: list[tuple[int, str, list[Any]]] = []

    def collect(path: str, value: Any, depth: int) -> None:
        if isinstance(value, list):
            if value and all(isinstance(one, dict) for one in value[:_MOST_ITEMS]):
                found.append((depth, f"{path}[*]", value))
        elif isinstance(value, dict) and depth < _DEEPEST:
            for key, inner in value.items():
                collect(_step(path, str(key)), inner, depth + 1)

    collect("$", document, 0)
    return [(path, rows) for _, path, rows in sorted(found, key=lambda one: (one[0], -len(one[2])))]


def _step(path: str, key: str) -> str:
    return f"{path}.{key}" if _PLAIN_KEY.fullmatch(key) else f"{path}[{key!r}]"


def values_in(document: Any) -> dict[str, list[Any]]:
    """Path -> the leaves there, lists written `[*]`."""
    found: dict[str, list[Any]] = {}
    for path, value in islice(_leaves("$", document, 0), _MOST_VALUES):
        found.setdefault(path, []).append(value)
    return found


def _leaves(path: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for key, inner in value.items():
            if "'" not in str(key):
                yield from _leaves(_step(path, str(key)), inner, depth + 1)
    elif isinstance(value, list):
        for inner in value[:_MOST_ITEMS]:
            yield from _leaves(f"{path}[*]", inner, depth + 1)
    else:
        yield path, value


def best_age(values: Mapping[str, Sequence[Any]], now: float) -> AgePlace | None:
    """The place whose newest time says how old the data are; None where no time does."""
    ranked: list[tuple[int, float, AgePlace]] = []
    for place, held in values.items():
        name = re.sub(r"\[\*\]$", "", place).rpartition(".")[2]
        times = [at for one in held if one is not None and (at := _time(one, name)) is not None]
        given = sum(one is not None for one in held)
        if not times or len(times) < 0.9 * given or _SAYS_PLAN.search(name):
            continue
        newest = max(times)
        if in_future(newest, now) or now - newest > _OLDEST_S:
            continue
        rank = 0 if _SAYS_UPDATED.search(name) else 1 if _SAYS_TIME.search(name) else 2
        age = max(0.0, now - newest)
        why = f"{len(times)} of {len(held)} values are times; the newest is {iso(newest)}, {duration_text(age)} ago"
        ranked.append((rank, age, AgePlace(place, age, why)))
    return min(ranked, key=lambda one: one[:2])[2] if ranked else None


def _time(value: Any, name: str) -> float | None:
    """A number is a time only where its name says so: identifiers look like seconds."""
    named = bool(_SAYS_UPDATED.search(name) or _SAYS_TIME.search(name))
    if isinstance(value, str) and not _TEXT_TIME.search(value):
        return to_epoch(value) if named and re.fullmatch(r"\d{10,13}(?:\.\d+)?", value.strip()) else None
    return to_epoch(value) if named or isinstance(value, str) else None


def always_there(rows: Sequence[Any]) -> str | None:
    """The key that identifies each record: it is in every one, and never empty or twice the same."""
    held = [row for row in rows if isinstance(row, dict)]
    if len(held) < 2:
        return None
    keys = [key for key in held[0] if all(row.get(key) not in (None, "") for row in held)]
    for key in sorted(keys, key=lambda k: next((i for i, n in enumerate(_ID_NAMES) if str(k).lower().endswith(n)), 99)):
        kinds = {type(row[key]) for row in held}
        same = kinds <= {str, int} and len({row[key] for row in held}) == len(held)
        if same and str(key).lower().endswith(_ID_NAMES) and _PLAIN_KEY.fullmatch(str(key)):
            return str(key)
    return None
