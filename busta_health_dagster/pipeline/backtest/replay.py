"""The virtual clock: history through the real rules, detectors, lifecycle, escalation, grouping and maintenance.

Time is the slot of the tick at work. Nothing is delivered and nothing is stored: what happened comes out pass by pass,
as the `Changes` that the live pass would have written. A good observation costs one `feed` and one loop over its compiled
rules.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from busta_health_dagster.channels.event_filter import event_filters
from busta_health_dagster.domain.rule import Pattern
from busta_health_dagster.engines.alerting.actions import close
from busta_health_dagster.engines.maintenance import MaintenanceIndex
from busta_health_dagster.pipeline.alerting.engine import AlertEngine, CompiledRules
from busta_health_dagster.pipeline.anomaly.fleet_detector import Detector, watched_by
from busta_health_dagster.settings import tick_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from busta_health_dagster.domain.maintenance import Window
    from busta_health_dagster.domain.policy import AlertPolicy
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.baseline.known_events import KnownEvent
    from busta_health_dagster.pipeline.alerting.changes import Changes
    from busta_health_dagster.pipeline.alerting.engine import SourceRuleState
    from busta_health_dagster.store.history import ObservationRow

PASS_EVERY_S = 300
"""Clocks run between the ticks of sources that are checked seldom: an hourly one escalates after 30 minutes, too."""
_PROGRESS_EVERY = 5_000
CONFIRMS_FOR_S = 7200
"""A known fault explains what an anomaly finds until so long after its end."""


@dataclass(frozen=True, slots=True)
class ReplayInput:
    """What is played: who is watched by which rules, who is notified, and what was planned. `since`, `until` bound the
    history (epoch seconds).
    """

    sources: Mapping[str, Source]
    rules: tuple[Rule, ...]
    policy: AlertPolicy
    windows: tuple[Window, ...]
    since: int
    until: int
    events: tuple[KnownEvent, ...] = ()
    confirmed: tuple[tuple[str, int, int], ...] = ()
    """(source, start, end) of faults that are known to be real: an anomaly about one costs no noise budget."""


class Replay:
    """One run through history. `leaves` says when a source's history ends: what is open of it then is closed with
    `leaving` as its reason; a source without an entry stays open.
    """

    def __init__(self, script: ReplayInput, *, leaves: Mapping[str, int] | None = None, leaving: str = "") -> None:
        longest = max((s.interval_s for s in script.sources.values()), default=PASS_EVERY_S)
        planned = MaintenanceIndex(script.windows, script.since - longest, script.until + longest + 1)
        # What a source would have sent is the question, also of one that is still introduced.
        live = [replace(source, shadow_until=None) for source in script.sources.values()]
        # Recordings hold scores as far as observations brought one: without them every source would be unscored.
        rules = [rule for rule in script.rules if rule.pattern is not Pattern.NO_SCORE]
        rulebook = CompiledRules.of(live, rules, script.policy, _filters(script.policy))
        self.book = AlertEngine(rulebook, planned)
        self.detector: Detector | None = None
        watched = watched_by(script.sources.values(), script.rules)
        if watched:
            self.detector = Detector(script.sources.values(), watched, script.events, keep_cold=True)
        self._depends = bool(self.book.rules.dependencies.above)
        self._lanes = {name: SourceCursor(rule_state, planned) for name, rule_state in self.book.rule_states.items()}
        self._groups: dict[int, list[SourceCursor]] = defaultdict(list)
        self._step = min(PASS_EVERY_S, tick_of(s.interval_s for s in script.sources.values()))
        self._longest = longest
        self._confirmed: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for name, start, end in script.confirmed:
            self._confirmed[name].append((start, end + CONFIRMS_FOR_S))
        self._leaves = sorted(((at, name) for name, at in (leaves or {}).items()), reverse=True)
        self._leaving = leaving
        self.observations = 0

    def run(
        self,
        ticks: Iterable[tuple[int, Sequence[tuple[str, ObservationRow]]]],
        *,
        warm_until: int = 0,
        advance: Callable[[int, int | None], None] = lambda _done, _total: None,
        total: int | None = None,
    ) -> Iterator[Changes]:
        """What every pass changed, in order. Slots before `warm_until` only fill the windows and teach the detector."""
        before = shown = 0
        for slot, observations in ticks:
            if slot >= warm_until:
                yield from self._between(before, slot)
                before = slot
                changes = self._tick(slot, observations)
                if changes.records:
                    yield changes
            else:
                self._warm(slot, observations)
            self.observations += len(observations)
            if self.observations - shown >= _PROGRESS_EVERY:
                shown = self.observations
                advance(self.observations, total)
        yield from self._leave(None)
        advance(self.observations, total)

    def _tick(self, slot: int, observations: Sequence[tuple[str, ObservationRow]]) -> Changes:
        self.book.begin(slot, slot)
        self._take(slot, observations)
        evaluate_rules = self.book.evaluate_rules
        depth = self.book.rules.dependencies.depth
        for name, _ in sorted(observations, key=lambda o: depth(o[0])) if self._depends else observations:
            evaluate_rules(name)
        self._close_missing(slot)
        return self.book.finish()

    def _take(self, slot: int, observations: Sequence[tuple[str, ObservationRow]]) -> None:
        lanes = self._lanes
        for name, observation in observations:
            lane = lanes[name]
            if not lane.seen:
                self._groups[lane.interval].append(lane)
            lane.seen = slot
            lane.take(observation)
        self._detect(slot, observations)

    def _close_missing(self, slot: int) -> None:
        """The tick took place and has nothing of a source that was due: only this makes silence count."""
        for interval, group in self._groups.items():
            if slot % interval:
                continue
            for lane in group:
                if lane.seen == slot or slot > lane.last:
                    continue
                if lane.rule_state.window.close(slot):
                    self.book.evaluate_rules(lane.name)

    def _warm(self, slot: int, observations: Sequence[tuple[str, ObservationRow]]) -> None:
        self._take(slot, observations)
        for name, _ in observations:
            self._lanes[name].rule_state.window.fresh = 0

    def _detect(self, slot: int, seen: Sequence[tuple[str, ObservationRow]]) -> None:
        """The detector's word on this slot, put on the windows before the rules are asked."""
        if self.detector is not None and seen:
            lanes = self._lanes
            self.detector.confirm(self._known_real(slot))
            for name, verdict in self.detector.step(slot, seen, lambda name: lanes[name].maintenance).items():
                lanes[name].rule_state.window.set_anomaly(verdict)

    def _known_real(self, slot: int) -> set[str]:
        """Sources whose open anomaly is explained by a known fault, another rule's alert or a person."""
        assert self.detector is not None
        incidents = self.detector.open_incidents()
        if not incidents:
            return set()
        labelled = {
            name
            for name, opened in incidents
            if any(start <= slot and opened <= end for start, end in self._confirmed.get(name, ()))
        }
        return labelled | self.book.confirms_anomalies()

    def _between(self, before: int, slot: int) -> Iterator[Changes]:
        """The passes between two ticks. After the longest interval without any tick the monitor itself was dead: then
        no clock runs on, and no one is notified.
        """
        alive = min(slot, before + self._longest + 1) if before else 0
        for now in range(before + self._step, alive, self._step):
            yield from self._leave(now)
            if not any(a.active or a.held for a in self.book.alerts.values()):
                break
            self.book.begin(now, now)
            changes = self.book.finish()
            if changes.records:
                yield changes
        yield from self._leave(slot)

    def _leave(self, now: int | None) -> Iterator[Changes]:
        """Close what is open of sources whose history has ended by now (None: of all that leave)."""
        while self._leaves and (now is None or self._leaves[-1][0] <= now):
            at, name = self._leaves.pop()
            mine = [a for a in self.book.alerts.values() if a.source == name and a.active]
            if not mine:
                continue
            self.book.begin(at, at)
            for alert in mine:
                self.book.note(close(alert, self._leaving, at, at))
            yield self.book.plan()

    def last_seen(self, ends: Mapping[str, int]) -> None:
        """Say up to which slot each source's history reaches: after it, silence means nothing."""
        for name, last in ends.items():
            self._lanes[name].last = last


