"""The facts of the overview, read once per change and shared by all viewers."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from busta_health_dagster.pipeline.views.alert_noise import alert_noise
from busta_health_dagster.pipeline.views.overview import FleetDays, fleet_page, trends
from busta_health_dagster.web.shared_read import SharedRead

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.documents.alerts import NoiseTable
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.pipeline.views.overview import FleetPage, Trend

_TREND_PAGES = 32
_NOISE_SPAN_S = 28 * 86400
_NOISE_S = 300


class OverviewCache:
    """A large fleet's facts take most of a second to read. Anyone who opens the page then gets the facts of a moment ago
    at once; the live stream notifies the page that there is more, and asks for the newest.
    """

    def __init__(self, app: App) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._days = FleetDays()
        self._page = SharedRead(app, self._read)
        self._reading_days: threading.Thread | None = None
        self._noise: tuple[int, NoiseTable] | None = None
        self._trends: OrderedDict[tuple[str, ...], dict[str, Trend]] = OrderedDict()

    def page(self, *, newest: bool = True) -> FleetPage:
        """The facts; with `newest` False those of a large fleet may be up to a minute old."""
        return self._page.get(newest=newest)

    def _read(self) -> FleetPage:
        self._read_days()
        page = fleet_page(self._app, self._days.known(self._app.now()), self._read_noise())
        with self._lock:
            self._trends.clear()
        return page

    def _read_noise(self) -> NoiseTable:
        """Four weeks of messages change slowly, and are read every few minutes."""
        now = self._app.now()
        if self._noise is None or not 0 <= now - self._noise[0] < _NOISE_S:
            self._noise = (now, alert_noise(self._app, _NOISE_SPAN_S))
        return self._noise[1]

    def _read_days(self) -> None:
        """Of a large fleet the first page does not wait for the line of 30 days; the next has it."""
        if self._reading_days is not None and self._reading_days.is_alive():
            return
        if not self._page.is_large:
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
