"""The facts of the overview, read once per change and shared by all viewers."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from busta_health_dagster.pipeline.views.overview import FleetDays, fleet_page, trends, version_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.pipeline.views.overview import FleetPage, Trend

KEEP_S = 60.0
"""Ages and maintenance move on without an event; so long an answer may be behind them."""
LARGE = 200
"""Sources; a smaller fleet is read again for everyone, in some 20 ms."""
_TREND_PAGES = 32


class OverviewCache:
    """Fifty viewers that all ask after one tick cost one read of the store, not fifty.

    A large fleet's facts take most of a second to read. Anyone who opens the page then gets the facts of a moment ago at
    once, while they are read again; the live stream notifies the page that there is more, and asks for the newest.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._days = FleetDays()
        self._page: FleetPage | None = None
        self._reading_days: threading.Thread | None = None
        self._read_at = 0.0
        self._trends: OrderedDict[tuple[str, ...], dict[str, Trend]] = OrderedDict()

    def page(self, *, newest: bool = True) -> FleetPage:
        """The facts; with `newest` False those of a large fleet may be up to a minute old."""
        kept = self._page
        if not newest and kept is not None and len(kept.health.rows) > LARGE and self._age() < KEEP_S:
            if not self._is_current(kept):
                threading.Thread(target=self.page, daemon=True).start()
            return kept
        with self._lock:
            kept = self._page
            if kept is None or self._age() >= KEEP_S or not self._is_current(kept):
                self._read_days()
                self._page = kept = fleet_page(self._app, self._days.known(self._app.now()))
                self._read_at = self._app.clock.monotonic()
                self._trends.clear()
            return kept

    def _read_days(self) -> None:
        """Of a large fleet the first page does not wait for the line of 30 days; the next has it."""
        if self._reading_days is not None and self._reading_days.is_alive():
            return
        if len(self._app.config.sources) <= LARGE:
            self._days.read(self._app)
            return
        self._reading_days = threading.Thread(target=self._days.read, args=(self._app,), daemon=True)
        self._reading_days.start()

    def trends(self, names: Sequence[str]) -> dict[str, Trend]:
        """Of the rows that are shown."""
        key = tuple(names)
        with self._lock:
            if key not in self._trends:
                self._trends[key] = trends(self._app, names)
                while len(self._trends) > _TREND_PAGES:
                    self._trends.popitem(last=False)
            self._trends.move_to_end(key)
            return self._trends[key]

    def _age(self) -> float:
        return self._app.clock.monotonic() - self._read_at

    def _is_current(self, kept: FleetPage) -> bool:
        now, then = version_of(self._app), kept.version
        return (then.event, then.tick_at) == (now.event, now.tick_at)
