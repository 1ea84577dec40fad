# ruff: noqa: E501
"""The same counting as shared/tools/score_alarms.py, in process: recall by kind, on time, delay, false alarms per source-week."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

WEEK_S, GRACE_S, AFTER_S, GAP_S = 604_800, 900, 7200, 3600


@dataclass
class Score:
    events: int = 0
    found: int = 0
    on_time: int = 0
    false: int = 0
    source_weeks: float = 0.0
    delays: list[float] = field(default_factory=list)
    kinds: dict[str, list[int]] = field(default_factory=dict)
    missed: list[dict] = field(default_factory=list)
    false_at: list[tuple[str, int]] = field(default_factory=list)

    @property
    def recall(self) -> float:
        return self.found / max(self.events, 1)

    @property
    def noise(self) -> float:
        return self.false / max(self.source_weeks, 1e-9)

    def line(self) -> str:
        delay = statistics.median(self.delays) if self.delays else float("nan")
        return f"recall {self.recall:.3f}  on time {self.on_time / max(self.events, 1):.3f}  false/source-week {self.noise:.3f}  median delay {delay:.0f} min  ({self.events} events)"


def score(openings: list[tuple[str, int]], truth: list[dict], n_sources: int, begin: int, end: int) -> Score:
    out = Score(source_weeks=n_sources * (end - begin) / WEEK_S)
    opened: dict[str, list[int]] = {}
    for source, at in openings:
        if at >= begin:
            opened.setdefault(source, []).append(at)
    spans: dict[str, list[tuple[int, int]]] = {}
    for event in truth:
        if not event["alarm"] or event["start"] < begin:
            continue
        out.events += 1
        spans.setdefault(event["source"], []).append((event["start"], event["end"] + AFTER_S))
        hits = sorted(t for t in opened.get(event["source"], []) if event["start"] <= t <= event["end"] + GRACE_S)
        tally = out.kinds.setdefault(event["kind"], [0, 0])
        tally[1] += 1
        if not hits:
            out.missed.append(event)
            continue
        out.found += 1
        tally[0] += 1
        out.delays.append((hits[0] - event["start"]) / 60)
        out.on_time += out.delays[-1] <= event["expect_within_min"]
    for source, times in opened.items():
        last = -(1 << 60)
        for at in sorted(times):
            if any(a <= at <= b for a, b in spans.get(source, [])):
                continue
            if at - last > GAP_S:
                out.false += 1
                out.false_at.append((source, at))
            last = at
    return out
