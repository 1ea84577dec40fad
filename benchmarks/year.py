"""A year in an hour or two: a real store, a virtual clock, every slot stored and evaluated, every night's work done.

    python -m benchmarks.year [--sources 100] [--days 365] [--every 30]

What must not grow with the age of a monitor is printed as it goes: the file, the memory of the process, a pass, and what the
surfaces read. Sources fail as they like (about 1 in 1,000 slots begins an outage of 5 minutes to 2 hours). The observations are
made here, not probed: what is measured is store, alerts, detectors, retention and reports.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from rich.console import Console
from rich.progress import track

from benchmarks.tables import Figure, show
from busta_health_dagster import bootstrap
from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass
from busta_health_dagster.pipeline.app.app import App
from busta_health_dagster.pipeline.app.store_admin import prune
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from busta_health_dagster.pipeline.observing.observe import store_observations
from busta_health_dagster.pipeline.reporting.sending import publish
from busta_health_dagster.pipeline.service_levels.service_levels import ask_levels, service_levels
from busta_health_dagster.pipeline.views.overview import fleet_page
from busta_health_dagster.pipeline.views.status import fleet_health
from busta_health_dagster.testing import EPOCH, FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

DAY, SLOT = 86_400, 300
ALERTS = Path(__file__).parents[1] / "config" / "alerts.yaml"
MOST_BYTES_A_SOURCE = 2_000_000
"""Of the whole file, once everything has the age at which it goes: 35 days of observations and 400 of hourly numbers."""
GROWTH = 1.25
"""What the last stretch may cost beside the one in which the first observations went."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where the monitor stands after so many days; seconds are of CPU, medians are not needed: there is one of each."""

    day: int
    file_mb: float
    memory_mb: float
    pass_ms: float
    health_ms: float
    page_ms: float
    sla_ms: float
    alerts: int


class Fleet:
    """What the sources answer, slot for slot."""

    def __init__(self, names: list[str]) -> None:
        self._rng, self._names = random.Random(1), names
        self._until = dict.fromkeys(names, 0)

    def answers(self, slot: int) -> list[Observation]:
        rng = self._rng
        seen = []
        for name in self._names:
            if self._until[name] <= slot and rng.random() < 0.001:
                self._until[name] = slot + rng.randint(1, 24) * SLOT
            if self._until[name] > slot:
                seen.append(Observation(name, slot, slot + 1, Status.DOWN, reason="timeout", detail="no answer"))
            else:
                seen.append(
                    Observation(
                        name,
                        slot,
                        slot + 1,
                        Status.UP,
                        response_ms=rng.lognormvariate(5, 0.3),
                        items=rng.randint(90, 110),
                        data_age_s=float(rng.randint(30, 900)),
                        http_status=200,
                    )
                )
        return seen


def opened(home: Path, count: int, clock: FakeClock) -> App:
    config = home / "config"
    config.mkdir(parents=True)
    lines = [
        f'  - {{name: feed_{n:03d}, type: odds, probe: http, url: "http://127.0.0.1:9/{n}"}}' for n in range(count)
    ]
    (config / "sources.yaml").write_text("\n".join(["version: 1", "sources:", *lines]) + "\n")
    shipped = yaml.safe_load(ALERTS.read_text())
    shipped["channels"] = [
        {"name": channel["name"], "kind": "file", "path": str(home / f"{channel['name']}.jsonl")}
        for channel in shipped["channels"]
    ]
    (config / "alerts.yaml").write_text(yaml.safe_dump(shipped))
    return bootstrap.open_app(home=home, environ={"BUSTA_HOME": str(home)}, create_store=True, clock=clock)


def cpu_ms(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


def memory_mb() -> float:
    """Resident now, not at its highest."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def measured(app: App, home: Path, day: int, pass_ms: float) -> Stretch:
    size = sum(file.stat().st_size for file in home.glob("busta.sqlite3*")) / 1e6
    with app.store.read() as uow:
        alerts = len(uow.alerts.list(limit=100_000))
    return Stretch(
        day,
        size,
        memory_mb(),
        pass_ms,
        cpu_ms(lambda: fleet_health(app)),
        cpu_ms(lambda: fleet_page(app, ())),
        cpu_ms(lambda: service_levels(app, ask_levels(app, "30d"))),
        alerts,
    )


def live(app: App, home: Path, clock: FakeClock, names: list[str], days: int, every: int) -> list[Stretch]:
    fleet, found, out = Fleet(names), [], Console(stderr=True)
    for day in track(range(1, days + 1), description="Days lived", console=out):
        spent = 0.0
        for _ in range(DAY // SLOT):
            began = time.process_time()
            store_observations(app, fleet.answers(int(clock.now()) // SLOT * SLOT))
            alert_pass(app, ticking=True)
            spent += time.process_time() - began
            clock.advance(SLOT)
        delivery_pass(app)
        prune(app)
        if day % 7 == 0:
            publish(app)
        if day % every == 0 or day == days:
            found.append(measured(app, home, day, 1000 * spent / (DAY // SLOT)))
            one = found[-1]
            out.print(
                f"day {one.day}: file {one.file_mb:.0f} MB, memory {one.memory_mb:.0f} MB, a pass {one.pass_ms:.1f} ms, health "
                f"{one.health_ms:.0f} ms, page {one.page_ms:.0f} ms, sla {one.sla_ms:.0f} ms, {one.alerts} alerts"
            )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=int, default=100)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--every", type=int, default=30)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as base:
        home, clock = Path(base) / "home", FakeClock(EPOCH // DAY * DAY)
        with opened(home, asked.sources, clock) as app:
            found = live(app, home, clock, list(app.config.sources), asked.days, asked.every)
    last, full = found[-1], next((s for s in found if s.day > 36), found[-1])
    figures = [
        Figure("the file, MB", f"{last.file_mb:.0f}", f"<= {asked.sources * MOST_BYTES_A_SOURCE / 1e6:.0f}", None),
        *(
            Figure(
                f"{what}, at day {full.day} and day {last.day}",
                f"{before:.1f} and {after:.1f}",
                f"<= {GROWTH} times",
                after <= GROWTH * before,
            )
            for what, before, after in (
                ("memory, MB", full.memory_mb, last.memory_mb),
                ("a pass, CPU ms", full.pass_ms, last.pass_ms),
                ("health, CPU ms", full.health_ms, last.health_ms),
                ("page, CPU ms", full.page_ms, last.page_ms),
                ("sla, CPU ms", full.sla_ms, last.sla_ms),
            )
        ),
    ]
    show(f"{asked.days} days of {asked.sources} sources, {last.alerts} alerts", figures)
    return int(any(figure.met is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
