"""A window as it lies in the store between two ticks, and back."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.verdict import Score
from busta_health_dagster.engines.rules.metrics import FIRST_CUSTOM, METRICS
from busta_health_dagster.engines.rules.window import SourceWindow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.rules.needs import Needs


def _signature(window: SourceWindow) -> str:
    """A kept state fits only a window of the same shape."""
    custom = f"|{','.join(window.custom)}" if window.custom else ""
    return f"3|{window.interval_s}|{window.bad_weight}|{window.needs}{custom}"


def _names(window: SourceWindow) -> list[str]:
    """The metrics by position."""
    gap = [""] * (FIRST_CUSTOM - len(METRICS))
    return [*METRICS, *gap, *window.custom]


def to_state(window: SourceWindow) -> dict[str, Any]:
    """A JSON-ready copy, some hundred bytes to 2 KB."""
    score = window.score
    return {
        "sig": _signature(window),
        "at": [
            window.slot,
            window.scheduled_slot,
            window.first_slot,
            window.last_verdict_slot,
            window.last_failed,
            window.lost_since,
            int(window.newest_lost),
            window.good_run,
            window.last_burnt,
            window.last_fresh,
            int(window.maintenance),
            int(window.kept_away),
        ],
        "values": list(window.values),
        "score": None if score is None else [score.at, score.score, score.raw, score.half_width, score.uncertain],
        "series": {_names(window)[i]: s.to_state() for i, s in window.series.items()},
        "rates": {str(over): r.to_state(window.interval_s) for over, r in window.rates.items()},
        "burn": None if window.burn is None else window.burn.to_state(),
        "flaps": None if window.flaps is None else window.flaps.to_state(),
        "score_awaited_since": window.score_awaited_since if window.scored else 0,
    }


def restore(source: Source, needs: Needs, state: Mapping[str, Any] | None) -> SourceWindow | None:
    """The window as it was kept; None when there is none that fits these rules: push the stored observations instead."""
    window = SourceWindow(source, needs)
    if state is None or state.get("sig") != _signature(window):
        return None
    (
        window.slot,
        window.scheduled_slot,
        window.first_slot,
        window.last_verdict_slot,
        window.last_failed,
        window.lost_since,
        lost,
        window.good_run,
        window.last_burnt,
        window.last_fresh,
        maintenance,
        kept_away,
    ) = state["at"]
    window.newest_lost, window.maintenance, window.kept_away = bool(lost), bool(maintenance), bool(kept_away)
    window.values = list(state["values"])
    if state["score"] is not None:
        window.score = Score(*state["score"])
    window.score_awaited_since = state.get("score_awaited_since", 0)
    names = _names(window)
    for metric, kept in state["series"].items():
        window.series[names.index(metric)].values = deque((int(at), float(v)) for at, v in kept)
    for over, kept in state["rates"].items():
        window.rates[int(over)].restore(kept, window.interval_s)
    if window.burn is not None:
        window.burn.restore(state["burn"])
    if window.flaps is not None:
        window.flaps.restore(state["flaps"])
    return window
