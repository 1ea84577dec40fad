"""The jobs behind the gate: which there are, when they run next, and since when they wait."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.rule import Pattern
from busta_health_dagster.domain.verdict import ExternalFact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.gate import GatedJob
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

WRITTEN_EVERY_S = 300
"""An unchanged job is written again so often: it shows that its sensor lives."""
GONE_AFTER_S = 1800
"""A job whose sensor did not speak for so long was stopped or removed: it neither waits nor runs."""


def note_job(app: App, job: GatedJob) -> None:
    """What a gated sensor sees of its job now."""
    with app.store.read() as uow:
        known = next((j for j in uow.gates.jobs() if (j.location, j.job) == (job.location, job.job)), None)
    fresh = known is not None and job.evaluated_at - known.evaluated_at < WRITTEN_EVERY_S
    if known is not None and fresh and replace(known, evaluated_at=job.evaluated_at) == job:
        return
    with app.store.write() as uow:
        uow.gates.put_job(job)
        if known is None or known.held_since != job.held_since:
            uow.events.append("gate", {"job": job.job}, job.evaluated_at)


def jobs_of(app: App, uow: UnitOfWork, names: Sequence[str] | None = None) -> list[GatedJob]:
    """Jobs behind the gate of these sources (None: of any)."""
    wanted = None if names is None else set(names)
    found = uow.gates.jobs(app.now() - GONE_AFTER_S)
    return [job for job in found if wanted is None or wanted & set(job.sources)]


def held_facts(app: App, uow: UnitOfWork) -> list[ExternalFact]:
    """Every job behind the gate as a rule of pattern gate_held reads it; none where no rule does."""
    if not any(rule.pattern is Pattern.GATE_HELD for rule in app.config.rules):
        return []
    return [_fact(job, app.now()) for job in uow.gates.jobs()]


def _fact(job: GatedJob, now: int) -> ExternalFact:
    if now - job.evaluated_at > GONE_AFTER_S:
        return ExternalFact("gate", job.job, True, now, "its sensor was stopped or removed")
    if job.held_since is None:
        return ExternalFact("gate", job.job, True, now, job.reason or "its sources may be used")
    return ExternalFact("gate", job.job, False, now, job.reason, held_s=now - job.held_since)
