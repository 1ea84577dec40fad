"""The anomaly detector's place in a pass: what was seen since it last ran, evaluated in order, once.

Its state, its verdicts, the alerts that follow and the cursor of the rules are written in one transaction: a pass that
dies leaves none of it, and the next one does it again. A state also carries its own slot, so that nothing is ever
learned twice. Observations that are older than an alert may be are only learned from, apart and in portions (`catch_up`): so
are the weeks that the store holds when the rule is switched on.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import TYPE_CHECKING

from busta_health_dagster.domain.anomaly import AnomalyVerdict, Judgement
from busta_health_dagster.domain.units import iso
from busta_health_dagster.engines.maintenance import MaintenanceIndex
from busta_health_dagster.engines.rules import anomaly_check, rolled_out
from busta_health_dagster.pipeline.anomaly.fleet_detector import Detector, known_events, watched_by
from busta_health_dagster.pipeline.app.calendars import calendar_events
from busta_health_dagster.pipeline.app.failpoints import failpoint
from busta_health_dagster.pipeline.maintenance.index import maintenance
from busta_health_dagster.store.baselines import Learned

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.verdict import CheckVerdict
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork
    from busta_health_dagster.store.history import ObservationRow

_LOG = logging.getLogger(__name__)

KINDS = "anomaly_event_kinds"
"""Known events in the order in which the profiles number them; never renumbered."""
NEAR_S = 1800
DAY_S = 86_400
LEARN_S = 28 * DAY_S
"""How much history a source without a state learns from: a profile rests on three weeks."""
MANY = 1000
MOST_PENDING = 288
"""As many slots of a source are made up within a pass; of a longer stretch all but the newest observations are history."""
EVALUATED_INTERVALS = 3
"""Observations older than this open no alert: there is nothing to evaluate."""

Found = dict[tuple[str, int], AnomalyVerdict]


def watched(app: App, names: Collection[str] | None = None) -> dict[str, Rule]:
    """Source -> its rule of pattern anomaly, of these sources (None: of all) as far as they are configured."""
    sources = app.config.sources
    return watched_by(
        sources.values() if names is None else [sources[n] for n in names if n in sources], app.config.rules
    )


def target_of(state: SourceState, interval_s: int) -> int:
    """Up to where observations are history: evaluated already, or too old for a notification."""
    return max(state.evaluated_slot, (state.scheduled_slot or 0) - EVALUATED_INTERVALS * interval_s)


def evaluate_pending(
    app: App,
    uow: UnitOfWork,
    names: Collection[str],
    states: Mapping[str, SourceState],
    planned: MaintenanceIndex,
    confirmed: Collection[str] = (),
) -> Found:
    """What the detector says of every pending observation of these sources, learned and written in the caller's transaction.

    A source that still has history to learn from is unknown. An open anomaly of a `confirmed` source is known to be
    real: it costs no noise budget.
    """
    rules = watched(app)
    pending = [name for name in names if name in rules and states[name].scheduled_slot is not None]
    if not pending:
        return {}
    learned = uow.baselines.learned()
    behind = _behind(app, uow, learned, states, pending)
    said: Found = {}
    ready: dict[str, int] = {}
    for name in pending:
        if name in behind:
            newest, reason = states[name].scheduled_slot or 0, f"still learning from history up to {iso(behind[name])}"
            said[name, newest] = AnomalyVerdict(Judgement.UNKNOWN, reason, open=False, opened_at=None, score=0.0)
        else:
            known = learned.get(name)
            ready[name] = known.slot if known is not None else target_of(states[name], _interval(app, name))
    observations = _observations(app, uow, ready, {name: states[name].scheduled_slot or 0 for name in ready})
    if not observations:
        return said
    newest_of = {name: slot for slot in sorted(observations) for name, _ in observations[slot]}
    scores = _new_scores(learned, states, newest_of)
    detector = load_detector(app, uow, rules, min(observations), max(observations) + 1)
    covers = _covers(app, planned)
    detector.confirm(confirmed)
    for slot in sorted(observations):
        seen = [
            (n, x._replace(quality=scores[n][1]) if newest_of[n] == slot and n in scores and x.quality is None else x)
            for n, x in observations[slot]
        ]
        for name, verdict in detector.step(slot, seen, covers(slot), uow.baselines.cold).items():
            said[name, slot] = verdict
    now = {
        name: Learned(slot, scores[name][0] if name in scores else _quality_at(learned, name), said[name, slot])
        for name, slot in newest_of.items()
    }
    save_detector(app, uow, detector, now)
    failpoint("after_detect")
    return said


def catch_up(
    app: App,
    *,
    for_s: float | None = None,
    history_s: int = LEARN_S,
    advance: Callable[[int, int | None], None] = lambda _done, _all: None,
) -> bool:
    """Learn from stored observations that cause no notification any more, oldest first; -> is there nothing left?

    `for_s` bounds the seconds this may take (None: as long as it takes), `history_s` how far back a source without a
    state begins. Another process that learned meanwhile wins:
    what was computed here is dropped then. `advance` is called with the seconds of history done and in all.
    """
    rules = watched(app)
    if not rules:
        return True
    started, done = app.clock.monotonic(), 0
    with app.store.read() as uow:
        states = {n: s for n, s in uow.states.all().items() if n in rules and s.scheduled_slot is not None}
        learned = uow.baselines.learned()
        todo = _behind(app, uow, learned, states, list(states))
        if not todo:
            return True
        begins = {n: max(learned[n].slot if n in learned else 0, until - history_s) for n, until in todo.items()}
        first = max(min(begins.values()), (uow.observations.first_slot() or 0) - 1)
        last = max(todo.values())
        detector = load_detector(app, uow, rules, first, last + 1)
        planned = maintenance(app, uow, first, last + 1)
    covers = _covers(app, planned)
    at = first
    while at < last:
        until = min(at + (DAY_S if len(todo) <= MANY else DAY_S // 4), last)
        with app.store.read() as uow:
            some = [n for n in todo if begins[n] < until and todo[n] > at]
            observations = _observations(
                app, uow, {n: max(begins[n], at) for n in some}, {n: min(todo[n], until) for n in some}
            )
            for slot in sorted(observations):
                detector.step(slot, observations[slot], covers(slot), uow.baselines.cold)
        reached = {n: Learned(min(todo[n], until), _listened(states[n], min(todo[n], until))) for n in some}
        with app.store.write() as uow:
            present = uow.baselines.learned()
            if any(present.get(n) != learned.get(n) for n in some):
                _LOG.info(
                    "another process learned meanwhile; what this one learned of %d sources is dropped", len(some)
                )
                return False
            save_detector(app, uow, detector, reached)
        learned |= reached
        done, at = done + until - at, until
        advance(done, last - first)
        if for_s is not None and app.clock.monotonic() - started > for_s:
            break
    return at >= last


def load_detector(
    app: App, uow: UnitOfWork, rules: Mapping[str, Rule], since: int, until: int, names: Collection[str] | None = None
) -> Detector:
    """The detector as it was kept, with the known events of [since, until); with `names`, of these sources alone."""
    sources = app.config.sources
    events = known_events(app.config.events, sources, since - NEAR_S, until + NEAR_S)
    events += calendar_events(app, uow)
    chosen = sources.values() if names is None else [sources[name] for name in names]
    detector = Detector(chosen, rules, events, kinds=uow.meta.get(KINDS, ()))
    detector.load(uow.baselines.hot(names))
    return detector


def save_detector(app: App, uow: UnitOfWork, detector: Detector, learned: Mapping[str, Learned]) -> None:
    """Write what these sources have learned."""
    now = app.now()
    for name, why in detector.unreadable.items():
        _LOG.warning(
            "The baseline of %s cannot be read (%s) and starts again; its band is young for three weeks", name, why
        )
    if detector.unreadable:
        uow.counters.add({"busta_baselines_restarted_total": len(detector.unreadable)})
        detector.unreadable.clear()
    uow.baselines.put(learned, detector.dump(learned), now)
    uow.baselines.put_cold(detector.take_cold(), now)
    if detector.calendar.kinds != uow.meta.get(KINDS, []):
        uow.meta.put(KINDS, detector.calendar.kinds)


def checks(app: App, states: Mapping[str, SourceState], now: int) -> dict[str, CheckVerdict]:
    """The asset check `anomaly` of those sources that a rule watches, from what was said last. A rule in shadow mode has
    none, nor has a source that is not rolled out yet.
    """
    rules = watched(app, states)
    if not rules:
        return {}
    with app.store.read() as uow:
        learned = uow.baselines.learned()
    return {
        name: check_of(app, name, learned.get(name), now)
        for name, rule in rules.items()
        if not rolled_out(rule, app.config.sources[name], now).shadow
    }


def check_of(app: App, name: str, learned: Learned | None, now: int) -> CheckVerdict:
    """One source's; a word that is older than three intervals says nothing of now."""
    interval = _interval(app, name)
    if learned is None or learned.verdict is None:
        return anomaly_check(None, None)
    return anomaly_check(learned.verdict, now - learned.slot if now - learned.slot > 3 * interval + interval else None)


