"""A route's escalation as an alert keeps it, and how far the alert has climbed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.digest import Digest
from busta_health_dagster.domain.policy import Escalation, Mute, Step
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.weekly_hours import WeeklyHours

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Ladder:
    """A route's escalation as it was when the alert opened.

    `step` counts from 1; `notified_s` is the clock at the last message, `said` what is compared with it before it is repeated.
    """

    policy: Escalation
    route: int
    step: int = 0
    notified_s: float = 0.0
    mute: Mute | None = None
    digest: Digest | None = None
    said: str = ""

    @property
    def names(self) -> frozenset[str]:
        """Every channel of every step."""
        return frozenset(c for step in self.policy.steps for c in step.notify)

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels that the step reached notifies."""
        return self.policy.steps[self.step - 1].notify if self.step else ()


def ladder_out(ladder: Ladder) -> dict[str, Any]:
    """As it is stored with its alert."""
    policy = ladder.policy
    steps = [
        {"after_s": s.after_s, "notify": list(s.notify), "severity": s.severity, "named": list(s.named)}
        for s in policy.steps
    ]
    out: dict[str, Any] = {"name": policy.name, "steps": steps, "repeat_s": policy.repeat_s}
    out |= {
        "ack_timeout_s": policy.ack_timeout_s,
        "sticky_ack": policy.sticky_ack,
        "route": ladder.route,
        "step": ladder.step,
        "notified_s": ladder.notified_s,
        "mute": None if ladder.mute is None else asdict(ladder.mute),
        "digest": None if ladder.digest is None else asdict(ladder.digest),
        "repeat_changed": policy.repeat_changed,
        "said": ladder.said,
    }
    return out


def ladder_in(data: Mapping[str, Any]) -> Ladder:
    """The same back; what older versions did not store is as it was then."""
    steps = tuple(
        Step(
            s["after_s"],
            tuple(s["notify"]),
            None if s["severity"] is None else Severity(s["severity"]),
            tuple(s.get("named", ())),
        )
        for s in data["steps"]
    )
    policy = Escalation(
        data["name"],
        steps,
        data["repeat_s"],
        data["ack_timeout_s"],
        data.get("sticky_ack", False),
        data.get("repeat_changed", False),
    )
    digest = data.get("digest")
    return Ladder(
        policy,
        data["route"],
        data["step"],
        data.get("notified_s", data.get("told_s", 0.0)),
        _mute_in(data.get("mute")),
        None if digest is None else Digest(**digest),
        data.get("said", ""),
    )


def _mute_in(data: Mapping[str, Any] | None) -> Mute | None:
    if data is None:
        return None
    hours = data["hours"]
    unless = None if data["unless"] is None else Severity(data["unless"])
    return Mute(WeeklyHours(hours["zone"], tuple((start, end) for start, end in hours["spans"])), unless)
