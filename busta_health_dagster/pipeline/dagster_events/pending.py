"""What Dagster has been sent and what it should be sent next. The store remembers; Dagster's event log is never
asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.verdict import Outcome
from busta_health_dagster.engines.dagster_events import Reported, ReportPlan, news, plan_reports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.domain.verdict import CheckVerdict
    from busta_health_dagster.pipeline.app.app import App


def outcome_code(verdict: CheckVerdict) -> str:
    """What counts as a change: the outcome, and for a bad one its severity. Numbers alone change nothing."""
    return f"bad:{verdict.severity.lower()}" if verdict.outcome is Outcome.BAD else verdict.outcome.name.lower()


def pending_reports(
    app: App, verdicts: Mapping[str, Mapping[str, CheckVerdict]]
) -> tuple[ReportPlan, dict[str, SourceState]]:
    """The reports this tick may afford, worst first, and the states they show."""
    with app.store.read() as uow:
        reported = uow.reported.all()
        states = uow.states.all()
    current = {
        s: news(
            {name: outcome_code(v) for name, v in checks.items()},
            reported.get(s),
            answered=states[s].status in (Status.UP, Status.DEGRADED),
        )
        for s, checks in verdicts.items()
        if s in states
    }
    plan = plan_reports(
        current,
        reported,
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
            codes = {check: outcome_code(verdicts[report.source][check]) for check in report.checks}
            known = before.get(report.source, Reported({}, 0))
            # A change refreshes nothing but itself: the staggered refresh keeps its own clock.
            at = known.at if report.why == "changed" else now
            notified[report.source] = Reported({**known.outcomes, **codes}, at)
        uow.reported.put(notified)
