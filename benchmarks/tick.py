"""A whole tick through Dagster at 100, 1,000 and 5,000 HTTP sources, above the floor of an empty Dagster run in the same session.

    python -m benchmarks.tick [--sizes 100,1000] [--rounds 3]

Also the cold start of `busta sources health`. Waits for the next minute before each round.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.tables import Figure, run, show

TARGETS = {1000: (2.0, None), 5000: (8.0, 60.0)}
ALERTS = Path(__file__).parents[1] / "config" / "alerts.yaml"

EMPTY = """
import dagster as dg
@dg.op
def nothing(): pass
@dg.job(executor_def=dg.in_process_executor)
def empty(): nothing()
defs = dg.Definitions(jobs=[empty])
"""


def serve(pipe: object) -> None:
    """Simulated upstreams in a process of their own, so that their CPU is not counted."""
    from busta_health_dagster.demo.fleet import DemoFleet

    async def forever() -> None:
        async with DemoFleet(Path(tempfile.mkdtemp()), scenario="calm") as fleet:
            pipe.send(next(iter(fleet.urls.values())).rsplit("/", 1)[0])  # type: ignore[attr-defined]
            await asyncio.Event().wait()

    asyncio.run(forever())


def configuration(folder: Path, base: str, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        "version: 1",
        "defaults: {interval: 1m, timeout: 20s}",
        "types: {odds: {probe: http, concurrency_per_host: 200}}",
        "sources:",
    ]
    rest = 'allow_private: true, items: "$[*]", max_data_age: 26h'
    lines += [f'  - {{name: load_{i}, type: odds, url: "{base}/load/{i}", {rest}}}' for i in range(count)]
    (folder / "sources.yaml").write_text("\n".join(lines) + "\n")
    (folder / "alerts.yaml").write_text(ALERTS.read_text())


def dagster_bytes(home: Path) -> int:
    return sum(p.stat().st_size for p in (home / "dagster").rglob("*") if p.is_file())


def judged(what: str, value: float, most: float | None) -> Figure:
    return Figure(
        what, f"{value:.2f}", "reported" if most is None else f"<= {most:g}", None if most is None else value <= most
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="12,100,1000,5000")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    receive, send = multiprocessing.get_context("spawn").Pipe(duplex=False)
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(send,), daemon=True)
    server.start()
    base = receive.recv()
    root = Path(tempfile.mkdtemp(prefix="busta-bench-"))
    (root / "empty.py").write_text(EMPTY)
    (root / "instance").mkdir()
    bare = {k: v for k, v in os.environ.items() if not k.startswith(("BUSTA_", "DAGSTER_"))} | {
        "PYTHONWARNINGS": "ignore"
    }
    empty = [sys.executable, "-m", "dagster", "job", "execute", "-f", str(root / "empty.py"), "-j", "empty"]
    floor_env = bare | {"DAGSTER_HOME": str(root / "instance")}
    run(empty, floor_env)
    floor = statistics.median(run(empty, floor_env)[0] for _ in range(args.rounds))
    figures = [Figure("empty Dagster run, CPU s (the floor)", f"{floor:.2f}", "reference 3.7-4.0")]
    busta = [sys.executable, "-m", "busta_health_dagster.cli"]
    for size in map(int, args.sizes.split(",")):
        home = root / f"home-{size}"
        configuration(root / f"config-{size}", base, size)
        env = bare | {"BUSTA_HOME": str(home), "BUSTA_CONFIG_DIR": str(root / f"config-{size}")}
        run([*busta, "run", "tick"], env)  # creates home and store, reports every source for the first time
        cpu, wall, before = [], [], dagster_bytes(home)
        for _ in range(args.rounds):
            time.sleep(60 - time.time() % 60 + 0.5)  # a second tick in one slot has nothing to do, and would flatter
            spent, took, _ = run([*busta, "run", "tick"], env)
            cpu.append(spent)
            wall.append(took)
        above, took = statistics.median(cpu) - floor, statistics.median(wall)
        most, longest = TARGETS.get(size, (None, None))
        name = f"tick, {size:,} sources"
        figures.append(judged(f"{name}: CPU s above the floor", above, most))
        figures.append(judged(f"{name}: wall s", took, longest))
        if size == 12:
            per_day = (dagster_bytes(home) - before) / args.rounds * 288 / 1e6
            figures.append(judged("Dagster's own growth, 12 sources: MB a day at 5 min", per_day, 60))
        if size == 100:
            cold = statistics.median(
                run([*busta, "sources", "health", "-o", "json"], env)[0] for _ in range(args.rounds)
            )
            figures.append(Figure("busta sources health, cold: CPU s", f"{cold:.2f}", "<= 0.9", cold <= 0.9))
    show("The tick", figures)
    server.terminate()


if __name__ == "__main__":
    main()