class SourceCursor:
    """A source on its way through history."""

    __slots__ = ("_begins", "_feed", "_planned", "interval", "last", "maintenance", "name", "rule_state", "seen")

    def __init__(self, rule_state: SourceRuleState, planned: MaintenanceIndex) -> None:
        self.rule_state = rule_state
        self.name = rule_state.source.name
        self.interval = rule_state.source.interval_s
        self._feed = rule_state.window.feed
        self._planned = planned.intervals(rule_state.source)
        self._begins = [begin for begin, _ in self._planned]
        self.maintenance = False
        self.seen = 0
        self.last = 1 << 62

    def take(self, observation: ObservationRow) -> None:
        slot = observation[0]
        if self._begins:
            at = bisect_right(self._begins, slot) - 1
            self.maintenance = at >= 0 and slot < self._planned[at][1]
        self._feed(
            slot,
            observation[1],
            observation[2],
            observation[3],
            observation[4],
            observation[5],
            None,
            observation[6],
            None,
            suspect=observation[7],
            maintenance=self.maintenance,
            lost=observation.lost,
            limited=observation.limited,
            light=observation.light,
            metrics=observation.metrics,
        )


def _filters(policy: AlertPolicy) -> dict[str, frozenset[str] | None]:
    """A ladder may name channels that the file does not describe; nothing is delivered, so they get every event."""
    named = {c for e in policy.escalations.values() for step in e.steps for c in step.notify}
    named |= {c for rotation in policy.on_call.values() for c in rotation.channels}
    found: dict[str, frozenset[str] | None] = dict.fromkeys(named)
    if policy.channels:
        from busta_health_dagster.channels import registry

        found |= event_filters(policy.channels, registry.load())
    return found


def ticks_of(
    observations: Mapping[str, Sequence[ObservationRow]],
) -> Iterator[tuple[int, list[tuple[str, ObservationRow]]]]:
    """Observations per source -> slot by slot, oldest first."""
    by_slot: dict[int, list[tuple[str, ObservationRow]]] = defaultdict(list)
    for name, some in observations.items():
        for observation in some:
            by_slot[observation[0]].append((name, observation))
    for slot in sorted(by_slot):
        yield slot, by_slot[slot]
