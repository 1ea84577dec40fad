"""The wired application as a Dagster resource: opened per run, never at import."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from busta_health_dagster import bootstrap
from busta_health_dagster.pipeline.app import App


class Monitor(dg.ConfigurableResource["Monitor"]):
    """Gives ops the application. Home, configuration and store come from the environment that `busta` sets."""

    @contextmanager
    def open(self) -> Iterator[App]:
        """The application on an up-to-date store, closed afterwards."""
        app = bootstrap.open_app(create_store=True)
        try:
            yield app
        finally:
            app.close()
