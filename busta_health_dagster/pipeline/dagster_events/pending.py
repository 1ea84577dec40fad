"""What Dagster has been sent and what it should be sent next. The store remembers; Dagster's event log is never
asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.verdict import Outcome
from busta_health_dagster.engines.dagster_events import NOTHING, Reported, ReportPlan, plan_reports
from busta_health_dagster.engines.data_version import data_version
from busta_health_dagster.pipeline.gate.stored_lineage import built_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.domain.verdict import CheckVerdict
    from busta_health_dagster.pipeline.app.app import App

_CONNECTIVITY = "connectivity"


def outcome_code(verdict: CheckVerdict) -> str:
    """What counts as a change: the outcome, and for a bad one its severity. Numbers alone change nothing."""
    if verdict.came_to_nothing:
        return NOTHING
    return f"bad:{verdict.severity.lower()}" if verdict.outcome is Outcome.BAD else verdict.outcome.name.lower()


def pending_reports(
    app: App, verdicts: Mapping[str, Mapping[str, CheckVerdict]]
) -> tuple[ReportPlan, dict[str, SourceState]]:
    """The reports this tick may afford, worst first, and the states they show."""
    with app.store.read() as uow:
        read = built_from(uow)
        reported = uow.reported.all()
        states = uow.states.all()
    current = {
        s: {name: outcome_code(v) for name, v in checks.items()} for s, checks in verdicts.items() if s in states
    }
    plan = plan_reports(
        current,
        reported,
        versions={s: version for s in current if (version := data_version(states[s])) is not None},
        read=read | {s.name for s in app.config.sources.values() if s.feeds or s.asset},
        now=app.now(),
        cap=app.config.settings.limits.events_per_tick,
        refresh_s=app.config.refresh_s,
    )
    return plan, states


def mark_reported(app: App, plan: ReportPlan, verdicts: Mapping[str, Mapping[str, CheckVerdict]]) -> None:
    """Remember what was sent."""
    if not plan.reports:
        return
    now = app.now()
    with app.store.write() as uow:
        before = uow.reported.all()
        notified = {}
        for report in plan.reports:
            known = before.get(report.source, Reported({}, 0))
            checks = verdicts[report.source]
            codes = {check: outcome_code(checks[check]) for check in report.checks}
            if report.why == "changed" and _CONNECTIVITY in checks:
                codes[_CONNECTIVITY] = outcome_code(checks[_CONNECTIVITY])  # its observation said so
            # Only the refresh, which sends all of them, moves the clock of the refresh.
            at = now if report.why in {"first report", "refresh"} else known.at
            version, version_at = known.version, known.version_at
            if report.version is not None:
                version, version_at = report.version, now
            notified[report.source] = Reported({**known.outcomes, **codes}, at, version, version_at)
        uow.reported.put(notified)
