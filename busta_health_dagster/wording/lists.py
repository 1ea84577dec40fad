"""Lists of names and counted nouns."""

from __future__ import annotations

from collections.abc import Iterable

_SPELLED = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def listed(names: Iterable[str], most: int = 3) -> str:
    """a; a and b; a, b, c and d. Of more than `most` + 1 names the rest is counted: a, b, c and 2 more."""
    every = list(names)
    if len(every) > most + 1:
        return f"{', '.join(every[:most])} and {len(every) - most:,} more"
    return f"{', '.join(every[:-1])} and {every[-1]}" if len(every) > 1 else "".join(every)


def plural(n: float, one: str, many: str = "") -> str:
    """1 source, 1,204 sources."""
    return f"{n:,.0f} {one if n == 1 else many or one + 's'}"


def spelled(n: int) -> str:
    """Up to twelve in letters, as prose has it."""
    return _SPELLED[n] if 0 <= n < len(_SPELLED) else f"{n:,}"


def some(n: int, one: str, many: str = "") -> str:
    """Two sources, 13 sources."""
    return f"{spelled(n)} {one if n == 1 else many or one + 's'}"
