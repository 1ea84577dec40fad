"""Score what the sources deliver: what is due, on the sample that the health check stored, in threads; then keep it.

A metered API is not asked twice: only `fetch: true` asks again. A source that is down has NO_DATA, and its
availability is left as it is: nothing here writes an observation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from busta_health_dagster.domain.observation import Kind, Status
from busta_health_dagster.domain.units import floor_to, from_epoch
from busta_health_dagster.engines.rules import limits_for
from busta_health_dagster.engines.seasons import off_season_at, off_season_text
from busta_health_dagster.pipeline.app.freshness import STALE_INTERVALS, is_stale
from busta_health_dagster.pipeline.quality.comparing import Other
from busta_health_dagster.pipeline.quality.in_database import pushes_down
from busta_health_dagster.pipeline.quality.quality_page import write_page
from busta_health_dagster.pipeline.quality.scoring import Outcome, Task, score_source, scorer
from busta_health_dagster.wording.durations import ago, duration_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from busta_health_dagster.domain.observation import Observation, Sample, SourceState
    from busta_health_dagster.domain.quality import Learned
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.app.app import App

CHUNK = 50
"""Sources per transaction: their samples are all that is held in memory at once."""
THREADS = 4
Advance = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True)
class QualityRun:
    """What one run did. `skipped` says of each source that was not scored why not."""

    at: int
    outcomes: tuple[Outcome, ...]
    skipped: Mapping[str, str]

    @property
    def broken(self) -> tuple[Outcome, ...]:
        """Not scored because our own side is wrong: a suite, a validator, a secret."""
        return tuple(o for o in self.outcomes if o.broken)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is read of all sources at once."""

    states: Mapping[str, SourceState]
    last: Mapping[str, tuple[int, int]]
    learned: Mapping[str, Learned]


def quality_limit(app: App, source: Source) -> float:
    """The score (0-100) that is asked for: of rule low-quality, else of the source's SLA."""
    limit = limits_for(source, app.config.rules).quality
    return float(source.sla.quality * 100) if limit is None else limit


def run_quality(
    app: App,
    names: Collection[str] | None = None,
    *,
    force: bool = False,
    relearn: bool = False,
    advance: Advance | None = None,
) -> QualityRun:
    """Score these sources (None: all that have a quality spec) and keep the results.

    Without `force` only those are scored that are due and have a sample that no earlier score rests on. `relearn`
    takes the shape that is seen now as the right one. `advance(done, total)` is called with the progress.
    """
    now = app.now()
    sources = [app.config.sources[name] for name in (names if names is not None else app.config.sources)]
    skipped = {s.name: f"nothing to score it with: {s.where} has no quality" for s in sources if s.quality is None}
    resting = {s.name: gap for s in sources if (gap := off_season_at(s.active, now)) is not None}
    skipped |= {name: f"{off_season_text(gap)}: what it delivers is not scored" for name, gap in resting.items()}
    sources = [s for s in sources if s.quality is not None and s.name not in resting]
    with app.store.read() as uow:
        known = _Known(uow.states.all(), uow.quality.last_at(), uow.quality.learned())
    due: list[Source] = []
    for source in sources:
        last = known.last.get(source.name)
        every = source.quality.every_s if source.quality else 0
        if not force and last is not None and floor_to(last[0], every) == floor_to(now, every):
            skipped[source.name] = f"not due: scored at {from_epoch(last[0]):%H:%M}, every {duration_text(every)}"
        else:
            due.append(source)
    with_ = scorer(app, relearn=relearn)
    outcomes: list[Outcome] = []
    total, done = len(due), 0
    with ThreadPoolExecutor(THREADS, thread_name_prefix="quality") as pool:
        for chunk in _chunks(due):
            tasks = []
            for task in _tasks(app, chunk, known, now):
                last = known.last.get(task.source.name)
                if not force and not task.refused and last is not None and task.data_at <= last[1]:
                    skipped[task.source.name] = f"no sample newer than the one of {from_epoch(last[1]):%d %b %H:%M} UTC"
                else:
                    tasks.append(task)
            found = []
            for outcome in pool.map(lambda task: score_source(task, with_), tasks):
                found.append(outcome)
                if advance is not None:
                    advance(done + len(found), total)
            done += len(chunk)
            _keep(app, found)
            outcomes += found
    return QualityRun(now, tuple(outcomes), skipped)


def _chunks(sources: Sequence[Source]) -> Iterator[list[Source]]:
    rest = iter(sources)
    return iter(lambda: list(islice(rest, CHUNK)), [])


