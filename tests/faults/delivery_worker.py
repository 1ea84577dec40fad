"""Processes that a test may kill; by hand: `python -m tests.faults.delivery_worker STORE_URL HOOK_URL FOLDER [LEASE_S]`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.clock import SystemClock
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass
from busta_health_dagster.pipeline.tick.tick import run_tick
from busta_health_dagster.store import Store
from tests.delivery_stories import application, hook


def tick(environ: dict[str, str]) -> None:
    """One tick of a whole monitor."""
    os.environ.update(environ)
    with bootstrap.open_app(environ=environ, create_store=True) as app:
        run_tick(app)


def deliver(url: str, receiver: str, folder: str, lease_s: float = 2.0) -> None:
    """Deliver for ever."""
    with Store(url) as store:
        app = application(store, Path(folder), hook("ops", receiver), clock=SystemClock())
        while True:
            if not delivery_pass(app, 5.0, lease_s=lease_s).attempts:
                time.sleep(0.05)


if __name__ == "__main__":
    deliver(*sys.argv[1:4], *map(float, sys.argv[4:5]))
