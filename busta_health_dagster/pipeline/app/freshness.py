"""When what the monitor knows is too old to be believed: of one source, and of the whole monitor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.domain.source import Source

LAST_TICK = "last_tick"
"""Key of what the monitor remembers of its newest finished tick: when, how long, how many."""
STALE_TICKS = 3
"""After so many ticks without a finished one the whole monitor is stale."""
STALE_INTERVALS = 3
"""After so many intervals without an observation the status of a source is unknown, whatever it was before."""


def is_stale(source: Source, state: SourceState, now: int) -> bool:
    """Whether the newest observation of `source` is too old to say anything about it at `now` (epoch seconds)."""
    return now - state.observed_at > STALE_INTERVALS * source.interval_s


def newest_of(source: Source, state: SourceState, now: int) -> Observation:
    """The state as an observation; when it is too old to be believed, as an unknown one."""
    status, reason, detail = state.status, state.reason, state.detail
    if is_stale(source, state, now):
        status, reason = Status.UNKNOWN, "stale_monitor"
        detail = f"no observation for {duration_text(now - state.observed_at)}"
    unknown = status is Status.UNKNOWN
    return Observation(
        source.name,
        state.slot,
        state.observed_at,
        status,
        reason,
        detail,
        response_ms=None if unknown else state.response_ms,
        data_age_s=None if unknown else state.data_age_s,
        items=state.items,
        attempts=state.attempts,
        http_status=state.http_status,
    )
