"""busta beside Prometheus with blackbox_exporter and Alertmanager: one fleet, one machine, one run.

    python -m benchmarks.peers [--sources 200] [--minutes 10]

Debian: apt-get install prometheus prometheus-alertmanager prometheus-blackbox-exporter. Both ask every source once a minute and
send what is down to a webhook at once (Alertmanager's `group_wait` is 0 s; busta asks a second time before it believes an outage
unless `confirm: 0`, which is set). What differs by design is not made equal: busta also stores every answer's phases, evaluates
anomalies and asset checks, and starts a Dagster run for each tick; Prometheus evaluates every 15 s.

CPU is that of all processes of a system, children that have ended included, between the second minute and the end.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

from rich.progress import Progress

from benchmarks.live_night import Place
from benchmarks.peers.systems import Busta, Prometheus, System
from benchmarks.tables import Figure, show

BINARIES = ("prometheus", "prometheus-alertmanager", "prometheus-blackbox-exporter")
TOLD_WITHIN_S = 240
OUTAGES = 3


def outage(system: System, name: str) -> float:
    """Seconds from the first failing answer to the webhook; infinite when no one was notified."""
    began = time.time()
    while time.time() < began + TOLD_WITHIN_S:
        if (at := system.told(name, began)) is not None:
            return at - began
        time.sleep(0.2)
    return float("inf")


def wait(progress: Progress, text: str, seconds: float) -> None:
    task = progress.add_task(text, total=seconds)
    for _ in range(int(seconds)):
        time.sleep(1)
        progress.advance(task)


def lived(systems: list[System], fleet: Place, minutes: float) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {system.name: {} for system in systems}
    with Progress() as progress:
        wait(progress, "Starting, and the first minutes", 120)
        began = {system.name: (time.monotonic(), system.cpu_s()) for system in systems}
        wait(progress, "Everything answers", minutes * 60)
        for system in systems:
            at, cpu = began[system.name]
            checks = system.sources * (time.monotonic() - at) / 60
            found[system.name]["CPU s per 1,000 checks"] = 1000 * (system.cpu_s() - cpu) / checks
            found[system.name]["memory, MB (PSS)"] = system.memory_mb()
        for system in systems:
            took = []
            task = progress.add_task(f"Outages, {system.name}", total=OUTAGES)
            for n in range(OUTAGES):
                name = f"s{n}"
                fleet.out.add(name)
                took.append(outage(system, name))
                fleet.out.discard(name)
                progress.advance(task)
            found[system.name]["outage to webhook, s (median)"] = statistics.median(took)
        fleet.out.add("s9")
        wait(progress, "An outage that lasts", 150)
        for system in systems:
            before = system.count("s9")
            system.kill()
            system.start()
            found[system.name]["_told_before_kill"] = before
        wait(progress, "After kill -9 of everything", 240)
        for system in systems:
            again = system.count("s9") - found[system.name].pop("_told_before_kill")
            found[system.name]["told again of it after kill -9"] = again
            found[system.name]["bytes on disk per source and hour"] = system.bytes_a_source_hour()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=10)
    asked = parser.parse_args()
    if missing := [name for name in BINARIES if shutil.which(name) is None]:
        print(f"not installed: {', '.join(missing)}; apt-get install {' '.join(BINARIES)}", file=sys.stderr)
        return 2
    with (
        tempfile.TemporaryDirectory(prefix="peers") as folder,
        Place().serving() as fleet,
        Place().serving() as one,
        Place().serving() as other,
    ):
        systems: list[System] = [
            Busta(Path(folder) / "busta", fleet, one, asked.sources),
            Prometheus(Path(folder) / "prometheus", fleet, other, asked.sources),
        ]
        try:
            for system in systems:
                system.start()
            found = lived(systems, fleet, asked.minutes)
        finally:
            for system in systems:
                system.kill()
    ours, theirs = (found[system.name] for system in systems)
    figures = [
        Figure(
            what,
            f"{mine:,.2f}",
            f"{theirs[what]:,.2f}  ({mine / theirs[what]:.1f} times)" if theirs[what] else f"{theirs[what]:g}",
        )
        for what, mine in ours.items()
    ]
    show(f"busta, and Prometheus beside it: {asked.sources} sources, once a minute", figures)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.setpgrp()
    sys.exit(main())
