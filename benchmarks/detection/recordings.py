"""Recorded reality: every folder below a directory that holds observations, sources.json and the truth of the faults laid in."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from replay import load, replay
from scoring import WEEK_S, score

UNSEEN = ("games_lost",)
"""Faults that no count can tell from the board's own schedule: reported, and left out of the total."""


def recordings(directory: Path) -> list[Path]:
    return sorted({path.parent for path in directory.rglob("truth.json") if (path.parent / "sources.json").exists()})


def report(directory: Path) -> None:
    found = recordings(directory)
    print(f"\n== recordings below {directory}: {len(found)}, each scored from its fourth week on")
    print("   floor: recall .85 at .15 false alarms per source-week; goal .95 at .05")
    total: dict[bool, dict[str, list[int]]] = {True: defaultdict(lambda: [0, 0]), False: defaultdict(lambda: [0, 0])}
    false, weeks = {True: 0, False: 0}, {True: 0.0, False: 0.0}
    for place in found:
        fleet = load(place)
        step = fleet.sources[0].interval_s
        begin, end = int(fleet.slots[0]) + 3 * WEEK_S, int(fleet.slots[-1]) + step
        for labelled in (True, False):
            result = score(replay(fleet, labelled=labelled).openings(), fleet.truth, len(fleet.sources), begin, end)
            for kind, (hits, events) in result.kinds.items():
                total[labelled][kind][0] += hits
                total[labelled][kind][1] += events
            false[labelled] += result.false
            weeks[labelled] += result.source_weeks
            if labelled:
                print(f"   {place.name:32s}{result.line()}", flush=True)
    for labelled, name in ((True, "faults acknowledged"), (False, "nobody acknowledges")):
        told = [v for kind, v in total[labelled].items() if kind not in UNSEEN]
        recall = sum(hits for hits, _ in told) / max(sum(events for _, events in told), 1)
        rate = false[labelled] / max(weeks[labelled], 1e-9)
        kinds = ", ".join(f"{kind} {hits}/{events}" for kind, (hits, events) in sorted(total[labelled].items()))
        print(
            f"   all, {name}: recall {recall:.3f} without {', '.join(UNSEEN)}, false/source-week {rate:.3f} ({kinds})"
        )
