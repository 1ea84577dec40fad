"""The shapes of text: `7:10 a.m.` is number, colon, number, space, letter ... A column's few shapes make one regular
expression.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# A letter beyond ASCII counts as a letter of its word. The classes are spelled out because Arrow's RE2 and Python's
# re disagree on \d and \w.
_TOKEN = re.compile(r"[0-9]+|[A-Za-z\u0080-\U0010ffff]+|\s|.", re.DOTALL)
_CLASS = {
    "a": "[a-z\u0080-\U0010ffff]+",
    "A": "[A-Z\u0080-\U0010ffff]+",
    "Aa": "[A-Z\u0080-\U0010ffff][a-z\u0080-\U0010ffff]+",
    "aA": "[A-Za-z\u0080-\U0010ffff]+",
}
MAX_SHAPES = 24
MAX_WORDS = 4  # up to so many different words at one place are spelled out: (a|p)\.m\.
MIN_ROWS = 50


@dataclass(frozen=True, slots=True)
class Pattern:
    """One regex for a column. `unseen` is the Good-Turing estimate of the share of good values that would not match."""

    regex: str
    shapes: int
    unseen: float
    example: str


def tokens(text: str) -> tuple[str, ...]:
    return tuple(_TOKEN.findall(text))


def kind(token: str) -> str:
    """9 digits, a lower, A upper, Aa capitalised, aA mixed, or the character itself."""
    first = token[0]
    if first in "0123456789":
        return "9"
    if not (first.isascii() and not first.isalpha()):
        if token.islower():
            return "a"
        if token.isupper():
            return "A"
        return "Aa" if token[0].isupper() and token[1:].islower() else "aA"
    return token


def learn(values: Iterable[str], unseen_limit: float = 0.005) -> Pattern | None:
    """The regex of a column's shapes, or None when there are too many shapes to call them a format.

    Good-Turing: the share of values whose shape was seen once estimates the chance that the next good value has a new
    shape.
    """
    counts = Counter(values)
    total = sum(counts.values())
    if total < MIN_ROWS:
        return None
    members: dict[tuple[str, ...], list[tuple[tuple[str, ...], int]]] = defaultdict(list)
    for text, n in counts.items():
        parts = tokens(text)
        members[tuple(kind(t) for t in parts)].append((parts, n))
        if len(members) > 4 * MAX_SHAPES:
            return None
    sizes = {shape: sum(n for _, n in found) for shape, found in members.items()}
    unseen = sum(1 for n in sizes.values() if n == 1) / total
    if len(members) > MAX_SHAPES or unseen > unseen_limit:
        return None
    ordered = sorted(members, key=lambda s: (-sizes[s], s))
    regex = "|".join(dict.fromkeys(_regex(shape, members[shape]) for shape in ordered))
    return Pattern(f"^(?:{regex})$", len(members), unseen, "".join(members[ordered[0]][0][0]))


def _regex(shape: tuple[str, ...], found: list[tuple[tuple[str, ...], int]]) -> str:
    rows = sum(n for _, n in found)
    return "".join(_place(part, [parts[i] for parts, _ in found], rows) for i, part in enumerate(shape))


def _place(part: str, seen: Sequence[str], rows: int) -> str:
    if part == "9":
        low, high = min(map(len, seen)), max(map(len, seen))
        if rows < MIN_ROWS:
            return "[0-9]+"
        if high > 2 and low != high:
            high += 1
        return "[0-9]" + (f"{{{low}}}" if low == high else f"{{{low},{high}}}")
    if part in _CLASS:
        words = sorted(set(seen))
        if rows >= MIN_ROWS and len(words) <= MAX_WORDS:
            return words[0] if len(words) == 1 else f"(?:{'|'.join(words)})"
        return _CLASS[part] if rows >= MIN_ROWS or part in {"a", "A"} else _CLASS["aA"]
    return part if part == " " else re.escape(part)


def charset(values: Iterable[str]) -> str:
    """A regex of the kinds of characters that occur: letters and digits by class, other ASCII one by one."""
    used = set("".join(values))
    parts = [
        cls
        for cls, probe in (("a-z", str.islower), ("A-Z", str.isupper), ("0-9", str.isdigit))
        if any(c.isascii() and probe(c) for c in used)
    ]
    if any(not c.isascii() for c in used):
        parts.append("\u0080-\U0010ffff")
    parts += sorted(re.escape(c) for c in used if c.isascii() and not c.isalnum())
    return f"^[{''.join(parts)}]*$"
