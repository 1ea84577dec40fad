"""What was seen, brought into the rules' windows and judged, look by look; and the asset checks as they are now.

Each source has its own cursor, `evaluated_slot`: a global id cursor would lose rows that commit out of order. A pass
that died after the observation is made up by the next one.

A look older than three intervals opens nothing: it may continue and end what is open. So neither an import of a month
nor the first pass after a long absence tells anybody of the past; what is still bad now is told by the newest looks.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.units import duration_text, floor_to
from busta_health_dagster.domain.verdict import Score
from busta_health_dagster.engines.rules import check_verdicts, failure_check, limits_for, quality_check
from busta_health_dagster.pipeline.alert_book import AlertBook, Rulebook, Seat

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from busta_health_dagster.domain.anomaly import AnomalyVerdict
    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.domain.verdict import CheckVerdict
    from busta_health_dagster.engines.maintenance import MaintenanceIndex
    from busta_health_dagster.pipeline.app import App
    from busta_health_dagster.store import UnitOfWork

STALE_INTERVALS = 3
"""Without an observation for so many intervals the monitor does not know, whatever it saw before."""
OPENS_WITHIN_INTERVALS = 3
"""An older look opens no alert."""


def is_stale(source: Source, state: SourceState, now: int) -> bool:
    return now - state.observed_at > STALE_INTERVALS * source.interval_s


@dataclass(slots=True)
class Intake:
    """The sources of one pass: their seats, from where each is read, and whose window has changed.

    `cursors` are the slots after which looks are read; `rebuilt` windows have to be filled from the store first.
    """

    seats: dict[str, Seat]
    cursors: dict[str, int] = field(default_factory=dict)
    rebuilt: dict[str, int] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    looks: int = 0

    @property
    def since(self) -> int | None:
        """The oldest slot that is read."""
        starts = [*self.cursors.values(), *self.rebuilt.values()]
        return min(starts) if starts else None


def seat(uow: UnitOfWork, rules: Rulebook, states: Mapping[str, SourceState], names: Collection[str] | None) -> Intake:
    """The windows of these sources (None: of all that were ever looked at), as they were kept."""
    kept = uow.rule_windows.all(names)
    intake = Intake({})
    for name, compiled in rules.compiled.items():
        state = states.get(name)
        if state is None or (names is not None and name not in names):
            continue
        window = compiled.window(kept.get(name))
        if window is None:
            window = compiled.empty_window()
            intake.rebuilt[name] = state.slot - window.lookback_s()
            intake.changed.add(name)
        if state.pending:
            oldest = state.slot - max(window.lookback_s(), OPENS_WITHIN_INTERVALS * compiled.source.interval_s)
            intake.cursors[name] = state.evaluated_slot or oldest
        intake.seats[name] = Seat(compiled, window)
    return intake


def take_in(
    uow: UnitOfWork, book: AlertBook, intake: Intake, states: Mapping[str, SourceState], *,
    by_hand: Iterable[Observation] = (), anomalies: Mapping[tuple[str, int], AnomalyVerdict] | None = None,
) -> None:  # fmt: skip
    """Push every look that no pass has taken in yet, and judge each as it is pushed."""
    _rebuild(uow, intake, states, book.planned)
    found = anomalies or {}
    for some in _together(intake, states):
        since = min(intake.cursors[name] for name in some) + 1
        until = max(states[name].slot for name in some) + 1
        for name, seen in uow.observations.window(some, since, until).items():
            _judge_new(book, intake, name, [o for o in seen if o.slot > intake.cursors[name]], found)
            intake.changed.add(name)
    for o in by_hand:
        window = intake.seats[o.source].window
        window.push(o)
        if (o.source, o.slot) in found:
            window.set_anomaly(found[o.source, o.slot])
        book.judge(o.source)
        intake.changed.add(o.source)
        intake.looks += 1


def take_scores(uow: UnitOfWork, book: AlertBook, intake: Intake, states: Mapping[str, SourceState]) -> None:
    """Quality scores that are newer than the last one a window knows, with what makes them uncertain."""
    new = {
        name: (state.quality_at, state.quality)
        for name, taken in intake.seats.items()
        if (state := states[name]).quality is not None
        and state.quality_at is not None
        and _is_new(taken.window.score, state.quality, state.quality_at, taken.source)
    }
    if not new:
        return
    exact = uow.quality.for_rules(min(at for at, _ in new.values()))
    for name, (at, value) in new.items():
        source = intake.seats[name].source
        score = exact.get(name)
        if score is None or score.at != at:
            score = Score(at, value)
        if intake.seats[name].window.push_score(score):
            every = source.quality.every_s if source.quality is not None else source.interval_s
            book.judge(name, may_open=at >= book.now - OPENS_WITHIN_INTERVALS * every)
            intake.changed.add(name)


def _is_new(known: Score | None, value: float, at: int, source: Source) -> bool:
    """A score that came with an observation lies in the window under its slot, in the state under the instant of the
    look: once is enough.
    """
    if known is None:
        return True
    with_a_look = known.raw is None and known.score == value and at - known.at < source.interval_s
    return known.at < at and not with_a_look


def close_slots(book: AlertBook, intake: Intake, finished_at: int | None) -> None:
    """Slots of the last finished tick that have nothing of a source: only this makes silence count."""
    if finished_at is None:
        return
    for name, taken in intake.seats.items():
        interval = taken.source.interval_s
        slot = floor_to(finished_at, interval)
        if taken.window.close(slot):
            book.judge(name, may_open=slot >= book.now - OPENS_WITHIN_INTERVALS * interval)
            intake.changed.add(name)


def keep(uow: UnitOfWork, intake: Intake, states: Mapping[str, SourceState]) -> None:
    """Windows and cursors as this pass leaves them."""
    uow.rule_windows.put({name: intake.seats[name].window.to_state() for name in sorted(intake.changed)})
    uow.states.set_evaluated({name: states[name].scheduled_slot or 0 for name in intake.cursors})


def _rebuild(uow: UnitOfWork, intake: Intake, states: Mapping[str, SourceState], planned: MaintenanceIndex) -> None:
    """Fill windows that were lost, or that the rules no longer fit, with what was evaluated before; judged it was."""
    for names in _by_interval(intake, intake.rebuilt):
        since = min(intake.rebuilt[name] for name in names) + 1
        until = max(states[name].evaluated_slot for name in names) + 1
        if until <= since:
            continue
        for name, looks in uow.observations.columns(since, until, names).items():
            seat_, done = intake.seats[name], states[name].evaluated_slot
            for look in looks:
                if intake.rebuilt[name] < look.slot <= done:
                    seat_.window.feed(
                        look.slot, look.status, look.response_ms, look.items, look.data_age_s, look.quality,
                        None, look.attempts, suspect=look.suspect,
                        maintenance=planned.covers(seat_.source, look.slot), lost=look.lost, limited=look.limited,
                    )  # fmt: skip
            seat_.window.fresh = 0


def _judge_new(
    book: AlertBook, intake: Intake, name: str, seen: Sequence[Observation],
    anomalies: Mapping[tuple[str, int], AnomalyVerdict],
) -> None:  # fmt: skip
    taken = intake.seats[name]
    source, window, planned = taken.source, taken.window, book.planned
    opens_from = book.now - OPENS_WITHIN_INTERVALS * source.interval_s
    for o in seen:
        if not window.push(o, maintenance=planned.covers(source, o.slot)):
            continue
        if anomalies and (name, o.slot) in anomalies:
            window.set_anomaly(anomalies[name, o.slot])
        book.judge(name, may_open=o.slot >= opens_from)
        intake.looks += 1


def _by_interval(intake: Intake, names: Iterable[str]) -> list[list[str]]:
    groups: dict[int, list[str]] = defaultdict(list)
    for name in names:
        groups[intake.seats[name].source.interval_s].append(name)
    return list(groups.values())


def _together(intake: Intake, states: Mapping[str, SourceState]) -> list[list[str]]:
    """Sources to read in one query: one that is far behind must not make the others' stretch long."""
    groups: dict[tuple[int, bool], list[str]] = defaultdict(list)
    for name, cursor in intake.cursors.items():
        interval = intake.seats[name].source.interval_s
        groups[interval, states[name].slot - cursor > 2 * interval].append(name)
    return list(groups.values())


