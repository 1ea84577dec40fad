"""An odds board for the tests: games leave as they kick off, bookmakers stay. Deterministic per seed."""

from collections.abc import Callable, Mapping
from functools import cache

import numpy as np

from busta_health_dagster.domain.anomaly import Finding
from busta_health_dagster.engines.anomaly.bank import DetectorBank, WatchedSource
from busta_health_dagster.engines.anomaly.thresholds import DetectorSettings
from busta_health_dagster.engines.anomaly.tick import DOWN, UP, Tick

START = 1_788_134_400  # Monday 2026-08-31 00:00 UTC
HALF_HOUR = 1800
A_DAY = 48

Poll = dict[str, float]
"""`items`, `data_age_s` and the board's own metrics; `down` instead of all of them."""


def usual(i: int, rng: np.random.Generator) -> Poll:
    """The board at poll `i`: a week's games until Sunday noon, half of them on Monday, eleven bookmakers all the time."""
    weekday, hour = i // A_DAY % 7, i % A_DAY / 2
    games = 28.0 if weekday < 6 else max(28.0 - 2 * max(hour - 12, 0), 5.0)
    return {
        "items": games,
        "data_age_s": float(rng.integers(1, 60)),
        "distinct_books": 10.0 if rng.random() < 0.05 else 11.0,
        "books_per_event": float(round(9.5 + 0.3 * rng.standard_normal(), 3)),
    }


class Board:
    """A bank of one source, polled every half hour. `change(i, poll)` bends what comes at poll `i`."""

    def __init__(self, *, metrics: tuple[str, ...] | None = None, seed: int = 1) -> None:
        self.bank = DetectorBank(
            [WatchedSource("board", "odds", HALF_HOUR, HALF_HOUR, metrics)], DetectorSettings(), keep_cold=True
        )
        self.rng = np.random.default_rng(seed)
        self.i = 0

    def play(
        self, polls: int, change: Callable[[int, Poll], Mapping[str, float]] = lambda _, poll: poll
    ) -> list[Finding]:
        """What changed over so many polls; `change` counts from 0 in each call."""
        found: list[Finding] = []
        for k in range(polls):
            found += self.bank.step(self.tick(dict(change(k, usual(self.i, self.rng)))))
            self.i += 1
        return found

    def tick(self, poll: Poll) -> Tick:
        tick = Tick.blank(1, START + HALF_HOUR * self.i)
        tick.status[:] = DOWN if "down" in poll else UP
        if "down" not in poll:
            tick.items[:], tick.data_age_s[:] = poll.pop("items"), poll.pop("data_age_s")
            tick.metrics["board"] = poll
        return tick

    @property
    def slot(self) -> int:
        """The slot of the next poll."""
        return START + HALF_HOUR * self.i


@cache
def _grown(days: int) -> tuple[Mapping[str, bytes], Mapping[str, bytes], int]:
    board = Board()
    board.play(days * A_DAY)
    cold = {name: some.to_bytes() for name, some in board.bank._cold.items()}
    return board.bank.dump_hot(), cold, board.i


def grown(days: int = 31, *, metrics: tuple[str, ...] | None = None) -> Board:
    """A board with so many ordinary days behind it, and its noise budget untouched."""
    hot, cold, i = _grown(days)
    board = Board(metrics=metrics, seed=2)
    board.bank.load_hot(hot)
    for name, blob in cold.items():
        board.bank.load_cold(name, blob)
    board.i = i
    board.bank.rows.owed[:], board.bank.rows.debt[:], board.bank.rows.credit[:] = 0, 0, 1
    board.bank.rows.stricter_since[:] = 0
    return board