def _interval(app: App, name: str) -> int:
    return app.config.sources[name].interval_s


def _behind(
    app: App, uow: UnitOfWork, learned: Mapping[str, Learned], states: Mapping[str, SourceState], names: Iterable[str]
) -> dict[str, int]:
    """Sources that have observations to learn from before any is evaluated, and up to which slot."""
    late = {}
    for name in names:
        state, known, interval = states[name], learned.get(name), _interval(app, name)
        if known is None or not (
            known.slot >= state.evaluated_slot and (state.scheduled_slot or 0) - known.slot <= MOST_PENDING * interval
        ):
            late[name] = target_of(state, interval)
    new = [n for n in late if n not in learned]
    if new:
        keys = {uow.sources.get(n).id: n for n in new}
        first = {keys[key]: begin for key, (begin, _) in uow.states.spans(keys).items()}
        for name in new:
            if first.get(name, late[name] + 1) > late[name]:
                del late[name]  # its first observation is the one that is evaluated now
    return late


def _observations(
    app: App, uow: UnitOfWork, after: Mapping[str, int], until: Mapping[str, int]
) -> dict[int, list[tuple[str, ObservationRow]]]:
    """Slot -> the scheduled observations of these sources in (after, until]; one query per interval."""
    groups: dict[int, list[str]] = defaultdict(list)
    for name in after:
        groups[_interval(app, name)].append(name)
    found: dict[int, list[tuple[str, ObservationRow]]] = defaultdict(list)
    for names in groups.values():
        since, last = min(after[n] for n in names) + 1, max(until[n] for n in names) + 1
        for name, observations in uow.observations.columns(since, last, names).items():
            for observation in observations:
                if name in after and after[name] < observation.slot <= until[name]:
                    found[observation.slot].append((name, observation))
    return found


def _new_scores(
    learned: Mapping[str, Learned], states: Mapping[str, SourceState], names: Iterable[str]
) -> dict[str, tuple[int, float]]:
    """Quality scores that the detector was not given yet: (instant of the data, score)."""
    found = {}
    for name in names:
        score, at = states[name].quality, states[name].quality_at
        if score is not None and at is not None and at > _quality_at(learned, name):
            found[name] = (at, score)
    return found


def _quality_at(learned: Mapping[str, Learned], name: str) -> int:
    return learned[name].quality_at if name in learned else 0


def _listened(state: SourceState, slot: int) -> int:
    """The newest score that history up to this slot can have held."""
    return slot if state.quality_at is None else min(state.quality_at, slot + NEAR_S)


def _covers(app: App, planned: MaintenanceIndex) -> Callable[[int], Callable[[str], bool]]:
    sources = app.config.sources
    return lambda slot: lambda name: planned.covers(sources[name], slot)
