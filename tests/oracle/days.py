"""Random days, lived by the engine and by the second opinion. `make oracle` lives a thousand of them."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.policy import AlertPolicy, Escalation, Grouping, Mute, Route, Step
from busta_health_dagster.domain.rule import Condition, Pattern, Rule, Severity
from busta_health_dagster.domain.source import Selector, Source
from busta_health_dagster.domain.weekly_hours import WeeklyHours, spans_of
from busta_health_dagster.engines.alerting import actions
from busta_health_dagster.engines.maintenance import MaintenanceIndex
from busta_health_dagster.pipeline.alerting.engine import AlertEngine, CompiledRules
from tests.oracle.lifecycle import CRITICAL, WARNING, Life, Plan, quieted

T0 = 1_795_392_000  # 2026-11-23T00:00:00Z, a Monday
TICK, DAY, MIN = 300, 86_400, 60
NAMES = ("root", "middle", "leaf", "other")
ABOVE = {"root": (), "middle": ("root",), "leaf": ("middle", "root"), "other": ()}
CHANNELS = ("chat", "mail", "pager")
STEPS = (
    ((0, WARNING, ("chat",)), (30 * MIN, CRITICAL, ("chat", "mail")), (120 * MIN, 0, ("pager",))),
    ((0, WARNING, ("chat", "mail")), (60 * MIN, 0, ("mail",)), (150 * MIN, CRITICAL, ("pager", "chat"))),
)
_WORDS = {"u": Status.UP, "d": Status.DOWN, "s": Status.DEGRADED, "?": Status.UNKNOWN}


@dataclass(frozen=True)
class Deed:
    """What a person does at an instant."""

    at: int
    source: str
    what: str
    for_s: int = 0


@dataclass
class Heard:
    """What came of a day: per source its events, and (time, channel, event) of what was sent."""

    events: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))
    messages: dict[str, list[tuple[int, str, str]]] = field(default_factory=lambda: defaultdict(list))


def timeline(rng: random.Random, n: int) -> str:
    mode = rng.choice(["blips", "outages", "long", "flaps", "mixed", "unknown"])
    out, now, often = ["u"], "u", 0.02
    for i in range(1, n):
        if mode == "blips":
            now = "d" if rng.random() < 0.03 else "u"
        elif mode in {"outages", "long"}:
            change = (0.02 if now == "u" else 0.1) if mode == "outages" else 0.01
            now = ("d" if now == "u" else "u") if rng.random() < change else now
        elif mode == "flaps":
            now = rng.choice("ud") if rng.random() < 0.5 else now
        elif mode == "mixed":
            often = rng.choice([0.02, 0.5]) if i % 60 == 0 else often
            now = "d" if rng.random() < often else rng.choice("uuuus")
        else:
            now = rng.choices("ud?", [6, 3, 2])[0] if rng.random() < 0.4 else now
        out.append(now)
    return "".join(out)


def random_day(seed: int) -> tuple[Plan, dict[str, str], list[Deed]]:
    rng = random.Random(seed)
    mute = rng.choice([None, None, (22 * 3600, 24 * 3600), (0, 7 * 3600), (9 * 3600, 15 * 3600 + 30 * MIN)])
    plan = Plan(
        bad_wanted=rng.choice([1, 1, 2, 3]),
        good_wanted=rng.choice([1, 2, 2, 3]),
        steps=rng.choice(STEPS),
        repeat_s=rng.choice([1, 2, 4]) * 3600,
        ack_s=rng.choice([30 * MIN, 4 * 3600]),
        sticky=rng.random() < 0.3,
        mute=mute,
        loud_from=rng.choice([CRITICAL, CRITICAL + 1]),
        parents={name: ABOVE[name] for name in NAMES},
    )
    slots = DAY // TICK
    lines = {name: timeline(rng, slots) for name in NAMES}
    deeds = [
        Deed(
            T0 + rng.randrange(slots) * TICK + TICK // 2,
            rng.choice(NAMES),
            rng.choice(["ack", "ack", "unack", "snooze"]),
            rng.choice([10 * MIN, 45 * MIN, 3 * 3600]),
        )
        for _ in range(rng.choice([0, 10, 60]))
    ]
    return plan, lines, sorted(deeds, key=lambda d: (d.at, d.source, d.what, d.for_s))


def passes(deeds: list[Deed]) -> list[tuple[int, int | None, list[Deed]]]:
    """(instant, index of the slot observed or None, deeds): ticks, and a pass between two of them."""
    out: list[tuple[int, int | None, list[Deed]]] = []
    for i in range(DAY // TICK):
        between = T0 + i * TICK + TICK // 2
        out.append((T0 + i * TICK, i, []))
        out.append((between, None, [d for d in deeds if d.at == between]))
    return out


def second_opinion(plan: Plan, lines: dict[str, str], deeds: list[Deed]) -> Heard:
    lives = {name: Life(plan, name) for name in NAMES}
    for at, slot, done in passes(deeds):
        for life in lives.values():
            life.begin(at)
        for name, life in lives.items() if slot is not None else ():
            letter = lines[name][slot or 0]
            if letter != "?":
                life.see(letter == "d", quieted(plan, lives, name, life.severity_of_next(letter == "d")))
        for deed in done:
            life = lives[deed.source]
            if deed.what == "ack":
                life.acknowledge()
            elif deed.what == "unack":
                life.unacknowledge()
            else:
                life.snooze(deed.for_s)
        for name, life in lives.items():
            life.notice_quiet(quieted(plan, lives, name, life.severity))
            life.timers()
        for life in lives.values():
            life.speak()
    heard = Heard()
    for name, life in lives.items():
        heard.events[name], heard.messages[name] = life.events, life.messages
    return heard


def engine_of(plan: Plan) -> AlertEngine:
    depends = {"middle": ("root",), "leaf": ("middle",)}
    sources = [Source(n, "t", "http", group=n, interval_s=TICK, depends_on=depends.get(n, ())) for n in NAMES]
    rule = Rule(
        "source-down",
        Pattern.STATUS,
        (Condition("status", "==", "down"),),
        for_=plan.bad_wanted,
        recover_after=plan.good_wanted,
        severity=Severity.WARNING,
    )
    severities = {0: None, WARNING: Severity.WARNING, CRITICAL: Severity.CRITICAL}
    steps = tuple(Step(after, channels, severities[severity]) for after, severity, channels in plan.steps)
    ladder = Escalation("l", steps, plan.repeat_s, plan.ack_s, plan.sticky)
    mute = None
    if plan.mute is not None:
        begin, end = (f"{s // 3600:02d}:{s % 3600 // 60:02d}" for s in plan.mute)
        unless = Severity.CRITICAL if plan.loud_from == CRITICAL else None
        mute = Mute(WeeklyHours("UTC", spans_of([f"{begin}-{end}"])), unless)
    policy = AlertPolicy(
        {"l": ladder},
        (Route(Selector(), "l", mute=mute),),
        grouping=Grouping(by=("rule", "source"), interval_s=1, storm=1000, provider=None),
    )
    rules = CompiledRules.of(sources, (rule,), policy, dict.fromkeys(CHANNELS))
    return AlertEngine(rules, MaintenanceIndex((), T0, T0 + 2 * DAY))


def engines_own(plan: Plan, lines: dict[str, str], deeds: list[Deed]) -> Heard:
    engine, heard = engine_of(plan), Heard()
    for at, slot, done in passes(deeds):
        engine.begin(at, float(at))
        for name in NAMES if slot is not None else ():
            status = _WORDS[lines[name][slot or 0]]
            engine.rule_states[name].window.feed(at, status, 200.0, None, None, None, None, 1)
            engine.evaluate_rules(name)
        for deed in done:
            _do(engine, deed)
        changes = engine.finish()
        for record in changes.records:
            heard.events[record.alert.source] += [
                (t.at, t.surface_event) for t in record.transitions if t.surface_event not in {"pending", "cancelled"}
            ]
        for message in changes.notifications:
            for name in message.fingerprints:
                heard.messages[name.partition("/")[0]].append((message.at, message.channel, message.event.value))
    return heard


def _do(engine: AlertEngine, deed: Deed) -> None:
    alert = engine.alerts.get(f"{deed.source}/source-down")
    if alert is None or alert.state.value != "open" or (deed.what == "unack" and alert.ack is None):
        return
    now, steady = engine.now, engine.steady
    if deed.what == "ack":
        engine.note(actions.acknowledge(alert, now, steady, "op-1"))
    elif deed.what == "unack":
        engine.note(actions.unacknowledge(alert, now, steady, "op-1"))
    else:
        engine.note(actions.snooze(alert, now, steady, "op-1", deed.for_s))


def disagreements(seed: int) -> list[str]:
    """What the two say differently of this day: for each source, the first event and the first message."""
    day = random_day(seed)
    ours, theirs = engines_own(*day), second_opinion(*day)
    found = []
    for name in NAMES:
        for what, mine, other in (
            ("event", ours.events[name], theirs.events[name]),
            ("message", sorted(ours.messages[name]), sorted(theirs.messages[name])),
        ):
            if mine != other:
                at = next(i for i, (a, b) in enumerate(zip([*mine, None], [*other, None], strict=False)) if a != b)
                found.append(
                    f"day {seed}, {name}: {what} {at}: engine {mine[max(0, at - 2) : at + 2]}, oracle {other[max(0, at - 2) : at + 2]}"
                )
    return found
