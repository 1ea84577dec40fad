"""The wall clock of processes that a test starts; its own stays."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class ShiftedClock:
    """`jumps` are (when by our clock, how far theirs has been ahead since)."""

    file: Path
    ahead_s: float = 0.0
    jumps: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.jump(0)

    def jump(self, by_s: float) -> None:
        self.ahead_s += by_s
        fresh = self.file.with_suffix(".new")  # no reader may meet half a file
        fresh.write_text(f"{self.ahead_s:+.0f}\n")
        fresh.replace(self.file)
        self.jumps.append((time.time(), self.ahead_s))

    def environ(self) -> dict[str, str]:
        folder = Path(__file__).with_name("clock_of_processes")
        return {"CLOCK_AHEAD_FILE": str(self.file), "PYTHONPATH": str(folder)}
