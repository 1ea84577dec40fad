"""What `busta demo` does before `busta up`: the fleet process, its configuration, its past."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from busta_health_dagster import bootstrap
from busta_health_dagster.cli.session import err_console
from busta_health_dagster.cli.supervisor import Child
from busta_health_dagster.demo import upstreams
from busta_health_dagster.demo.config import INTERVAL_S, write_config
from busta_health_dagster.demo.fill import fill
from busta_health_dagster.demo.story import scenario as named
from busta_health_dagster.domain.units import floor_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from busta_health_dagster.cli.supervisor import Supervisor

EXPECTATIONS = Path(__file__).resolve().parents[2] / "expectations"


def prepare(home: Path, *, days: int, scenario: str) -> Callable[[Supervisor, dict[str, str]], None]:
    """For `run_up(before=...)`: start the fleet under the supervisor, write `<home>/config`, fill the history.

    Raises:
        UnknownName: no such scenario.
    """
    named(scenario)

    def before(supervisor: Supervisor, environ: dict[str, str]) -> None:
        anchor = floor_to(time.time(), INTERVAL_S)
        argv = [sys.executable, "-m", "busta_health_dagster.demo.serve", "--home", str(home), "--scenario", scenario]
        argv += ["--anchor", str(anchor), "--parent", str(os.getpid())]
        child = supervisor.start(Child("demo-fleet", argv, environ))
        process = child.process
        assert process is not None
        address = upstreams.wait_until_ready(home, process.pid, alive=lambda: process.poll() is None)
        write_config(home, address, expectations=EXPECTATIONS)
        if days == 0:
            return
        app = bootstrap.open_app(home=home, environ=environ, create_store=True)
        try:
            config = app.config
            until = floor_to(app.now(), INTERVAL_S)
            fill(
                app.store,
                config.sources,
                config.windows,
                days,
                until,
                scenario=scenario,
                anchor=address.anchor,
                console=err_console(),
            )
        finally:
            app.close()

    return before
