"""Checks of who is notified: selectors that match nothing, routes that are never reached, channels that no one uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.self_monitoring import SELF_MONITORING_RULES, SELF_MONITORING_SOURCES
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.wording.lists import listed
from busta_health_dagster.wording.suggestions import near

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.settings.check_context import CheckContext
    from busta_health_dagster.settings.document import Place

_ONE = {"names": "source", "types": "type", "tiers": "tier", "owners": "owner", "groups": "group", "rules": "rule"}
_OWN = {
    "names": {s.name for s in SELF_MONITORING_SOURCES},
    "types": {s.type for s in SELF_MONITORING_SOURCES},
    "groups": {s.group for s in SELF_MONITORING_SOURCES},
    "rules": SELF_MONITORING_RULES,
}
"""What the monitor says itself needs no line in sources.yaml or in `rules:`."""


def _selectors(review: CheckContext) -> Iterator[tuple[str, Place, Selector]]:
    """(file, place, selector) of every `select` there is."""
    for i, rule in enumerate(review.rules):
        yield "alerts.yaml", ("rules", i, "select"), rule.select
        for j, override in enumerate(rule.overrides):
            yield "alerts.yaml", ("rules", i, "overrides", j, "select"), override.select
    for i, route in enumerate(review.policy.routes):
        yield "alerts.yaml", ("routes", i, "select"), route.select
    for i, inhibition in enumerate(review.policy.inhibitions):
        yield "alerts.yaml", ("inhibit", i, "source"), inhibition.source
        yield "alerts.yaml", ("inhibit", i, "target"), inhibition.target
    for section, windows in (("windows", review.windows), ("events", review.events)):
        for i, window in enumerate(windows):
            yield "maintenance.yaml", (section, i, "select"), window.select


def selectors_that_match_nothing(review: CheckContext) -> None:
    """First the single word that nothing has, which is usually a slip; else the combination that no source fulfils."""
    sources = [group[0] for group in review.kinds_of_source]
    known = {
        "names": list(review.sources),
        "types": _distinct(s.type for s in sources),
        "tiers": _distinct(str(s.tier) for s in sources),
        "owners": _distinct(o for s in sources for o in s.owners),
        "groups": _distinct(s.group for s in sources),
        "rules": [r.name for r in review.rules],
    }
    for file, place, selector in _selectors(review):
        if not review.sound(file):
            continue
        slips = [
            (c, i, v)
            for c, words in known.items()
            for i, v in enumerate(getattr(selector, c))
            if str(v) not in words and not _is_own(c, str(v))
        ]
        for criterion, index, value in slips:
            guess = near(str(value), known[criterion])
            says = f"Matches nothing: there is no {_ONE[criterion]} {value!r}."
            there = (
                f"{criterion}: [{guess}]" if guess else f"what there is: {listed(known[criterion], 12) or 'nothing'}"
            )
            review.warn(file, (*place, criterion, index), says, there)
        if (
            not slips
            and sources
            and not any(selector.matches(source) for source in (*sources, *SELF_MONITORING_SOURCES))
        ):
            review.warn(
                file,
                place,
                "No source fulfils all of this at once: it matches nothing.",
                "fewer criteria; all of them must hold",
            )


def _is_own(criterion: str, value: str) -> bool:
    return value in _OWN.get(criterion, ())


def _distinct(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


def default_route(review: CheckContext) -> None:
    """Every alert must reach someone: a configuration without a route that matches everything is refused."""
    policy, doc = review.policy, review.docs.get("alerts.yaml")
    if doc is None or not review.sound("alerts.yaml"):
        return
    if not policy.routes and not policy.escalations and not policy.channels:
        if review.rules:
            review.warn(
                "alerts.yaml",
                (),
                "There are rules, and no channels, escalations and routes: no one is notified.",
                "channels: [...], escalations: [...], routes: [...]",
            )
        return
    if any(route.select == Selector() for route in policy.routes):
        return
    lost = [s.name for group in review.kinds_of_source if not _is_always_notified(review, group[0]) for s in group]
    recipients = (
        f"{len(lost)} of {len(review.sources)} sources match no route: {listed(lost)}."
        if lost
        else "No route matches everything."
    )
    ladder = next(iter(policy.escalations), "default")
    review.found.add(
        doc,
        ("routes",),
        f"{recipients} Their alerts would not be sent."
        if lost
        else f"{recipients} An alert that none of them matches would not be sent.",
        f"add last:  - {{select: {{}}, escalation: {ladder}}}",
    )


def _is_always_notified(review: CheckContext, source: Source) -> bool:
    return all(
        any(route.select.matches_alert(source, rule, severity) for route in review.policy.routes)
        for rule, severity in _alerts(review.rules, source)
    )


def _alerts(rules: Iterable[Rule], source: Source) -> Iterator[tuple[str, str]]:
    """(rule, severity) of every alert that this source can have: an alert only rises."""
    for rule in rules:
        if rule.select.matches(source):
            yield from ((rule.name, severity.word) for severity in Severity if severity >= rule.severity)


def unreachable_routes(review: CheckContext) -> None:
    """A route that other routes before it always take the alerts from."""
    routes = review.policy.routes
    reached: set[int] = set()
    for group in review.kinds_of_source:
        for rule, severity in _alerts(review.rules, group[0]):
            for index, route in enumerate(routes):
                if route.select.matches_alert(group[0], rule, severity):
                    reached.add(index)
                    if not route.continue_:
                        break
    catch_all = next(
        (i for i, route in enumerate(routes) if route.select == Selector() and not route.continue_), len(routes)
    )
    for index in range(len(routes)):
        if index > catch_all:
            review.warn(
                "alerts.yaml",
                ("routes", index),
                f"Never reached: routes[{catch_all}] before it takes every alert.",
                "move it up, or remove it",
            )
        elif _takes_our_own_only(routes[index].select):
            continue
        elif index not in reached and index != catch_all and review.rules and review.sources:
            review.warn(
                "alerts.yaml",
                ("routes", index),
                "Never reached: no alert there can be matches it, or a route before it takes them all.",
                "move it up, or remove it",
            )


def _takes_our_own_only(select: Selector) -> bool:
    named = {c: [str(value) for value in getattr(select, c)] for c in ("names", "types", "rules")}
    return any(values and all(_is_own(c, value) for value in values) for c, values in named.items())


def unused_ladders(review: CheckContext) -> None:
    """Escalations without a route, channels without a step."""
    used = {route.escalation for route in review.policy.routes}
    for index, name in enumerate(review.policy.escalations):
        if name not in used:
            review.warn(
                "alerts.yaml",
                ("escalations", index),
                f"No route leads to the escalation {name!r}.",
                f"routes: [{{select: ..., escalation: {name}}}]",
            )
    notified = {channel for e in review.policy.escalations.values() for step in e.steps for channel in step.notify}
    notified |= {c for name, rotation in review.policy.on_call.items() if name in notified for c in rotation.channels}
    notified |= {spec.fallback for spec in review.policy.channels.values() if spec.fallback}
    for index, name in enumerate(review.policy.channels):
        if name not in notified:
            review.warn(
                "alerts.yaml",
                ("channels", index),
                f"No step and no fallback uses the channel {name!r}: it is never notified.",
                f"notify: [{name}] in a step, or remove it",
            )