def verdicts_of(
    app: App, states: Mapping[str, SourceState], seats: Mapping[str, Seat], now: int
) -> dict[str, dict[str, CheckVerdict]]:
    """The asset checks of every source as they are now."""
    out: dict[str, dict[str, CheckVerdict]] = {}
    for name, taken in seats.items():
        source, state = taken.source, states[name]
        limits = limits_for(source, app.config.rules)
        checks = dict(check_verdicts(source, limits, newest_of(source, state, now)))
        rate = taken.window.rates.get(limits.failure_over_s or 0)
        if rate is not None:
            checks["failure_rate"] = failure_check(source, limits, rate.bad, rate.looked)
        if source.quality is not None:
            checks["quality"] = quality_check(source, limits, taken.window.score, now)
        out[name] = checks
    return out


def newest_of(source: Source, state: SourceState, now: int) -> Observation:
    """The state as an observation; when it is too old to be believed, as an unknown one."""
    status, reason, detail = state.status, state.reason, state.detail
    if is_stale(source, state, now):
        status, reason = Status.UNKNOWN, "stale_monitor"
        detail = f"nobody has looked for {duration_text(now - state.observed_at)}"
    unknown = status is Status.UNKNOWN
    return Observation(
        source.name,
        state.slot,
        state.observed_at,
        status,
        reason,
        detail,
        response_ms=None if unknown else state.response_ms,
        data_age_s=None if unknown else state.data_age_s,
        items=state.items,
        attempts=state.attempts,
        http_status=state.http_status,
    )
