"""Confirmed before anyone is notified: a rule that says `confirm` opens only when what it found lasts.

A source that is down for one slot is most often up again a minute later. It is observed again 30 s and 90 s after the slot, and
opens when it is still down at the second of these, or at its next slot where that is sooner or no one observed in between
(recorded history).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from busta_health_dagster.domain.alert import Alert, AlertState
from busta_health_dagster.domain.units import floor_to

if TYPE_CHECKING:
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.source import Source

AFTER_S: Final = (30, 90)


def lasts(rule: Rule, source: Source, since: int | None, slot: int) -> bool:
    """Has it been bad for long enough, from its first bad slot to this one?"""
    return not rule.confirm or since is None or slot - since >= wait_s(source)


def wait_s(source: Source) -> int:
    """How long a source must stay bad."""
    return min(AFTER_S[-1], source.interval_s)


def due(alert: Alert, rule: Rule, source: Source, observed_at: int, now: int) -> bool:
    """Is it time to observe this source again, whose newest observation is of `observed_at`?"""
    waits = alert.state is AlertState.PENDING or (alert.state is AlertState.RESOLVED and alert.bad_run > 0)
    since = alert.run_since
    if not (rule.confirm and waits) or since is None or alert.suppressed_by or lasts(rule, source, since, observed_at):
        return False
    if floor_to(now, source.interval_s) > since:
        return False  # its next slot has begun: a tick observes it
    return any(observed_at < since + after <= now for after in AFTER_S)
