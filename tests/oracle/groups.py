"""When a group speaks, a second time: random fleets whose warnings and criticals open minute by minute, by the engine and in other words.

Each source has one outage, told of by one rule; ladders have one step. What is left is who waits for whom.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.policy import AlertPolicy, Escalation, Grouping, Route, Step
from busta_health_dagster.domain.rule import Condition, Pattern, Rule, Severity
from busta_health_dagster.domain.source import Selector, Source
from busta_health_dagster.engines.maintenance import MaintenanceIndex
from busta_health_dagster.pipeline.alerting.engine import AlertEngine, CompiledRules
from tests.oracle.days import DAY, MIN, T0

HOURS = 3
EVERY = 5
"""Minutes between two observations of a source; each has its own minute."""
ROUTES = ("chat", "mail")
Sent = tuple[int, str, str]


@dataclass(frozen=True)
class Outage:
    """Minutes: observed from `first` on, every EVERY, bad until `end`."""

    source: str
    group: str
    channel: str
    critical: bool
    phase: int
    first: int
    end: int

    def looks(self, minute: int) -> bool:
        return minute % EVERY == self.phase

    def bad(self, minute: int) -> bool:
        return self.first <= minute < self.end


def random_fleet(seed: int) -> tuple[int, int, list[Outage]]:
    """(`wait` and `interval` in minutes, the outages)."""
    rng = random.Random(seed)
    wait, interval = rng.choice([0, 0, 1, 7]), rng.choice([5, 5, 12, 30])
    outages = []
    for n in range(rng.choice([3, 8, 20])):
        first = rng.randrange(HOURS * 60 - 40)
        outages.append(
            Outage(
                f"s{n:02}",
                rng.choice(["g0", "g0", "g1"]),
                rng.choice(ROUTES),
                rng.random() < 0.4,
                rng.randrange(EVERY),
                first,
                first + rng.choice([4, 6, 15, 60]),
            )
        )
    return wait, interval, outages


def second_opinion(wait: int, interval: int, outages: list[Outage]) -> set[Sent]:
    """A warning waits until its group has been silent towards its readers for `interval`; everything waits for `wait`."""
    spoke: dict[tuple[str, str], int] = {}
    waiting: dict[str, int] = {}
    open_now: set[str] = set()
    sent: set[Sent] = set()
    for minute in range(HOURS * 60):
        for one in outages:
            if not one.looks(minute):
                continue
            if one.bad(minute) and one.source not in open_now:
                open_now.add(one.source)
                last = spoke.get((one.group, one.channel))
                chatter = last is not None and minute < last + interval and not one.critical
                waiting[one.source] = last + interval if chatter and last is not None else minute + wait
            elif not one.bad(minute) and one.source in open_now:
                open_now.remove(one.source)
                waiting.pop(one.source, None)
        told = [one for one in outages if waiting.get(one.source, HOURS * 60) <= minute]
        for one in told:
            del waiting[one.source]
            sent.add((minute, one.channel, one.source))
            spoke[one.group, one.channel] = minute
    return sent


def engines_own(wait: int, interval: int, outages: list[Outage]) -> set[Sent]:
    engine, sent = _engine(wait, interval, outages), set()
    for minute in range(HOURS * 60):
        at = T0 + minute * MIN
        engine.begin(at, float(at))
        for one in outages:
            if one.looks(minute):
                bad = one.bad(minute)
                status = Status.DOWN if bad and one.critical else Status.UP
                slow = 9_000.0 if bad and not one.critical else 200.0
                response = None if status is Status.DOWN else slow
                engine.rule_states[one.source].window.feed(at, status, response, None, None, None, None, 1)
                engine.evaluate_rules(one.source)
        for message in engine.finish().notifications:
            if message.event.value == "opened":
                sent |= {(minute, message.channel, name.partition("/")[0]) for name in message.fingerprints}
    return sent


def disagreements(seed: int) -> list[str]:
    """What the two say differently of this fleet."""
    fleet = random_fleet(seed)
    ours, theirs = engines_own(*fleet), second_opinion(*fleet)
    only = [("engine", ours - theirs), ("oracle", theirs - ours)]
    return [f"fleet {seed}: only the {who} tells {sorted(some)}" for who, some in only if some]


def _engine(wait: int, interval: int, outages: list[Outage]) -> AlertEngine:
    sources = [Source(o.source, "t", "http", group=o.group, interval_s=EVERY * MIN) for o in outages]
    rules = (
        Rule("dark", Pattern.STATUS, (Condition("status", "==", "down"),), recover_after=1, severity=Severity.CRITICAL),
        Rule("slow", Pattern.THRESHOLD, (Condition("response_ms", ">", 5_000.0),), recover_after=1),
    )
    ladders = {c: Escalation(c, (Step(0, (c,)),), DAY) for c in ROUTES}
    routes = tuple(Route(Selector(names=tuple(o.source for o in outages if o.channel == c)), c) for c in ROUTES)
    used = tuple(r for r in routes if r.select.names)
    policy = AlertPolicy(
        ladders,
        used,
        grouping=Grouping(by=("group",), wait_s=wait * MIN, interval_s=interval * MIN, storm=1000, provider=None),
    )
    return AlertEngine(
        CompiledRules.of(sources, rules, policy, dict.fromkeys(ROUTES)), MaintenanceIndex((), T0, T0 + DAY)
    )
