"""What it costs to read a large fleet: the commands from a cold start, the web process, and a history taken in.

    python -m benchmarks.fleet [--sources 5000] [--rounds 3]

A day of observations of every source, SQLite. CPU seconds, medians; of the web process per answer once it is warm.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import web
from benchmarks.store.reads import DAY
from benchmarks.tables import Figure, run, show
from busta_health_dagster.domain.units import iso

BUSTA = (sys.executable, "-m", "busta_health_dagster.cli")
LINES_OF, SLOTS = 10, 8640
PATHS = (
    ("/metrics", "/metrics", 0.5),
    ("the page", "/source-health", 0.3),
    ("REST status", "/api/v1/status", 0.05),
    ("REST sources, a page of 100", "/api/v1/sources?limit=100", 0.05),
    ("REST one source", "/api/v1/sources/source_00007", None),
)


def figure(what: str, cpu: float, most: float | None) -> Figure:
    met = None if most is None else cpu <= most
    return Figure(f"{what}: CPU s", f"{cpu:.3f}", "reported" if most is None else f"<= {most:g}", met)


def commands(home: Path, rounds: int) -> list[Figure]:
    env = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"BUSTA_HOME": str(home)}

    def cpu(*argv: str) -> float:
        return statistics.median(run([*BUSTA, *argv], env)[0] for _ in range(rounds))

    cpu("--help")  # writes bytecode
    return [
        figure("busta sources health", cpu("sources", "health"), 1.5),
        figure("busta sources health -o json", cpu("sources", "health", "-o", "json"), 1.5),
        figure("busta sla", cpu("sla"), None),
    ]


def history(file: Path) -> None:
    """A month of ten sources."""
    rng, end = random.Random(1), int(time.time()) // 300 * 300
    with file.open("w") as out:
        out.write("timestamp,source,status,response_ms,items,data_age_s,quality\n")
        for at in range(end - SLOTS * 300, end, 300):
            for n in range(LINES_OF):
                up = rng.random() > 0.004
                said = (
                    f"up,{rng.uniform(40, 400):.1f},{rng.randint(100, 140)},{rng.randint(30, 900)},"
                    if up
                    else "down,,,,"
                )
                out.write(f"{iso(at)},feed_{n},{said}\n")


def taken_in(base: Path) -> Figure:
    """In a process of its own, as `busta db import` does it."""
    file, home = base / "history.csv", web.home_of(base / "import", LINES_OF)
    history(file)
    env = dict(os.environ) | {"BUSTA_HOME": str(home)}
    run([*BUSTA, "db", "upgrade"], env)
    lines = LINES_OF * SLOTS
    return figure(f"busta db import, {lines:,} lines", run([*BUSTA, "db", "import", str(file)], env)[0], 4.3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as base:
        home = Path(base) / "home"
        # The made-up day ends now: what no one has seen for days is unknown, and reads otherwise.
        web.prepare(home, args.sources, int(time.time()) // 300 * 300 - DAY)
        figures = [*commands(home, args.rounds), taken_in(Path(base))]
    with web.web_process(args.sources) as server:
        for what, path, most in PATHS:
            _, cpu, _ = web.median_ms(server.url + path, server.pid)
            figures.append(figure(what, cpu / 1000, most))
    show(f"Reading {args.sources:,} sources", figures)


if __name__ == "__main__":
    main()
