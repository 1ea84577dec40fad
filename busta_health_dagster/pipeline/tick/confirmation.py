"""Between two ticks: what has just failed is observed again, and the alert pass hears of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.pipeline.alerting.alert_pass import AlertPassResult, alert_pass
from busta_health_dagster.pipeline.observing.confirmation import confirm

if TYPE_CHECKING:
    from busta_health_dagster.pipeline.app.app import App


def confirmation_pass(app: App) -> AlertPassResult:
    """Confirm what waits for it; nothing is evaluated where nothing waits."""
    seen = confirm(app)
    return alert_pass(app, manual=seen, whole=False) if seen else AlertPassResult()
