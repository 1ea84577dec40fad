"""A sample in which every row has the same chance, however many come: what is wrong at the end of a file is found too."""

from __future__ import annotations

import random
from typing import Any


class Reservoir:
    """Offer rows one by one; `rows` are those that were kept, in their order. One random number per row beyond `size`."""

    def __init__(self, size: int, seed: int) -> None:
        self._size, self._random = size, random.Random(seed).random  # noqa: S311  a sample, no secret
        self._kept: list[tuple[int, Any]] = []
        self.offered = 0

    def place(self) -> int | None:
        """Count one row, and say whether it is kept: build it only then, and hand it to `put`."""
        at, self.offered = self.offered, self.offered + 1
        if at < self._size:
            return at
        chosen = int(self._random() * self.offered)
        return chosen if chosen < self._size else None

    def put(self, place: int, row: Any) -> Any:
        """Keep the row that was counted last, -> the one that makes room for it, or None."""
        entry = (self.offered - 1, row)
        if place == len(self._kept):
            self._kept.append(entry)
            return None
        gone, self._kept[place] = self._kept[place][1], entry
        return gone

    @property
    def rows(self) -> list[Any]:
        return [row for _, row in sorted(self._kept, key=lambda entry: entry[0])]


def drawn(count: int, size: int, seed: int) -> list[int]:
    """Which of `count` rows that are at hand make the sample: their positions, in order."""
    if count <= size:
        return list(range(count))
    return sorted(random.Random(seed).sample(range(count), size))  # noqa: S311  a sample, no secret
