"""The monitor's own voice: what it says about itself is an alert or a message like any other, of these sources and rules.

None of them stands in sources.yaml or alerts.yaml: no one may switch off the news that the news is broken. Routes may
name them, and the doctor knows them.
"""

from __future__ import annotations

from busta_health_dagster.domain.rule import Pattern, Rule, Severity
from busta_health_dagster.domain.source import Source

MONITOR = Source(
    name="monitor", type="monitor", probe="self", group="platform", tier=1, description="The monitor itself"
)
"""Its network, its configuration, its ticks, its machine, its schedules and sensors, its vantage points."""
REPORTER = Source(name="reports", type="monitor", probe="self", group="platform", description="Reports of the monitor")
DAGSTER = Source(
    name="dagster", type="dagster", probe="instance", group="platform", description="The Dagster instance we run in"
)
"""The source that alerts of the dagster patterns belong to; their label is the check or the job."""
SELF_MONITORING_SOURCES = (MONITOR, REPORTER, DAGSTER)

NETWORK = Rule("own-network", Pattern.THRESHOLD, recover_after=1, severity=Severity.CRITICAL)
CONFIGURATION = Rule("configuration", Pattern.THRESHOLD, recover_after=1)
TICKS = Rule("ticks", Pattern.THRESHOLD, for_=4, recover_after=1, severity=Severity.CRITICAL)
SENSOR_STOPPED = Rule("sensor-stopped", Pattern.THRESHOLD, recover_after=1, severity=Severity.CRITICAL)
OVERLOADED = Rule("overloaded", Pattern.THRESHOLD, recover_after=1)
INSTANCE_SLOW = Rule("instance-slow", Pattern.THRESHOLD, recover_after=1)
VANTAGE_AWAY = Rule("vantage-away", Pattern.THRESHOLD, recover_after=1)
MONITOR_RULES = (NETWORK, CONFIGURATION, TICKS, OVERLOADED, SENSOR_STOPPED, INSTANCE_SLOW, VANTAGE_AWAY)
REPORT_RULE = "weekly-report"
"""What a route names to take the report: `- {select: {rules: [weekly-report]}, escalation: reports}`."""
SELF_MONITORING_RULES = frozenset({*(rule.name for rule in MONITOR_RULES), REPORT_RULE})
