"""When what the monitor knows is too old to be believed: of one source, and of the whole monitor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.wording.durations import ago, duration_text
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.domain.source import Source

LAST_TICK = "last_tick"
"""Key of what the monitor remembers of its newest finished tick: when, how long, how many."""
STALE_TICKS = 3
"""After so many ticks without a finished one the whole monitor is stale."""
STALE_INTERVALS = 3
"""After so many intervals without an observation the status of a source is unknown, whatever it was before."""


def is_stale(source: Source, state: SourceState, now: int) -> bool:
    """Whether the newest observation of `source` says nothing about it at `now` (epoch seconds): it is too old, or of a
    time to come. A clock that ran ahead and was set back leaves those, and no one can tell how old they are.
    """
    return not -source.interval_s <= now - state.observed_at <= STALE_INTERVALS * source.interval_s


def ticks_are_stale(newest: int | None, now: int, tick_s: int) -> bool:
    """Whether the whole monitor is stale: no tick finished yet, not for `STALE_TICKS`, or the newest in a time to come."""
    return newest is None or not -tick_s <= now - newest <= STALE_TICKS * tick_s


def clock_set_back(sources: Mapping[str, Source], states: Mapping[str, SourceState], now: int) -> str:
    """Empty, or what to say while sources were observed in a time to come: until the clock gets there no tick can
    observe them, because their slots have an observation already.
    """
    ahead = [s for name, s in states.items() if name in sources and s.observed_at - now > sources[name].interval_s]
    if not ahead:
        return ""
    last = max(state.observed_at for state in ahead)
    return (
        f"the clock was set back: {plural(len(ahead), 'source')} up to {duration_text(last - now)} ahead of it, unknown "
        f"until {from_epoch(last):%Y-%m-%d %H:%M} UTC"
    )


def newest_of(source: Source, state: SourceState, now: int) -> Observation:
    """The state as an observation; when it is too old to be believed, as an unknown one."""
    status, reason, detail = state.status, state.reason, state.detail
    if is_stale(source, state, now):
        status, reason = Status.UNKNOWN, "stale_monitor"
        detail = f"last observed {ago(state.observed_at, now)}"
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
