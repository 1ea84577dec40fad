"""What takes long to read of a large fleet, read once per change and shared by all who ask."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from busta_health_dagster.domain.errors import StoreError
from busta_health_dagster.pipeline.views.overview import version_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from busta_health_dagster.pipeline.app.app import App

T = TypeVar("T")

KEEP_S = 60.0
"""Ages and maintenance move on without an event; so long an answer may be behind them."""
LARGE = 200
"""Sources; a smaller fleet is read again for everyone, in some 20 ms."""


class SharedRead(Generic[T]):
    """Fifty viewers that all ask after one tick cost one read of the store, not fifty.

    Who does not need the newest gets, of a large fleet, the facts of a moment ago at once, while they are read again.
    """

    def __init__(self, app: App, read: Callable[[], T]) -> None:
        self._app = app
        self._read = read
        self._lock = threading.Lock()
        self._kept: tuple[T, tuple[int, int | None], float] | None = None
        self._renewing: threading.Thread | None = None

    def get(self, *, newest: bool = True) -> T:
        """The facts; with `newest` False those of a large fleet may be up to a minute old."""
        kept = self._kept
        if not newest and kept is not None and self.is_large and self._age(kept) < KEEP_S:
            if not self._is_current(kept):
                self._renew()
            return kept[0]
        with self._lock:
            kept = self._kept
            if kept is None or self._age(kept) >= KEEP_S or not self._is_current(kept):
                seen = self._seen()  # before the facts: what happens meanwhile is read the next time
                self._kept = kept = (self._read(), seen, self._app.clock.monotonic())
            return kept[0]

    def _renew(self) -> None:
        """Read again beside those who ask: one thread, however many they are."""
        if self._renewing is not None and self._renewing.is_alive():
            return
        self._renewing = threading.Thread(target=self._read_again, name="busta-read", daemon=True)
        self._renewing.start()

    def _read_again(self) -> None:
        with suppress(StoreError):  # no one waits for it here: the next who asks is told
            self.get()

    @property
    def is_large(self) -> bool:
        return len(self._app.config.sources) > LARGE

    def _age(self, kept: tuple[T, tuple[int, int | None], float]) -> float:
        return self._app.clock.monotonic() - kept[2]

    def _is_current(self, kept: tuple[T, tuple[int, int | None], float]) -> bool:
        return kept[1] == self._seen()

    def _seen(self) -> tuple[int, int | None]:
        version = version_of(self._app)
        return version.event, version.tick_at
