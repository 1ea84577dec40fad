"""The wired application as a Dagster resource: opened per run, never at import."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from busta_health_dagster import bootstrap
from busta_health_dagster.pipeline.app.app import App


class Monitor(dg.ConfigurableResource["Monitor"]):
    """Gives ops the application. Home, configuration and store come from the environment that `busta` sets."""

    @contextmanager
    def open(self, *, collect: bool = True) -> Iterator[App]:
        """The application on an up-to-date store, closed afterwards.

        The garbage collector leaves alone what was loaded before: it lives as long as the process of the run. Without
        `collect` it rests altogether, which suits a job that is over in seconds: a tick of 5,000 sources leaves 15 MB
        of garbage, and looking for it took 3 of its 10 CPU seconds and held up the probes for 0.1 s at a time, so that
        their response times could not be believed.
        """
        gc.freeze()
        if not collect:
            gc.disable()
        app = bootstrap.open_app(create_store=True)
        try:
            yield app
        finally:
            app.close()
            gc.enable()
            gc.unfreeze()
