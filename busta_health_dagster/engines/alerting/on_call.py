"""The ladders of an alert with the people who are on call now in place of the rotations that its steps name.

Who is on call when a step is climbed, or repeated, is notified of it. Who was notified and has gone off duty stays among those
who are notified of its end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.alert import Alert, Ladder
    from busta_health_dagster.domain.policy import Step


def on_duty_now(alert: Alert, duty: Mapping[str, str]) -> Alert:
    """The same alert where nothing has changed. `duty`: rotation -> the channel on duty."""
    ladders = tuple(staffed(ladder, duty) for ladder in alert.ladders) if duty else alert.ladders
    return alert if ladders == alert.ladders else replace(alert, ladders=ladders)


def staffed(ladder: Ladder, duty: Mapping[str, str]) -> Ladder:
    steps = tuple(_staffed(step, duty) for step in ladder.policy.steps)
    return ladder if steps == ladder.policy.steps else replace(ladder, policy=replace(ladder.policy, steps=steps))


def _staffed(step: Step, duty: Mapping[str, str]) -> Step:
    named = step.named or step.notify
    if not any(name in duty for name in named):
        return step
    return replace(step, notify=tuple(dict.fromkeys(duty.get(name, name) for name in named)), named=named)
