"""The configuration of configuration.md as values, and a small player that runs verdicts through the lifecycle."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from busta_health_dagster.domain.alert import Alert, Transition
from busta_health_dagster.domain.alert_replay import replay, snapshot
from busta_health_dagster.domain.observation import Kind, Observation, Status
from busta_health_dagster.domain.policy import AlertPolicy, Escalation, Grouping, Inhibition, Route, Step
from busta_health_dagster.domain.rule import Condition, Override, Pattern, Rule, Severity
from busta_health_dagster.domain.source import QualitySpec, Selector, Source
from busta_health_dagster.domain.verdict import Outcome, Verdict
from busta_health_dagster.engines.alerting.lifecycle import advance
from busta_health_dagster.engines.alerting.routing import route
from busta_health_dagster.engines.alerting.transition import Context, Intent, NotSent
from busta_health_dagster.engines.alerting.transition import TransitionResult as Done

T0 = 1_795_420_200  # 2026-11-23T07:50:00Z
TICK = 300
MIN, HOUR = 60, 3600

ODDS = Source(
    "odds_api",
    "odds",
    "http",
    group="odds_and_scores",
    tier=1,
    max_data_age_s=600,
    tags={"provider": "odds-example"},
    owners=("team:data",),
    quality=QualitySpec(suite="odds"),
)
STATS = Source("pfr_stats", "stats", "http", group="stats", max_data_age_s=26 * HOUR)
NEWS = Source("rss_news", "news", "feed", group="news", tier=3)

DOWN = Rule("source-down", Pattern.STATUS, (Condition("status", "==", "down"),))
SLOW = Rule(
    "slow-response",
    Pattern.THRESHOLD,
    (Condition("response_ms", ">", 5000.0),),
    for_=2,
    overrides=(Override(Selector(types=("stats",)), {"value": 8000.0}),),
)
RATE = Rule("failure-rate", Pattern.RATE, (Condition("failed", ">", 5.0),), over_s=6 * HOUR, min_bad=4)
QUALITY = Rule("low-quality", Pattern.THRESHOLD, (Condition("quality", "<", 90.0),), for_=2)
STALE = Rule("stale-data", Pattern.THRESHOLD, (Condition("data_age_s", ">", "max_data_age"),))
ANOMALY = Rule("anomaly", Pattern.ANOMALY, shadow=True)
BURN = Rule("budget-burn", Pattern.BURN_RATE, severity=Severity.CRITICAL)
NO_DATA = Rule("no-data", Pattern.NO_DATA, intervals=3)
RULES = (DOWN, SLOW, RATE, QUALITY, STALE, ANOMALY, BURN, NO_DATA)

DEFAULT = Escalation(
    "default",
    (
        Step(0, ("slack-data",), Severity.WARNING),
        Step(30 * MIN, ("slack-data", "mail-oncall"), Severity.CRITICAL),
        Step(2 * HOUR, ("pager",)),
    ),
    repeat_s=4 * HOUR,
)
GENTLE = Escalation(
    "slow",
    (Step(0, ("slack-data",), Severity.WARNING), Step(4 * HOUR, ("slack-data", "mail-oncall"), Severity.CRITICAL)),
    repeat_s=24 * HOUR,
)
POLICY = AlertPolicy(
    escalations={"default": DEFAULT, "slow": GENTLE},
    routes=(
        Route(Selector(rules=("source-down", "no-data")), "default"),
        Route(Selector(severities=("critical",)), "default"),
        Route(Selector(), "slow"),
    ),
    inhibitions=(Inhibition(Selector(rules=("source-down",)), Selector(rules=("slow-response", "stale-data"))),),
    grouping=Grouping(),
)
CHANNELS = {"slack-data": None, "mail-oncall": frozenset({"opened", "escalated", "resolved"}), "pager": None}


def look(n: int, status: str = "up", source: Source = ODDS, **more: Any) -> Observation:
    """The n-th scheduled observation after T0."""
    slot = T0 + n * source.interval_s
    more.setdefault("response_ms", None if status in ("down", "unknown") else 200.0)
    return Observation(source.name, slot, slot + 2, Status[status.upper()], **more)


def fleet(pattern: str, source: Source = ODDS) -> tuple[Observation, ...]:
    """`ud?s`: up, down, unknown, degraded; one scheduled observation each, from T0 on."""
    words = {"u": "up", "d": "down", "?": "unknown", "s": "degraded"}
    return tuple(look(i, words[c], source) for i, c in enumerate(pattern))


def by_hand(n: int, status: str = "up", source: Source = ODDS, **more: Any) -> Observation:
    return replace(look(n, status, source, **more), kind=Kind.MANUAL)


@dataclass
class Player:
    """Runs verdicts of one rule and source at times that the test names; keeps everything that came out."""

    rule: Rule = DOWN
    source: Source = ODDS
    policy: AlertPolicy = POLICY
    alert: Alert | None = None
    transitions: list[Transition] = field(default_factory=list)
    not_sent: list[NotSent] = field(default_factory=list)
    steps: list[Done] = field(default_factory=list)
    story: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def see(self, word: str, at: float, **more: Any) -> Done:
        """`bad`, `good` or `unknown` at T0 + `at` seconds; `pass` is a pass without a verdict."""
        verdict = None
        if word != "pass":
            about = {
                k: more.pop(k)
                for k in ("value", "limit", "severity", "settled", "numbers", "news", "recovered")
                if k in more
            }
            verdict = Verdict(Outcome[word.upper()], int(T0 + at), word, **about)
        steady = more.pop("steady", T0 + at)
        now = more.pop("now", int(T0 + at))
        ctx = Context(
            now, steady, self.source, more.pop("rule", self.rule), lambda s, r, v: route(self.policy, s, r, v), **more
        )
        return self.keep(advance(self.alert, verdict, ctx))

    def keep(self, step: Done) -> Done:
        if step.superseded is not None:
            self.transitions = []
        self.alert = step.alert
        self.transitions += step.transitions
        self.not_sent += step.not_sent
        self.steps.append(step)
        self.story += [(t.event.value, t.notify) for t in step.transitions]
        if step.alert is not None and self.transitions:
            assert replay(self.transitions) == snapshot(step.alert)
            assert Alert.from_dict(step.alert.to_dict()) == step.alert
        return step

    def every(self, words: str, start: float = 0, tick: float = TICK, **more: Any) -> float:
        """`bbg.`: bad, bad, good, nothing new; one tick apart. Returns the time after the last."""
        names = {"b": "bad", "g": "good", "u": "unknown", ".": "pass"}
        for i, letter in enumerate(words):
            self.see(names[letter], start + i * tick, **more)
        return start + len(words) * tick

    @property
    def events(self) -> list[str]:
        return [event for event, _ in self.story]


def told(p: Player) -> list[tuple[int, str, str, tuple[str, ...]]]:
    return [(t.at - T0, t.event.value, t.reason, t.notify) for t in p.transitions]


def not_told(p: Player) -> list[tuple[int, str, str, str]]:
    return [(n.at - T0, n.event.value, n.channel, n.reason) for n in p.not_sent]


def intents(p: Player) -> list[Intent]:
    return [i for step in p.steps for i in step.intents]


def kept(p: Player, *names: str) -> list[object]:
    assert p.alert is not None
    return [getattr(p.alert, name) for name in names]
