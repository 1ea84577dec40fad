"""What one tick hands to the bank: arrays in the order of the bank's names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from busta_health_dagster.engines.baseline.known_events import Calendar
from busta_health_dagster.engines.baseline.units import Array

NOT_DUE = -1
UNKNOWN, UP, DEGRADED, DOWN = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Tick:
    """All arrays are (N,). NaN: not measured. `status`: -1 not due, 0 unknown, 1 up, 2 degraded, 3 down.

    `slots` are epoch seconds, each source's own slot; a slot not after the source's last one is ignored, so a tick
    that runs twice counts once. `maintenance` excludes the slot. `kind` (-1 none), `position` (0-1) and `near`: the
    known event. A response time that is suspect (overloaded monitor) is handed in as NaN. `metrics`: a source's own
    numbers of this slot, by its name.
    """

    slots: Array
    status: Array
    response_ms: Array
    items: Array
    quality: Array
    data_age_s: Array
    maintenance: Array
    kind: Array
    position: Array
    near: Array
    metrics: dict[str, Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def blank(cls, n: int, slot: int) -> "Tick":
        """No one is due; the arrays are to be filled in."""
        return cls(
            slots=np.full(n, slot, np.int64),
            status=np.full(n, NOT_DUE, np.int8),
            maintenance=np.zeros(n, bool),
            response_ms=np.full(n, np.nan),
            items=np.full(n, np.nan),
            quality=np.full(n, np.nan),
            data_age_s=np.full(n, np.nan),
            kind=np.full(n, -1, np.int8),
            position=np.zeros(n),
            near=np.zeros(n, bool),
        )

    def mark_events(self, calendar: Calendar, names: Sequence[str], slot: int) -> None:
        """Fills kind, position and near: the shared events at `slot`, then those of single sources."""
        standing = calendar.at(slot)
        self.kind[:], self.position[:], self.near[:] = standing.kind, standing.position, standing.near
        if calendar.special:
            for i, name in enumerate(names):
                if name in calendar.special:
                    own = calendar.at(slot, name)
                    self.kind[i], self.position[i], self.near[i] = own.kind, own.position, own.near
