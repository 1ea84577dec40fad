"""CSV directory (the format of shared/data/detection/sim) -> DetectorBank -> openings: the core alone, no lifecycle."""

from __future__ import annotations

import csv
import json
import time
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from busta_health_dagster.domain.anomaly import Change, Finding
from busta_health_dagster.engines.anomaly.bank import DetectorBank, WatchedSource
from busta_health_dagster.engines.anomaly.thresholds import DEFAULT, DetectorSettings
from busta_health_dagster.engines.anomaly.tick import NOT_DUE, Tick
from busta_health_dagster.engines.baseline.known_events import Calendar, KnownEvent

MAINTENANCE = {"maintenance", "planned_maintenance"}
COLUMNS = ("up", "response_ms", "items", "quality", "freshness_s")
AFTER_S = 7200


def epoch(text: str | int) -> int:
    return int(datetime.fromisoformat(text).timestamp()) if isinstance(text, str) else int(text)


@dataclass
class Fleet:
    """Sources on one grid of slots. `values` (5, T, N): up, response_ms, items, quality, freshness_s; NaN = nothing."""

    sources: list[WatchedSource]
    slots: np.ndarray
    values: np.ndarray
    calendar: Calendar
    maintenance: np.ndarray  # (T, N) bool
    truth: list[dict] = field(default_factory=list)
    metrics: list[dict[str, dict[str, float]]] = field(default_factory=list)  # per slot: source -> its own numbers


def load(directory: Path) -> Fleet:
    info = json.loads((directory / "sources.json").read_text())
    tables = {}
    for path in sorted(directory.glob("*.csv")):
        with path.open(newline="") as handle:
            tables[path.stem] = list(csv.DictReader(handle))
    stamps = sorted({epoch(r["timestamp"]) for rows in tables.values() for r in rows})
    interval = int(np.median(np.diff(stamps)))
    slots = np.array(stamps, dtype=np.int64)
    at = {t: i for i, t in enumerate(stamps)}
    metrics: list[dict[str, dict[str, float]]] = [{} for _ in stamps]
    values = np.full((5, len(slots), len(tables)), np.nan)
    for j, (name, rows) in enumerate(tables.items()):
        own = [c for c in rows[0] if c != "timestamp" and c not in COLUMNS]
        for r in rows:
            i = at[epoch(r["timestamp"])]
            for k, column in enumerate(COLUMNS):
                if r[column] != "":
                    values[k, i, j] = float(r[column])
            if own:
                metrics[i][name] = {c: float(r[c]) for c in own if r[c] != ""}
    sources = [WatchedSource(n, info[n]["type"], interval, info[n].get("cadence_s")) for n in tables]
    calendar = directory / "calendar.json"
    entries = json.loads(calendar.read_text()) if calendar.exists() else []
    known = [
        KnownEvent(e["kind"], epoch(e["start"]), epoch(e["end"]), e.get("source"))
        for e in entries
        if e["kind"] not in MAINTENANCE
    ]
    maintenance = np.zeros(values.shape[1:], bool)
    names = list(tables)
    for e in entries:
        if e["kind"] in MAINTENANCE:
            inside = (slots >= epoch(e["start"])) & (slots < epoch(e["end"]))
            for j in [names.index(e["source"])] if "source" in e else range(len(names)):
                maintenance[inside, j] = True
    truth = json.loads((directory / "truth.json").read_text()) if (directory / "truth.json").exists() else []
    return Fleet(sources, slots, values, Calendar(known), maintenance, truth, metrics)


@dataclass
class Replay:
    findings: list[Finding]
    cpu_s: float
    points: int
    hot_bytes: int
    cold_bytes: int

    def openings(self) -> list[tuple[str, int]]:
        """What people are told: an incident at its opening, and what is new inside it."""
        return [(f.source, f.at) for f in self.findings if f.change in {Change.OPENED, Change.NEWS}]


def ticks(fleet: Fleet):
    n = len(fleet.sources)
    names = [s.name for s in fleet.sources]
    for i, slot in enumerate(fleet.slots):
        tick = Tick.blank(n, int(slot))
        up = fleet.values[0, i]
        tick.status[:] = np.where(np.isnan(up), NOT_DUE, np.where(up > 0, 1, 3))
        tick.response_ms[:], tick.items[:], tick.quality[:], tick.data_age_s[:] = fleet.values[1:, i]
        tick.maintenance[:] = fleet.maintenance[i]
        tick.mark_events(fleet.calendar, names, int(slot))
        if fleet.metrics:
            tick.metrics.update(fleet.metrics[i])
        yield tick


def labels(fleet: Fleet):
    """Which sources are inside a labelled fault (or two hours after) at each slot: a person would acknowledge those."""
    spans = [(epoch(e["start"]), epoch(e["end"]) + AFTER_S, e["source"]) for e in fleet.truth if e["alarm"]]
    return lambda slot: [source for begin, end, source in spans if begin <= slot <= end]


def replay(fleet: Fleet, settings: DetectorSettings = DEFAULT, *, labelled: bool = True) -> Replay:
    """`labelled`: faults of the truth are acknowledged, so that they cost no noise budget."""
    confirmed = labels(fleet)
    bank = DetectorBank(fleet.sources, settings, keep_cold=True)
    findings: list[Finding] = []
    begin = time.process_time()
    for tick in ticks(fleet):
        findings += bank.step(tick)
        if labelled:
            bank.confirm(confirmed(int(tick.slots[0])))
    cpu = time.process_time() - begin
    hot = bank.dump_hot()
    cold = bank.take_cold()
    return Replay(
        findings,
        cpu,
        int(np.isfinite(fleet.values[1:4]).sum()),
        max(map(len, hot.values())),
        max(map(len, cold.values()), default=0),
    )
