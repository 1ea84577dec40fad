"""What is wrong with which upstream right now: the scenario's script, unless someone set a fault by hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from busta_health_dagster.demo.catalogue import NAMES, UPSTREAMS, phase_of
from busta_health_dagster.demo.faults import Effect, Fault
from busta_health_dagster.domain.errors import BadInput, UnknownName

if TYPE_CHECKING:
    from busta_health_dagster.demo.timeline import Scenario
    from busta_health_dagster.domain.clock import Clock

LEAD_S = 20.0
"""Scripted faults begin and end this long before their slot, so that a check at the slot's first second sees them."""


@dataclass(slots=True)
class World:
    """The fleet's one truth. `anchor` is the slot in which the demo was started; `now()` is the fleet's own clock."""

    scenario: Scenario
    clock: Clock
    anchor: int
    _by_hand: dict[str, Effect | None] = field(default_factory=dict)

    def now(self) -> float:
        return self.clock.now()

    def effect(self, source: str) -> Effect | None:
        """The fault that a source shows now, flapping resolved; None when it is up."""
        if source in self._by_hand:
            effect = self._by_hand[source]
            return effect.at(source, self.now()) if effect else None
        return self.scenario.effect(source, self.now() + LEAD_S, self.anchor)

    def set(self, source: str, fault: Fault | None, *, ms: float = 0.0, share: float = 0.0, status: int = 503) -> None:
        """Override the script for one source; None makes it well. `release` gives it back to the script.

        Raises:
            UnknownName: no such source.
            BadInput: this kind of upstream cannot show that fault.
        """
        if source not in UPSTREAMS:
            raise UnknownName(f"The demo fleet has no source {source!r}. Instead: one of {', '.join(NAMES)}")
        if fault is not None and (not UPSTREAMS[source].shows(fault) or fault is Fault.UNSEEN):
            raise BadInput(
                f"{source} ({UPSTREAMS[source].medium}) cannot show the fault {fault}. Set it on another source."
            )
        self._by_hand[source] = None if fault is None else Effect(fault, self.now(), ms, share, status)

    def release(self, source: str) -> None:
        self._by_hand.pop(source, None)

    def newest(self, source: str) -> float:
        """Epoch of the newest item that the source shows now: a stale one has nothing newer than when it began."""
        effect, now = self.effect(source), self.now()
        at = min(now, effect.since) if effect is not None and effect.fault is Fault.STALE else now
        return UPSTREAMS[source].newest(at, phase_of(source, self.anchor))

    def spoilt(self, source: str) -> float:
        """The share of rows that are bad now."""
        effect = self.effect(source)
        return (effect.share or 0.2) if effect is not None and effect.fault is Fault.BAD_QUALITY else 0.0
