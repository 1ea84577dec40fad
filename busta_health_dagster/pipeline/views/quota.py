"""What is left of the credits of metered APIs, and when they end: read from the stored observations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.quota import LOOKBACK_S, QUOTA_LIMIT, QUOTA_REMAINING, QUOTA_RESET
from busta_health_dagster.engines.quota import forecast
from busta_health_dagster.engines.seasons import off_season_at

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.domain.quota import QuotaForecast
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork


def quotas(
    app: App, uow: UnitOfWork, states: Mapping[str, SourceState], names: Collection[str] | None = None
) -> dict[str, QuotaForecast]:
    """Of each source with a `quota` (of these names) whose answers said it in the last day; off season no one looks."""
    now = app.now()
    found: dict[str, QuotaForecast] = {}
    for name, source in app.config.sources.items():
        state = states.get(name)
        if source.quota is None or state is None or (names is not None and name not in names):
            continue
        if off_season_at(source.active, now) is not None:
            continue
        rows = uow.observations.measured(name, now - LOOKBACK_S, state.slot + 1)
        said = [(row.slot, row.metrics) for row in rows if QUOTA_REMAINING in row.metrics]
        if not said:
            continue
        newest = said[-1][1]
        points = [(slot, metrics[QUOTA_REMAINING]) for slot, metrics in said]
        one = forecast(source.quota, points, limit=newest.get(QUOTA_LIMIT), reset=newest.get(QUOTA_RESET))
        if one is not None:
            found[name] = one
    return found
