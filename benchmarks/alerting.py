"""What one alert pass costs when nothing happens, when every source fails at once, and when all are up again.

    python -m benchmarks.alerting [--sources 100,1000,5000]

Target: a tick of 5,000 sources stays under 8 CPU s above Dagster's own floor, the storm included. SQLite.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
from busta_health_dagster.pipeline.observing.observe import store_observations
from busta_health_dagster.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from busta_health_dagster.pipeline.app.app import App

CONFIG = Path(__file__).parent.parent / "config"
SLOT_S = 300


def fleet(home: Path, n: int, clock: FakeClock) -> App:
    """The shipped rules and routes on n sources like odds_api."""
    app = bootstrap.open_app(home=home, config_dir=CONFIG, environ={}, create_store=True, clock=clock)
    one = app.config.sources["odds_api"]
    sources = {f"s{k:04}": replace(one, name=f"s{k:04}", group=f"g{k % 7}", tier=1 + k % 3) for k in range(n)}
    with app.store.write() as uow:
        uow.sources.sync(sources.values(), app.now())
    return replace(app, config=replace(app.config, sources=sources))


def observations(app: App, status: Status) -> None:
    at = app.now() // SLOT_S * SLOT_S
    ms, age = (None, None) if status is Status.DOWN else (200.0, 30.0)
    store_observations(
        app,
        [Observation(n, at, at, status, "ok", response_ms=ms, items=14, data_age_s=age) for n in app.config.sources],
    )


def measured(label: str, do: Callable[[], object]) -> None:
    cpu, wall = time.process_time(), time.perf_counter()
    said = do()
    print(
        f"  {label:<28} {time.process_time() - cpu:6.2f} CPU s {time.perf_counter() - wall:6.2f} s   {said}", flush=True
    )


def run(n: int) -> None:
    print(f"{n} sources")
    clock = FakeClock()
    with tempfile.TemporaryDirectory() as home:
        app = fleet(Path(home), n, clock)

        def tick() -> str:
            passed = alert_pass(app, ticking=True)
            return f"{passed.opened} opened, {passed.resolved} resolved, {len(passed.changes.notifications)} messages"

        for label, status in (
            ("first pass", Status.UP),
            ("nothing happens", Status.UP),
            ("all fail", Status.DOWN),
            ("all still fail", Status.DOWN),
            ("well once", Status.UP),
            ("well twice: all resolve", Status.UP),
        ):
            observations(app, status)
            measured(label, tick)
            clock.advance(SLOT_S)
        measured("a sensor's pass", lambda: alert_pass(app, whole=False).observations)
        app.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", default="100,1000,5000")
    for n in parser.parse_args().sources.split(","):
        run(int(n))


if __name__ == "__main__":
    main()
