"""What `busta demo` does before `busta up`: the fleet process, its configuration, its past."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from busta_health_dagster import bootstrap
from busta_health_dagster.cli.progress import bar
from busta_health_dagster.cli.session import err_console
from busta_health_dagster.cli.supervisor import Child
from busta_health_dagster.demo import upstreams
from busta_health_dagster.demo.config import INTERVAL_S, write_config
from busta_health_dagster.demo.fill import DAY, fill
from busta_health_dagster.demo.scenarios import scenario as named
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.extras import require
from busta_health_dagster.pipeline.anomaly.anomaly_pass import catch_up
from busta_health_dagster.pipeline.imports.import_history import replay_stored

if TYPE_CHECKING:
    from collections.abc import Callable

    from busta_health_dagster.cli.supervisor import Supervisor
    from busta_health_dagster.pipeline.app.app import App

LEARNED_S = 7 * 86_400
"""How much of the past the detector learns from before the demo starts: a weekend and every hour of the day."""
LEARN_FOR_S = 12.0
"""A slow machine goes on with the rest at its first ticks."""
EXPECTATIONS = Path(__file__).parent / "suites"


def prepare(home: Path, *, days: int, scenario: str) -> Callable[[Supervisor, dict[str, str]], None]:
    """For `run_up(before=...)`: start the fleet under the supervisor, write `<home>/config`, fill the history.

    Raises:
        UnknownName: no such scenario.
        MissingExtra: the demo shows everything, and something of it is not installed.
    """
    for extra in ("quality", "file", "report"):
        require(extra, "The demo")
    named(scenario)

    def before(supervisor: Supervisor, environ: dict[str, str]) -> None:
        anchor = floor_to(time.time(), INTERVAL_S)
        argv = [sys.executable, "-m", "busta_health_dagster.demo.serve", "--home", str(home), "--scenario", scenario]
        argv += ["--anchor", str(anchor), "--parent", str(os.getpid())]
        child = supervisor.start(Child("demo-fleet", argv, environ))
        process = child.process
        assert process is not None
        address = upstreams.wait_until_ready(home, process.pid, alive=lambda: process.poll() is None)
        write_config(home, address, expectations=EXPECTATIONS, days=days)
        if days == 0:
            return
        app = bootstrap.open_app(home=home, environ=environ, create_store=True)
        try:
            config = app.config
            until = floor_to(app.now(), INTERVAL_S)
            stored = fill(
                app.store,
                config.sources,
                config.windows,
                days,
                until,
                scenario=scenario,
                anchor=address.anchor,
                console=err_console(),
            )
            with bar("Learning what is normal", unit="seconds of history") as advance:
                catch_up(app, for_s=LEARN_FOR_S, history_s=LEARNED_S, advance=advance)
            if stored:
                _replay(app, until - days * DAY, until)
        finally:
            app.close()

    return before


def _replay(app: App, since: int, until: int) -> None:
    """The alerts and incidents of the past month, as the monitor would have seen them; no one is notified."""
    from busta_health_dagster.cli.progress import bar

    with app.store.read() as uow:
        kept = uow.states.rows()
        names = uow.sources.ids(list(app.config.sources))
    slots = {
        names[key]: (max(row["first_slot"], since), min(row["last_slot"], until - INTERVAL_S))
        for key, row in kept.items()
        if key in names and row["first_slot"] is not None and row["last_slot"] >= since
    }
    if slots:
        with bar("Replaying its alerts", unit="observations") as advance:
            replay_stored(app, {name: app.config.sources[name] for name in slots}, slots, advance=advance)
