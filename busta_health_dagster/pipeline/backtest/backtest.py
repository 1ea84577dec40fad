"""`busta backtest`: which alerts, when, sent to which channels, if these rules had watched this history.

History is what the store holds, or files. The events come out slot by slot while the replay runs; nothing is delivered.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.rule import Pattern
from busta_health_dagster.domain.units import iso
from busta_health_dagster.engines.rules import rules_for
from busta_health_dagster.pipeline.anomaly.fleet_detector import known_events
from busta_health_dagster.pipeline.app.source_lookup import known_sources
from busta_health_dagster.pipeline.backtest.history_files import events_of, windows_of
from busta_health_dagster.pipeline.backtest.replay import Replay, ReplayInput, ticks_of
from busta_health_dagster.pipeline.maintenance.index import windows
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from busta_health_dagster.domain.maintenance import Window
    from busta_health_dagster.domain.policy import AlertPolicy
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.alerting.changes import Changes
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.pipeline.backtest.history_files import FileHistory
    from busta_health_dagster.settings import Config
    from busta_health_dagster.store.history import ObservationRow

SHOWN = frozenset(
    {"opened", "escalated", "renotified", "acked", "resolved", "suppressed", "flapping_started", "flapping_ended"}
)
"""The events of the JSON lines. Pending, cancelled and released alerts are steps on the way, not sent."""
_DAY_S = 86400


@dataclass(frozen=True, slots=True)
class BacktestRun:
    """A history with the rules to try on it. `ticks()` may be asked for again and again; slots before `since` only
    warm up. `last` says where each source's history ends.
    """

    script: ReplayInput
    ticks: Callable[[], Iterator[tuple[int, Sequence[tuple[str, ObservationRow]]]]]
    since: int
    until: int
    observations: int
    last: Mapping[str, int] = field(default_factory=dict)
    causes: tuple[tuple[str, int, int], ...] = ()
    """(source, start, end) of incidents whose cause someone noted: what is surely real."""

    @property
    def too_short_for_anomalies(self) -> str | None:
        """What to say where a rule of pattern anomaly is tried on a history from which nothing can be learned."""
        from busta_health_dagster.engines.anomaly.behaviour import YOUNG_FITS

        named = [rule.name for rule in self.script.rules if rule.pattern is Pattern.ANOMALY]
        days = (self.script.until - self.script.since) / 86_400
        if not named or days >= YOUNG_FITS:
            return None
        return (
            f"The history has {plural(round(days), 'day')}, and what is normal is learned from {YOUNG_FITS}: that rule {named[0]} "
            "finds nothing here says nothing about it. Give a longer recording."
        )

    def run(self, advance: Callable[[int, int | None], None] = lambda _done, _total: None) -> Iterator[Changes]:
        """What every pass changed, in order."""
        replay = Replay(self.script)
        replay.last_seen(self.last)
        yield from replay.run(self.ticks(), warm_until=self.since, advance=advance, total=self.observations)

    def with_rules(self, rules: Sequence[Rule]) -> BacktestRun:
        """The same history under other rules."""
        return replace(self, script=replace(self.script, rules=tuple(rules)))


def file_run(
    history: FileHistory,
    config: Config | None,
    rules: Sequence[Rule],
    policy: AlertPolicy,
    planned: tuple[Sequence[Window], Sequence[Window]] | None = None,
    *,
    since_s: int | None = None,
) -> BacktestRun:
    """Rules on files. `planned` (windows, known events) replaces those of the configuration; the files' own calendar
    counts as well. `since_s` evaluates only that long before the end of the history, and learns from the rest.
    """
    sources, (since, until) = history.sources, history.span
    of_config = (config.windows, config.events) if config is not None else ((), ())
    some, known = planned if planned is not None else of_config
    script = ReplayInput(
        sources,
        tuple(rules),
        policy,
        (*some, *(config.off_season if config is not None else ()), *windows_of(history.catalogue, sources)),
        since,
        until,
        events=events_of(history.catalogue) + known_events(known, sources, since, until),
        confirmed=tuple((label.source, label.start, label.end) for label in history.catalogue.labels),
    )
    observations = sum(len(x) for x in history.observations.values())
    last = {name: x[-1].slot for name, x in history.observations.items()}
    begin = since if since_s is None else max(since, until - since_s)
    return BacktestRun(
        script, lambda: _searched_for(ticks_of(history.observations), sources), begin, until, observations, last
    )


def _searched_for(
    ticks: Iterator[tuple[int, list[tuple[str, ObservationRow]]]], sources: Mapping[str, Source]
) -> Iterator[tuple[int, list[tuple[str, ObservationRow]]]]:
    """The ticks of a log. One of a single source is about that source and not about a monitor: where it has no line,
    someone asked for the source and found nothing. With several sources, a slot without any line was a dead monitor.
    """
    if len(sources) > 1:
        yield from ticks
        return
    (source,) = sources.values()
    before: int | None = None
    for slot, observations in ticks:
        if before is not None:
            for missed in range(before + source.interval_s, slot, source.interval_s):
                yield missed, []
        yield slot, observations
        before = slot


def stored_run(
    app: App,
    rules: Sequence[Rule],
    policy: AlertPolicy,
    planned: tuple[Sequence[Window], Sequence[Window]] | None = None,
    *,
    since_s: int = 30 * _DAY_S,
    again: bool = False,
) -> BacktestRun:
    """Rules on what the store holds, imported sources included. `again`: the history is kept in memory, because it will
    be asked for more than once.

    Raises:
        BadInput: the store holds nothing of that time.
    """
    from busta_health_dagster.pipeline.service_levels.incidents import real_incidents

    until = app.now() + 1
    with app.store.read() as uow:
        known = {s.name for s in uow.sources.all()}
        sources = {name: s for name, s in known_sources(app, uow, None).items() if name in known}
        first, newest = uow.observations.first_slot(), uow.observations.last_slot()
        some, events = planned if planned is not None else (windows(app, uow), app.config.events)
        if not sources or first is None or newest is None or newest < until - since_s:
            raise BadInput(
                f"The store holds no observation since {iso(until - since_s)}. Let the monitor run, or try the rules on "
                "files: busta backtest --observations DIR_OR_CSV"
            )
        causes = real_incidents(app, uow, sources, since=until - since_s, at=until)
    since = max(first, until - since_s)
    begin = max(first, since - _memory_s(sources, rules)) if any_detector(rules) is None else first
    script = ReplayInput(
        sources,
        tuple(rules),
        policy,
        (*some, *app.config.off_season),
        begin,
        until,
        events=known_events(events, sources, begin, until),
        confirmed=causes,
    )

    def read() -> Iterator[tuple[int, Sequence[tuple[str, ObservationRow]]]]:
        for day in range(begin, until, _DAY_S):
            with app.store.read() as uow:
                observations = uow.observations.columns(day, min(day + _DAY_S, until), list(sources))
            yield from ticks_of(observations)

    kept: list[tuple[int, Sequence[tuple[str, ObservationRow]]]] = []

    def remembered() -> Iterator[tuple[int, Sequence[tuple[str, ObservationRow]]]]:
        if not kept:
            kept.extend(read())
        yield from kept

    count = sum((until - begin) // s.interval_s for s in sources.values())
    return BacktestRun(script, remembered if again else read, since, until, count, causes=causes)


def any_detector(rules: Sequence[Rule]) -> Rule | None:
    """The anomaly rule, if there is one: it has to learn from all there is, and takes its time."""
    return next((r for r in rules if r.pattern is Pattern.ANOMALY), None)


def _memory_s(sources: Mapping[str, Source], rules: Sequence[Rule]) -> int:
    """How far back the windows of these rules reach."""
    return max(rules_for(s, rules).empty_window().lookback_s() for s in sources.values())


def tried(rules: Sequence[Rule], *, include_shadow: bool, keep_shadow: bool = False) -> tuple[Rule, ...]:
    """The rules that take part: shadow ones as live with `include_shadow`, as they are with `keep_shadow`, else not."""
    if include_shadow:
        return tuple(_live(rule) for rule in rules)
    return tuple(rules) if keep_shadow else tuple(rule for rule in rules if not rule.shadow or _wakes(rule))


def _wakes(rule: Rule) -> bool:
    """In shadow mode in general, live for some sources."""
    return any(o.changes.get("shadow") is False for o in rule.overrides)


def _live(rule: Rule) -> Rule:
    overrides = tuple(replace(o, changes={k: v for k, v in o.changes.items() if k != "shadow"}) for o in rule.overrides)
    return replace(rule, shadow=False, overrides=tuple(o for o in overrides if o.changes))


def lines(changes: Changes) -> Iterator[dict[str, Any]]:
    """The JSON lines of one pass. Shadow alerts are not sent and have none."""
    for record in changes.records:
        if record.alert.shadow:
            continue
        digests = {x.digest.reason for x in record.alert.ladders if x.digest is not None}
        put_off = {(n.event, n.channel) for n in record.not_sent if n.reason in digests}
        for t in record.transitions:
            if t.surface_event in SHOWN:
                yield {
                    "at": iso(t.at),
                    "source": record.alert.source,
                    "rule": record.alert.rule,
                    "event": t.surface_event,
                    "severity": t.severity.word,
                    "notify": [c for c in t.notify if (t.event, c) not in put_off],
                    "reason": t.reason,
                }
