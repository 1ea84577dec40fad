"""What the store remembers of the slots of the tick: asked for by the schedule, begun by a tick."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.engines.overload import REMEMBERED, SlotCount, SlotsAsked, ask, count, newly_missed
from busta_health_dagster.pipeline.app.freshness import STALE_TICKS

if TYPE_CHECKING:
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

MISSED = "busta_slots_missed_total"
_ASKED = "slots_asked"
_BEGUN = "slots_begun"


def note_asked(app: App, at: float) -> None:
    """The schedule asks for a tick in the slot of `at`, whether it is queued or skipped; counts the slots missed since.

    Raises:
        StoreError: the store cannot be used.
    """
    tick_s = app.config.tick_s
    with app.store.write() as uow:
        asked = ask(_asked(uow), floor_to(at, tick_s), tick_s, STALE_TICKS)
        asked, missed = newly_missed(asked, _begun(app, uow), app.clock.now())
        uow.meta.put(_ASKED, asdict(asked))
        if missed:
            uow.counters.add({MISSED: missed})


def note_begun(app: App, shard: int | None) -> None:
    """A tick begins: it checks what is due in the present slot.

    Raises:
        StoreError: the store cannot be used.
    """
    slot = floor_to(app.clock.now(), app.config.tick_s)
    key = f"{_BEGUN}:{shard or 0}"
    with app.store.write() as uow:
        known = uow.meta.get(key, [])
        if slot not in known:
            uow.meta.put(key, [*known, slot][-REMEMBERED:])


def slot_count(app: App, uow: UnitOfWork) -> SlotCount | None:
    """How the machine keeps up at present; None where no one can tell: no schedule asks, or none has for a while."""
    asked, now = _asked(uow), app.clock.now()
    if asked is None or asked.tick_s != app.config.tick_s:
        return None
    if now - asked.slots[-1] > (STALE_TICKS + 1) * asked.tick_s:
        return None
    return count(asked, _begun(app, uow), now)


def _asked(uow: UnitOfWork) -> SlotsAsked | None:
    kept = uow.meta.get(_ASKED)
    return None if kept is None else SlotsAsked(kept["tick_s"], tuple(kept["slots"]), kept["counted"])


def _begun(app: App, uow: UnitOfWork) -> frozenset[int]:
    """Slots in which every shard began."""
    shards = range(app.config.settings.limits.shards)
    return frozenset.intersection(*(frozenset(uow.meta.get(f"{_BEGUN}:{n}", [])) for n in shards))
