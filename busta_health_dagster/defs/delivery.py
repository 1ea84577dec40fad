"""The notification sensor: what the tick could not deliver, and what was written since. Retries run on its clock."""

from __future__ import annotations

import dagster as dg

from busta_health_dagster.defs.app_cache import cached_app

EVERY_S = 10
BUDGET_S = 5.0
"""Sensors of one code server may have to run one after another; what does not fit is the next pass's work."""


@dg.sensor(
    name="notification_sensor",
    minimum_interval_seconds=EVERY_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Delivers the outbox: new messages, retries, what a killed worker left. Calls the dead-man's switch.",
)
def notification_sensor(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    from busta_health_dagster.pipeline.delivery.dead_mans_switch import heartbeat
    from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass

    with cached_app() as app:
        report = delivery_pass(app, BUDGET_S)
        called = heartbeat(app)
    for channel, why in report.held.items():
        context.log.warning("%s takes nothing at present: %s", channel, why)
    done = ", ".join(f"{n} {result}" for result, n in sorted(report.results.items())) or "nothing was due"
    flying = f"; still sending: {', '.join(report.in_flight)}" if report.in_flight else ""
    switch = "" if called is None or called.sent else f"; the dead-man's switch was not called: {called.reason}"
    return dg.SkipReason(f"{done}{flying}{switch}")
