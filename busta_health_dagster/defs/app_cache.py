"""One application for all evaluations of this process's sensors: reading 5,000 sources twice a minute would cost a core
a tenth of its time.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from busta_health_dagster import bootstrap, settings
from busta_health_dagster.domain.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from busta_health_dagster.pipeline.app.app import App

_VARIABLES = ("BUSTA_HOME", "BUSTA_CONFIG_DIR", "BUSTA_DATABASE_URL")
Stamp = tuple[object, ...]


class _AppCache:
    """The application and what it was opened on. Sensors may run in several threads, hence the lock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._app: App | None = None
        self._stamp: Stamp = ()

    def current(self) -> App:
        """The application on the configuration as it is now; opened again when a file changed."""
        with self._lock:
            stamp = _stamp()
            if self._app is None or stamp != self._stamp:
                self._drop()
                self._app, self._stamp = bootstrap.open_app(create_store=True), stamp
            return self._app

    def forget(self) -> None:
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        if self._app is not None:
            self._app.close()  # a thread that is still at work keeps its connection
        self._app = None


_cache = _AppCache()


@contextmanager
def cached_app() -> Iterator[App]:
    """The application, open before and after; after an error of the store it is opened again next time."""
    try:
        yield _cache.current()
    except StoreError:
        _cache.forget()
        raise


def _stamp() -> Stamp:
    directory = bootstrap.find_config_dir(home=None, config_dir=None, environ=os.environ)
    return (*(os.environ.get(name) for name in _VARIABLES), *settings.marks(directory, settings.FILES))
