"""Who is notified, when, and through what: escalation policies, routes, grouping, inhibition, channels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from busta_health_dagster.domain.digest import Digest
from busta_health_dagster.domain.on_call import Rotation
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.domain.weekly_hours import WeeklyHours


@dataclass(frozen=True, slots=True)
class Step:
    """`after` seconds from opening; a step without severity keeps the alert's (it is `renotified`). `named`: what the
    configuration names, where rotations are among it and `notify` has who is on call.
    """

    after_s: int
    notify: tuple[str, ...]
    severity: Severity | None = None
    named: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Escalation:
    """A ladder of steps, frozen into the alert when it opens. `repeat_s` re-sends the last step reached; None:
    never. `repeat_changed`: only where something has changed since it was sent. An
    acknowledgement ends with the recovery, unless it is sticky.
    """

    name: str
    steps: tuple[Step, ...]
    repeat_s: int | None = None
    ack_timeout_s: int = 4 * 3600
    sticky_ack: bool = False
    repeat_changed: bool = False


@dataclass(frozen=True, slots=True)
class Mute:
    """Hours in which a route is not notified. What opens then waits, and is sent at the end if it is still open. An alert of at
    least the severity `unless` does not wait.
    """

    hours: WeeklyHours
    unless: Severity | None = None

    def until(self, at: float, severity: Severity) -> int | None:
        """When an alert of this severity may be sent; None: now."""
        return None if self.unless is not None and severity >= self.unless else self.hours.until(at)


@dataclass(frozen=True, slots=True)
class Route:
    """First match wins, unless `continue_`. The last route of a configuration matches everything."""

    select: Selector
    escalation: str
    continue_: bool = False
    where: str = ""
    mute: Mute | None = None
    digest: Digest | None = None


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While an alert matches `source`, alerts that match `target` and agree in `equal` are evaluated and recorded, and
    tell no one.

    Alertmanager's meaning: an alert that matches both sides does not inhibit itself. `except_rules` stay free.
    """

    source: Selector
    target: Selector
    equal: tuple[str, ...] = ("source",)


@dataclass(frozen=True, slots=True)
class ProviderGrouping:
    """When sources of one provider have one cause: at least `least` of them, and this share of all it has, fail of one rule
    within `within_s`.
    """

    least: int = 2
    share: float = 0.5
    within_s: int = 600


@dataclass(frozen=True, slots=True)
class Grouping:
    """`by` names alert fields (rule, group, source, severity, type, tier). More than `storm` openings in one tick are
    one message per route. `provider`: what fails together at one provider is one message.
    """

    by: tuple[str, ...] = ("rule", "group")
    wait_s: int = 0
    interval_s: int = 300
    storm: int = 20
    provider: ProviderGrouping | None = None


@dataclass(frozen=True, slots=True)
class ChannelSpec:
    """A configured channel. `config` is the channel kind's own validated model; only that channel reads it.

    `events` limits what is sent to it (None: the kind's own default); `per_minute` is its rate limit.
    """

    name: str
    kind: str
    config: Any = None
    fallback: str | None = None
    events: tuple[str, ...] | None = None
    per_minute: int | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class AlertPolicy:
    """Everything of alerts.yaml but the rules."""

    escalations: dict[str, Escalation] = field(default_factory=dict)
    routes: tuple[Route, ...] = ()
    inhibitions: tuple[Inhibition, ...] = ()
    grouping: Grouping = field(default_factory=Grouping)
    channels: dict[str, ChannelSpec] = field(default_factory=dict)
    on_call: dict[str, Rotation] = field(default_factory=dict)
