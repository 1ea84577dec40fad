"""A tick as the scheduler runs it, at 12 to 5,000 HTTP sources, above the floor of an empty Dagster run in the same session.

    python -m benchmarks.tick [--sizes 100,1000] [--rounds 3]

What is timed is the process of the run: it loads the code location, executes `health_tick` and ends; the empty job is run in
the same way. Home, store and instance are made beforehand, as `busta up` does once, and the simulated upstreams answer from a
process that is not counted. Dagster has got the events of every source, as after the first minutes: what a tick costs that still
has to tell (`limits.events_per_tick`) is a number of its own. Each round waits for the next minute.

Also the cold start of the commands that only read, beside the libraries that they stand on.
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
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from benchmarks.tables import Figure, run, show

if TYPE_CHECKING:
    from collections.abc import Mapping

TARGETS: Mapping[int, tuple[float, float | None]] = {1000: (2.0, None), 5000: (8.0, 60.0)}
ALERTS = Path(__file__).parents[1] / "config" / "alerts.yaml"
EVENTS = 200
"""The default of limits.events_per_tick."""
LIBRARIES = "import sqlalchemy, pydantic, yaml, typer, rich.console, rich.table"
CODE = "busta_health_dagster.definitions"
JOB = (sys.executable, "-m", "dagster", "job", "execute")

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
            parts = urlsplit(next(iter(fleet.urls.values())))
            pipe.send(f"{parts.scheme}://{parts.netloc}")  # type: ignore[attr-defined]
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


def tell_all(home: Path, config: Path, untold: int) -> None:
    """As if Dagster had got the events of every source, except of as many as make `untold` events."""
    from busta_health_dagster import bootstrap
    from busta_health_dagster.engines.dagster_events import Reported
    from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
    from busta_health_dagster.pipeline.dagster_events.pending import outcome_code
    from busta_health_dagster.pipeline.observing.observe import observe

    app = bootstrap.open_app(home=home, config_dir=config, environ={})
    try:
        observe(app)
        reported: dict[str, Reported] = {}
        for name, checks in alert_pass(app, ticking=True).verdicts.items():
            known = {check: outcome_code(verdict) for check, verdict in checks.items()}
            if untold > 0:
                untold -= 1 + len(checks)
                known = dict.fromkeys(checks, "untold")
            reported[name] = Reported(known, int(app.now()))
        with app.store.write() as uow:
            uow.reported.put(reported)
    finally:
        app.close()


def next_minute() -> None:
    """A second tick in one slot has nothing to do, and would flatter."""
    time.sleep(60 - time.time() % 60 + 0.5)


def dagster_bytes(home: Path) -> int:
    return sum(p.stat().st_size for p in (home / "dagster").rglob("*") if p.is_file())


def evaluated(what: str, value: float, most: float | None) -> Figure:
    return Figure(
        what, f"{value:.2f}", "reported" if most is None else f"<= {most:g}", None if most is None else value <= most
    )


def cold_starts(env: Mapping[str, str], rounds: int) -> list[Figure]:
    """Of the commands that only read, and of importing the libraries they cannot do without."""
    python = sys.executable

    def cpu(*argv: str) -> float:
        return statistics.median(run([python, *argv], env)[0] for _ in range(rounds))

    busta = ("-m", "busta_health_dagster.cli")
    return [
        Figure(
            "importing SQLAlchemy, pydantic, YAML, Typer, Rich: CPU s", f"{cpu('-c', LIBRARIES):.2f}", "reference 0.65"
        ),
        evaluated("busta sources health, cold: CPU s", cpu(*busta, "sources", "health", "-o", "json"), 0.9),
        evaluated("busta alerts list, cold: CPU s", cpu(*busta, "alerts", "list"), None),
        evaluated("busta --help: CPU s", cpu(*busta, "--help"), None),
    ]


@dataclass(slots=True)
class Bench:
    """The runs of one session, and the empty ones beside them: a busy machine slows both."""

    root: Path
    base: str
    environ: Mapping[str, str]
    rounds: int
    floors: list[float] = field(default_factory=list)

    def empty_run(self) -> float:
        instance = self.root / "instance"
        instance.mkdir(exist_ok=True)
        (self.root / "empty.py").write_text(EMPTY)
        argv = [*JOB, "-f", str(self.root / "empty.py"), "-j", "empty"]
        return run(argv, dict(self.environ) | {"DAGSTER_HOME": str(instance)})[0]

    @property
    def floor(self) -> float:
        return statistics.median(self.floors)

    def ticks(self, size: int) -> list[Figure]:
        """Home, store and instance as `busta up` makes them, then ticks in which nothing changes."""
        from busta_health_dagster import bootstrap

        home, config = self.root / f"home-{size}", self.root / f"config-{size}"
        configuration(config, self.base, size)
        env = bootstrap.prepare_home(home=home, config_dir=config, environ=self.environ)

        def tick(*, untold: int = 0) -> tuple[float, float]:
            tell_all(home, config, untold)
            next_minute()
            return run([*JOB, "-m", CODE, "-j", "health_tick"], env)[:2]

        tick()  # writes bytecode, and the first table of the fleet
        spent, before = [], dagster_bytes(home)
        for _ in range(self.rounds):
            self.floors.append(self.empty_run())
            spent.append(tick())
        grown = (dagster_bytes(home) - before) / self.rounds
        most, longest = TARGETS.get(size, (None, None))
        name = f"tick, {size:,} sources"
        figures = [
            evaluated(f"{name}: CPU s above the floor", statistics.median(cpu for cpu, _ in spent) - self.floor, most),
            evaluated(f"{name}: wall s", statistics.median(wall for _, wall in spent), longest),
        ]
        if size == 12:
            figures.append(evaluated("Dagster's own growth, 12 sources: MB a day at 5 min", grown * 288 / 1e6, 60))
        if size == 100:
            figures += cold_starts(env, self.rounds)
        if size == 1000:
            notified = statistics.median(tick(untold=EVENTS)[0] for _ in range(self.rounds)) - self.floor
            figures.append(evaluated(f"{name}, {EVENTS} events to tell: CPU s above the floor", notified, None))
        return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="12,100,1000,5000")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    receive, send = multiprocessing.get_context("spawn").Pipe(duplex=False)
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(send,), daemon=True)
    server.start()
    # A deployment keeps its bytecode: compiling numpy and Dagster again in every process is not what is asked here.
    ours = ("BUSTA_", "DAGSTER_", "PYTHONDONTWRITEBYTECODE")
    environ = {k: v for k, v in os.environ.items() if not k.startswith(ours)} | {"PYTHONWARNINGS": "ignore"}
    bench = Bench(Path(tempfile.mkdtemp(prefix="busta-bench-")), receive.recv(), environ, args.rounds)
    bench.empty_run()
    figures = [figure for size in map(int, args.sizes.split(",")) for figure in bench.ticks(size)]
    show("The tick", [Figure("empty Dagster run, CPU s (the floor)", f"{bench.floor:.2f}", "reference"), *figures])
    server.terminate()


if __name__ == "__main__":
    main()
