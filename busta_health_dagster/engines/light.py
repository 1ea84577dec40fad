"""Light observations: which ones are full, and what a light one leaves as it was.

A light observation asks a place that costs nothing: that the source answers is known each interval, what it delivers as often
as its credits pay for. What the last full observation said of the data holds until the next one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.engines.rules.metrics import LIMITED_REASON
from busta_health_dagster.engines.seasons import CONTENT_REASONS, off_season_at

if TYPE_CHECKING:
    from busta_health_dagster.domain.observation import FullObservation, Observation, SourceState
    from busta_health_dagster.domain.source import Source


def is_light(source: Source, state: SourceState | None, slot: int, every_s: int) -> bool:
    """Is the observation of this slot a light one, where the payload is due `every_s`? Not before any was full, and not after
    a full one that brought nothing: it is repeated at once. Off season no payload is evaluated, and none is paid for.
    """
    if source.light is not None and off_season_at(source.active, slot) is not None:
        return True
    if source.light is None or state is None:
        return False
    last = state.last_full
    return _delivered(last) and slot - last.slot < every_s


def with_full_verdict(o: Observation, last: FullObservation) -> Observation:
    """A light observation of a source whose data were found wanting: they still are, as far as anyone knows."""
    if last.status is Status.UP or last.reason not in CONTENT_REASONS:
        return o
    if not o.status.is_verdict or o.status > last.status:
        return o
    said = f"{last.detail} (full observation of {from_epoch(last.observed_at):%H:%M} UTC)"
    return o.evaluated(last.status, last.reason, said)


def _delivered(last: FullObservation) -> bool:
    answered = last.status in (Status.UP, Status.DEGRADED) and last.reason != LIMITED_REASON
    return answered or last.reason in CONTENT_REASONS
