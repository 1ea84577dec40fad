"""The jobs behind the gate: which there are, when they run next, and since when they wait."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.rule import Pattern
from busta_health_dagster.domain.verdict import ExternalFact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

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
        known = next((j for j in uow.gates.jobs() if _key(j) == _key(job)), None)
    fresh = known is not None and job.evaluated_at - known.evaluated_at < WRITTEN_EVERY_S
    if known is not None and fresh and replace(known, evaluated_at=job.evaluated_at) == job:
        return
    with app.store.write() as uow:
        uow.gates.put_job(job)
        if known is None or known.held_since != job.held_since:
            uow.events.append("gate", {"job": job.job}, job.evaluated_at)


def jobs_of(app: App, uow: UnitOfWork, names: Sequence[str] | None = None) -> list[GatedJob]:
    """Jobs behind the gate of these sources (None: of any), each of a code location once."""
    wanted = None if names is None else set(names)
    found = uow.gates.jobs(app.now() - GONE_AFTER_S)
    return [job for job in merged(found) if wanted is None or wanted & set(job.sources)]


def merged(jobs: Iterable[GatedJob]) -> list[GatedJob]:
    """A job of several sensors as one: it waits where any of them holds it, for the longest; it runs next where any does."""
    of: dict[tuple[str, str], list[GatedJob]] = {}
    for job in jobs:
        of.setdefault((job.location, job.job), []).append(job)
    return [_merged(some) for some in of.values()]


def _merged(some: Sequence[GatedJob]) -> GatedJob:
    worst = min(some, key=lambda j: (j.held_since is None, j.held_since or 0, not j.reason))
    return replace(
        worst,
        sources=tuple(dict.fromkeys(name for job in some for name in job.sources)),
        next_at=min((job.next_at for job in some if job.next_at is not None), default=None),
        evaluated_at=max(job.evaluated_at for job in some),
    )


def _key(job: GatedJob) -> tuple[str, str, str]:
    return job.location, job.sensor, job.job


def held_facts(app: App, uow: UnitOfWork) -> list[ExternalFact]:
    """Every job behind the gate as a rule of pattern gate_held reads it; none where no rule does."""
    if not any(rule.pattern is Pattern.GATE_HELD for rule in app.config.rules):
        return []
    now = app.now()
    known = uow.gates.jobs()
    living = merged(job for job in known if now - job.evaluated_at <= GONE_AFTER_S)
    facts = {job.job: ExternalFact("gate", job.job, True, now, "its sensor was stopped or removed") for job in known}
    for job in sorted(living, key=lambda j: (j.held_since is not None, -(j.held_since or 0), bool(j.reason))):
        facts[job.job] = _fact(job, now)  # of several locations' jobs of one name the one that waits longest
    return list(facts.values())


def _fact(job: GatedJob, now: int) -> ExternalFact:
    if job.held_since is None:
        # A slot that was given up is no recovery: what was to run did not. Undecided, until a later slot runs.
        return ExternalFact("gate", job.job, None if job.reason else True, now, job.reason or "no slot is waiting")
    return ExternalFact("gate", job.job, False, now, job.reason, held_s=now - job.held_since)
