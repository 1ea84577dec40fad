"""The anomalies of one source as its page lists them: those the detector found, whether anyone was notified or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.alert import AlertState
from busta_health_dagster.domain.anomaly import Metric

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.store import UnitOfWork


@dataclass(frozen=True, slots=True)
class ShownAnomaly:
    """One finding of the last 30 days. `text` says what came, what was expected, since when, how rare, and which test.

    `score` is how many powers of ten against chance, at its strangest; `threshold` what it had to pass. `since` is its
    first bad slot, `until` when it ended (None: it lasts). `notified` says who is notified, when not everyone.
    """

    since: int
    until: int | None
    text: str
    score: float | None
    threshold: float | None
    notified: str
    ended: str
    response: bool


def anomalies_of(
    uow: UnitOfWork, name: str, rule: Rule, since: int, active: Iterable[Alert]
) -> tuple[ShownAnomaly, ...]:
    """Newest first. `active` are the source's pending and open alerts: a finding that is held back never opened."""
    opened = uow.alerts.list(sources=[name], since=since)
    every = {a.id: a for a in (*opened, *active) if a.rule == rule.name}
    found = [_shown(a) for a in every.values()]
    return tuple(sorted(found, key=lambda one: -one.since))


def _shown(alert: Alert) -> ShownAnomaly:
    text = alert.bad_reason or alert.reason
    over = alert.state is AlertState.RESOLVED
    began = (alert.first_bad_slot, alert.run_since, alert.opened_at, alert.pending_at)
    notified = "shadow: recorded, notifies no one" if alert.shadow else ""
    if alert.suppressed_by and not over:
        notified = f"held back by {alert.suppressed_by}"
    return ShownAnomaly(
        since=next(at for at in (*began, 0) if at is not None),
        until=(alert.first_good_slot or alert.resolved_at) if over else None,
        text=text,
        score=alert.worst,
        threshold=alert.limit,
        notified=notified,
        ended=alert.resolve_reason if over else "",
        response=_about_response(alert, text),
    )


def _about_response(alert: Alert, text: str) -> bool:
    """The numbers are those of the newest verdict: once that is good, only the words remember."""
    metrics = {finding.get("metric") for finding in alert.numbers.get("findings", ())}
    return Metric.RESPONSE.value in metrics or text.startswith("response time") or "slow answers" in text