def _tasks(app: App, sources: Sequence[Source], known: _Known, now: int) -> list[Task]:
    samples: dict[str, tuple[Sample, int] | None] = {}
    partners = [
        app.config.sources[name] for name in {_partner(source) for source in sources} & app.config.sources.keys()
    ]
    with app.store.read() as uow:
        for source in (*sources, *partners):
            # Of a source that was never checked, the store may not even know the name.
            samples[source.name] = uow.samples.get(source.name) if source.name in known.states else None
    reasons = {s.name: _unseen(s, known.states.get(s.name), now) for s in sources}
    fetched = _fetch(app, [s for s in sources if s.quality and s.quality.fetch and not reasons[s.name]], known, now)
    tasks = []
    for source in sources:
        held = samples[source.name]
        name, learned = source.name, known.learned.get(source.name)
        slot = floor_to(now, source.interval_s)
        if reasons[name]:
            tasks.append(Task(source, now, slot, known=learned, refused=reasons[name]))
        elif name in fetched:
            sample, reason = fetched[name]
            tasks.append(Task(source, now, slot, sample, learned, reason))
        elif pushes_down(source):
            tasks.append(Task(source, now, slot, held[0] if held else None, learned))
        elif held is None or (reason := _too_old(source, held[1], now)):
            why = _no_sample(source) if held is None else reason
            tasks.append(Task(source, now, slot, known=learned, refused=why))
        else:
            tasks.append(Task(source, held[1], floor_to(held[1], source.interval_s), held[0], learned))
    return [replace(task, other=_other(app, task.source, samples, known, now)) for task in tasks]


def _partner(source: Source) -> str:
    """The name of the source that this one is compared with; empty where there is none."""
    spec = source.quality.reconcile if source.quality is not None else None
    return "" if spec is None else spec.other


def _other(
    app: App, source: Source, samples: Mapping[str, tuple[Sample, int] | None], known: _Known, now: int
) -> Other | None:
    other = app.config.sources.get(_partner(source))
    if other is None:
        return None
    held = samples[other.name]
    gap = off_season_at(other.active, now)
    why = _unseen(other, known.states.get(other.name), now) if gap is None else f"it is {off_season_text(gap)}"
    if not why:
        why = _no_sample(other) if held is None else _too_old(other, held[1], now)
    return Other(other, None if held is None else held[0], why)


def _unseen(source: Source, state: SourceState | None, now: int) -> str:
    """Why there cannot be anything to score; empty when the source answered."""
    if state is None:
        return "not observed yet; busta sources check does"
    if is_stale(source, state, now):
        return f"last observed {ago(state.observed_at, now)}; is the monitor running?"
    if state.status is Status.DOWN:
        return f"the source is down: {state.detail or state.reason}"
    if state.status is Status.UNKNOWN:
        return f"the state of the source is unknown: {state.detail or state.reason}"
    return ""


def _no_sample(source: Source) -> str:
    return f"the check stored no sample: probe {source.probe} found no records in the payload ({source.where})"


def _too_old(source: Source, taken_at: int, now: int) -> str:
    age = now - taken_at
    every = source.quality.every_s if source.quality else 0
    if age <= max(every, STALE_INTERVALS * source.interval_s):
        return ""
    return f"the newest sample is {duration_text(age)} old: the observations since then brought no records"


def _fetch(app: App, sources: Sequence[Source], known: _Known, now: int) -> dict[str, tuple[Sample | None, str]]:
    """Ask these again, within the prober's limits: (sample, why there is none). Nothing of it is stored."""
    waiting = {s.name for s in sources if now < known.states[s.name].not_before}
    found: dict[str, tuple[Sample | None, str]] = {
        name: (None, f"not asked: the source said Retry-After until {from_epoch(known.states[name].not_before):%H:%M}")
        for name in waiting
    }
    asked = [(s, now) for s in sources if s.name not in waiting]
    if asked:
        for seen in asyncio.run(app.prober.check(asked, Kind.MANUAL)):
            found[seen.source] = _answer(app.config.sources[seen.source], seen)
    return found


def _answer(source: Source, seen: Observation) -> tuple[Sample | None, str]:
    if seen.status in {Status.DOWN, Status.UNKNOWN}:
        return None, f"the fetch failed: {seen.detail or seen.reason}"
    return seen.sample, "" if seen.sample is not None else _no_sample(source)


def _keep(app: App, outcomes: Sequence[Outcome]) -> None:
    if not outcomes:
        return
    with app.store.write() as uow:
        uow.quality.add(o.scored for o in outcomes)
        for o in outcomes:
            value = o.scored.score.score
            if value is not None:
                uow.observations.score(o.scored.source, o.task.slot, value)
            # Also without data: a page must not go on showing the score of better days.
            uow.states.set_quality({o.scored.source: (value, o.scored.data_at)})
            if o.failures:
                uow.quality.put_failures(o.scored.source, o.scored.at, o.failures)
        uow.quality.put_learned({o.scored.source: o.learned for o in outcomes if o.learned is not None})
        failures = {o.scored.source: uow.quality.failures(o.scored.source) for o in outcomes}
    for o in outcomes:
        write_page(app, o.scored, quality_limit(app, o.task.source), failures[o.scored.source])
