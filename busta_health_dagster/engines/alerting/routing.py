"""Which escalation an alert takes: routes in order, the first that matches wins unless it says `continue`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.ladder import Ladder
from busta_health_dagster.domain.self_monitoring import MONITOR

if TYPE_CHECKING:
    from busta_health_dagster.domain.policy import AlertPolicy, Route
    from busta_health_dagster.domain.rule import Severity
    from busta_health_dagster.domain.source import Selector, Source

_FIELDS = ("names", "types", "tags", "tiers", "owners", "groups", "rules", "severities")


@dataclass(frozen=True, slots=True)
class Considered:
    """One route as `alerts explain` prints it. `number` counts from 1; `matched` is None where it was not checked."""

    number: int
    select: str
    matched: bool | None
    reason: str


@dataclass(frozen=True, slots=True)
class Routed:
    """The ladders an alert climbs, and every route with why it was or was not taken."""

    ladders: tuple[Ladder, ...]
    considered: tuple[Considered, ...]


def route(policy: AlertPolicy, source: Source, rule: str, severity: Severity) -> Routed:
    """The ladders of an alert that opens now. One that matches nothing takes the last route: every alert reaches a channel."""
    ladders: list[Ladder] = []
    considered: list[Considered] = []
    stopped = False
    for number, candidate in enumerate(policy.routes, 1):
        text = selector_text(candidate.select)
        if stopped:
            considered.append(Considered(number, text, None, "not checked"))
            continue
        miss = mismatch(candidate.select, source, rule, severity.word)
        if miss:
            considered.append(Considered(number, text, False, miss))
            continue
        ladders.append(_ladder(policy, candidate, number, source))
        stopped = not candidate.continue_
        goes_on = "stop" if stopped else "continue"
        considered.append(Considered(number, text, True, f"matches -> {candidate.escalation}; {goes_on}"))
    if not ladders and policy.routes:
        last = policy.routes[-1]
        ladders.append(_ladder(policy, last, len(policy.routes), source))
        considered.append(
            Considered(len(policy.routes), "default", True, f"nothing matched -> {last.escalation}, the last")
        )
    return Routed(tuple(ladders), tuple(considered))


def _ladder(policy: AlertPolicy, taken: Route, number: int, source: Source) -> Ladder:
    # What the monitor says of itself waits for no morning: by then it may say nothing more.
    digest = None if source.name == MONITOR.name else taken.digest
    return Ladder(policy.escalations[taken.escalation], number, mute=taken.mute, digest=digest)


def mismatch(select: Selector, source: Source, rule: str, severity: str) -> str:
    """Why a selector does not match this alert; nothing when it does."""
    if select.matches_alert(source, rule, severity):
        return ""
    is_ = {
        "names": source.name,
        "types": source.type,
        "tiers": source.tier,
        "groups": source.group,
        "rules": rule,
        "severities": severity,
    }
    for name, value in is_.items():
        wanted = getattr(select, name)
        if wanted and value not in wanted:
            return f"{name} is {value}, not {' or '.join(map(str, wanted))}"
    for key, wanted in select.tags.items():
        if source.tags.get(key) != wanted:
            return f"tag {key} is {source.tags.get(key, 'not set')}, not {wanted}"
    return f"owners are {', '.join(source.owners) or 'none'}, not {' or '.join(select.owners)}"


def selector_text(select: Selector) -> str:
    """`rules: [source-down], tiers: [1]`, or `everything`."""
    parts = []
    for name in _FIELDS:
        value = getattr(select, name)
        if name == "tags" and value:
            parts.append("tags: {" + ", ".join(f"{k}: {v}" for k, v in value.items()) + "}")
        elif value:
            parts.append(f"{name}: [{', '.join(map(str, value))}]")
    return ", ".join(parts) or "everything"
