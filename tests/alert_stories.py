"""A small monitor on a real store, with a clock that moves when asked to and sources that are as the story says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from busta_health_dagster import bootstrap
from busta_health_dagster.channels import registry
from busta_health_dagster.domain.alert import AlertState
from busta_health_dagster.domain.alert_replay import replay, snapshot
from busta_health_dagster.domain.observation import Kind, Observation, Status
from busta_health_dagster.domain.policy import AlertPolicy, ChannelSpec, Escalation, Grouping, Route, Step
from busta_health_dagster.domain.rule import Condition, Pattern, Rule, Severity
from busta_health_dagster.domain.source import Selector, Source
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.pipeline.alerting.alert_pass import AlertPassResult, alert_pass
from busta_health_dagster.pipeline.app.app import App, Channels
from busta_health_dagster.pipeline.app.freshness import LAST_TICK
from busta_health_dagster.pipeline.observing.observe import store_observations
from busta_health_dagster.settings import Config, Secrets
from busta_health_dagster.settings.home import Home
from busta_health_dagster.testing import EPOCH, FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.domain.maintenance import Window
    from busta_health_dagster.store import Store

TICK, MIN, HOUR = 300, 60, 3600
T0 = int(EPOCH)
ODDS = Source(
    "odds_api", "odds", "http", group="odds_and_scores", tier=1, owners=("team:data",), feeds=("models/moneyline",)
)
WEATHER = Source("weather_api", "weather", "http", group="context")
DOWN = Rule("source-down", Pattern.STATUS, (Condition("status", "==", "down"),), where="config/alerts.yaml:4")
SLOW = Rule(
    "slow-response", Pattern.THRESHOLD, (Condition("response_ms", ">", 5000.0),), for_=2, where="config/alerts.yaml:9"
)
QUALITY = Rule("low-quality", Pattern.THRESHOLD, (Condition("quality", "<", 90.0),), for_=2)
NO_DATA = Rule("no-data", Pattern.NO_DATA, intervals=3)
DEFAULT = Escalation(
    "default",
    (
        Step(0, ("chat",), Severity.WARNING),
        Step(30 * MIN, ("chat", "mail"), Severity.CRITICAL),
        Step(2 * HOUR, ("pager",)),
    ),
    repeat_s=4 * HOUR,
)
POLICY = AlertPolicy(
    escalations={"default": DEFAULT},
    routes=(Route(Selector(), "default"),),
    grouping=Grouping(),
    channels={name: ChannelSpec(name, "console", events=None) for name in ("chat", "mail", "pager")},
)


def app_on(
    store: Store,
    *,
    sources: Iterable[Source] = (ODDS, WEATHER),
    rules: Iterable[Rule] = (DOWN, SLOW, QUALITY, NO_DATA),
    policy: AlertPolicy = POLICY,
    windows: Iterable[Window] = (),
    clock: FakeClock | None = None,
    now: float = EPOCH,
) -> App:
    """The application on this store; its configuration is made here, not read."""
    config = Config(
        Path("config"), {s.name: s for s in sources}, rules=tuple(rules), policy=policy, windows=tuple(windows)
    )
    with store.write() as uow:
        uow.sources.sync(config.sources.values(), int(now))

    def no_prober(app: App) -> Any:
        raise AssertionError("this story checks nothing by itself")

    def channels(app: App) -> Channels:
        return Channels(registry.load([]), lambda timeout: None)  # type: ignore[arg-type, return-value]

    return App(
        home=Home(Path("home")),
        config=config,
        store=store,
        secrets=Secrets({}, Path("config")),
        clock=clock or FakeClock(now),
        make_prober=no_prober,
        make_channels=channels,
        make_rulebook=bootstrap.make_rulebook,
    )


@dataclass
class Story:
    """Ticks, one after the other: `tick(odds_api="down")`; sources that are not named are up."""

    app: App
    default: Any = "up"
    passes: list[AlertPassResult] = field(default_factory=list)

    @property
    def clock(self) -> FakeClock:
        assert isinstance(self.app.clock, FakeClock)
        return self.app.clock

    def look(self, **states: Any) -> list[Observation]:
        """Store one slot's looks; None: no one checked that source."""
        now = self.app.now()
        seen = [
            observed(s, floor_to(now, s.interval_s), state)
            for s in self.app.config.sources.values()
            if (state := states.get(s.name, self.default)) is not None
        ]
        return store_observations(self.app, seen)

    def tick(self, **states: Any) -> AlertPassResult:
        """Look, pass, note the tick as finished, and let five minutes go by."""
        at = self.app.now()
        self.look(**states)
        passed = self.pass_(ticking=True)
        with self.app.store.write() as uow:
            uow.meta.put(LAST_TICK, {"started_at": at, "at": at})
        self.clock.advance(TICK)
        return passed

    def pass_(self, **options: Any) -> AlertPassResult:
        self.passes.append(alert_pass(self.app, **options))
        return self.passes[-1]

    def ticks(self, n: int, **states: Any) -> list[tuple[str, str]]:
        return [event for _ in range(n) for event in events(self.tick(**states))]

    def with_(self, **changes: Any) -> Story:
        """The same store and clock under another configuration."""
        return Story(replace(self.app, config=replace(self.app.config, **changes)), self.default)

    def alert(self, fingerprint: str) -> Any:
        with self.app.store.read() as uow:
            return uow.alerts.latest([fingerprint]).get(fingerprint)

    def messages(self) -> list[tuple[str, str]]:
        """(channel, kind) of everything in the outbox, oldest first."""
        with self.app.store.read() as uow:
            return [
                (r.message.channel, r.message.kind) for r in reversed(uow.outbox.list("waiting", "done", limit=1000))
            ]

    def payloads(self) -> list[dict[str, Any]]:
        with self.app.store.read() as uow:
            return [dict(r.message.payload) for r in reversed(uow.outbox.list("waiting", "done", limit=1000))]

    def check_folds(self) -> None:
        """Invariants 1 and 7, on what the store has: one active alert per fingerprint, and transitions tell the state."""
        with self.app.store.read() as uow:
            alerts = uow.alerts.list(limit=1000)
            for alert in alerts:
                story = [t.transition for t in uow.transitions.of(alert.id or 0)]
                assert replay(story).state is snapshot(alert).state
                assert replay(story).severity is snapshot(alert).severity
        active = [a.fingerprint for a in alerts if a.state in {AlertState.OPEN, AlertState.PENDING}]
        assert len(active) == len(set(active))


def observed(source: Source, slot: int, state: Any, kind: Kind = Kind.SCHEDULED) -> Observation:
    """`"down"`, `"unknown"`, `"network"`, or a response time in milliseconds."""
    if isinstance(state, int | float):
        ms = float(state)
        return Observation(source.name, slot, slot, Status.UP, kind=kind, response_ms=ms, items=14, data_age_s=60.0)
    if state == "network":
        return Observation(source.name, slot, slot, Status.UNKNOWN, "network", "monitor network", kind=kind)
    status = Status[state.upper()]
    ms = 200.0 if status in {Status.UP, Status.DEGRADED} else None
    detail = "HTTP 503" if status is Status.DOWN else ""
    reason = "http_status" if status is Status.DOWN else "ok" if ms else "probe_error"
    age = 60.0 if ms else None
    return Observation(
        source.name, slot, slot, status, reason, detail, kind=kind, response_ms=ms, items=14, data_age_s=age
    )


def events(passed: AlertPassResult) -> list[tuple[str, str]]:
    """(fingerprint, event) of a pass."""
    return [(t.fingerprint, t.event.value) for t in passed.changes.transitions]
