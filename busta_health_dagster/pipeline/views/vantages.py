"""How a source is seen from each of its vantage points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.units import floor_to, from_epoch, iso

if TYPE_CHECKING:
    from collections.abc import Iterator

    from busta_health_dagster.domain.documents.sources import VantageRow
    from busta_health_dagster.domain.observation import Observation
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

SLOTS = 24
"""So many of the newest slots are read, and drawn."""
AWAY = "away"


@dataclass(frozen=True, slots=True)
class SeenFrom:
    """A source from one vantage point. It is unknown where the newest answer is of no slot that still counts (`away`). `slots`
    are the newest ones, oldest first: the word of a status, None without an answer.
    """

    vantage: str
    status: Status
    reason: str
    detail: str
    newest: Observation | None
    slots: tuple[str | None, ...]

    def as_json(self) -> VantageRow:
        newest = self.newest
        return {
            "vantage": self.vantage,
            "status": self.status.word,
            "reason": self.detail or self.reason,
            "reason_code": self.reason,
            "response_ms": None if newest is None or not self.status.is_verdict else newest.response_ms,
            "observed_at": None if newest is None else iso(newest.observed_at),
            "slots": list(self.slots),
        }


def seen_from(app: App, uow: UnitOfWork, source: Source) -> tuple[SeenFrom, ...]:
    """In the order of the configuration; none for a source that is observed from here. Raises UnknownName."""
    if not source.vantages:
        return ()
    slots = _newest_slots(source, app.now(), SLOTS)
    answers = uow.vantages.at([source.name], slots)
    by_slot = [answers.get((source.name, slot), {}) for slot in slots]
    return tuple(_one(name, [answered.get(name) for answered in by_slot]) for name in source.vantages)


def _newest_slots(source: Source, now: int, count: int) -> list[int]:
    """Oldest first, the present one included."""
    present = floor_to(now, source.interval_s)
    return [present - n * source.interval_s for n in reversed(range(count))]


def _one(name: str, answers: list[Observation | None]) -> SeenFrom:
    newest = next((o for o in reversed(answers) if o is not None), None)
    words = tuple(None if o is None else o.status.word for o in answers)
    if newest is None:
        return SeenFrom(name, Status.UNKNOWN, AWAY, f"no answer in the last {len(answers)} slots", None, words)
    if not any(answers[-2:]):
        said = f"no answer since {from_epoch(newest.observed_at):%Y-%m-%d %H:%M} UTC"
        return SeenFrom(name, Status.UNKNOWN, AWAY, said, newest, words)
    return SeenFrom(name, newest.status, newest.reason, newest.detail, newest, words)


def vantage_verdicts(app: App, uow: UnitOfWork) -> Iterator[tuple[str, str, bool]]:
    """(source, vantage point, does it work) of every newest answer that says so, in the present slot or the one before."""
    watched = {s.name: s for s in app.config.sources.values() if s.vantages}
    names = uow.sources.among(list(watched)) if watched else set()
    if not names:
        return
    now = app.now()
    slots = {name: _newest_slots(watched[name], now, 2) for name in names}
    found = uow.vantages.statuses(names, {slot for some in slots.values() for slot in some})
    for name, source in watched.items():
        for vantage in source.vantages:
            slot, status = found.get(name, {}).get(vantage, (0, Status.UNKNOWN))
            if status.is_verdict and slot in slots[name]:
                yield name, vantage, status is not Status.DOWN
