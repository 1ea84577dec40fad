"""Check sources and keep what was seen. What is due is decided here; how to probe is the prober's business."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.observation import Kind, Observation, Status
from busta_health_dagster.domain.retry_after import longest_pause_s
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.engines.light import is_light, with_full_verdict
from busta_health_dagster.engines.near_events import extra_slot, full_every_s, source_near
from busta_health_dagster.engines.rules import classify, limits_for
from busta_health_dagster.engines.rules.metrics import LIMITED_REASON
from busta_health_dagster.engines.seasons import off_season_at, reachability_only
from busta_health_dagster.pipeline.app.calendars import near_events
from busta_health_dagster.pipeline.app.failpoints import failpoint
from busta_health_dagster.pipeline.maintenance.index import maintenance
from busta_health_dagster.pipeline.observing.calendars import take_event_times
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from busta_health_dagster.domain.near_events import NearEvent
    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.pipeline.app.app import App


TICK_SHARE = 0.8
"""How much of a tick the observations may take: mass timeouts must not run into the next one."""


def due(sources: Iterable[Source], states: Mapping[str, SourceState], now: int) -> list[tuple[Source, int]]:
    """Sources without a scheduled observation in their present slot, each with that slot. Slots that were missed stay unknown."""
    found = []
    for source in sources:
        slot = floor_to(now, source.interval_s)
        state = states.get(source.name)
        if state is None or state.scheduled_slot is None or state.scheduled_slot < slot:
            found.append((source, slot))
    return found


def observe(app: App, shard: int | None = None) -> tuple[list[Observation], int]:
    """One tick's observations: probe what is due, evaluate it by its limits, store it. Returns what was newly stored, and how many
    were due. `shard` limits it to the sources of one of `limits.shards`. Sources with vantage points are observed from there.

    A second tick of the same slot finds nothing due; one that overlaps stores only what the first has not.
    """
    now = app.now()
    with app.store.read() as uow:
        states = uow.states.all()
        near = near_events(app, uow, now)
    mine = [s for s in app.config.sources.values() if not s.vantages and (shard is None or s.shard == shard)]
    todo = due(mine, states, now)
    more = _between_slots(mine, {s.name for s, _ in todo}, states, near, now)
    budget_s, started = TICK_SHARE * app.config.tick_s, app.clock.monotonic()
    seen = probe_due(app, todo, states, near, budget_s=budget_s)
    left_s = budget_s - (app.clock.monotonic() - started)
    if more and left_s > 0:  # what stands between the slots never makes the tick longer
        seen += probe(app, more, Kind.NEAR_EVENT, budget_s=left_s)
    failpoint("during_probe")
    return store_observations(app, seen), len(todo)


def probe_due(
    app: App,
    todo: Sequence[tuple[Source, int]],
    states: Mapping[str, SourceState],
    near: Mapping[str, NearEvent],
    *,
    budget_s: float,
) -> list[Observation]:
    """Observe these, lightly where that will do. One that asked for a pause is not asked, and unknown."""
    now = app.now()
    asked, held = [], []
    for source, slot in todo:
        state = states.get(source.name)
        if state is not None and _backs_off(state, now):
            held.append(_skipped_by_retry_after(source, slot, state, now))
        else:
            asked.append((source, slot))
    light = {s.name for s, slot in asked if is_light(s, states.get(s.name), slot, full_every_s(s, near.get(s.name)))}
    app.heartbeats.refresh()
    return [*held, *probe(app, asked, Kind.SCHEDULED, light, budget_s=budget_s)]


def _between_slots(
    sources: Iterable[Source],
    busy: Collection[str],
    states: Mapping[str, SourceState],
    near: Mapping[str, NearEvent],
    now: int,
) -> list[tuple[Source, int]]:
    """Sources near an event that are observed more often than their interval, each with the slot of now."""
    found = []
    for source in sources:
        state = states.get(source.name)
        if source.name in near and source.name not in busy and not _backs_off(state, now):
            slot = extra_slot(source, near[source.name], None if state is None else state.slot, now)
            if slot is not None:
                found.append((source, slot))
    return found


def probe(
    app: App,
    asked: Sequence[tuple[Source, int]],
    kind: Kind,
    light: Collection[str] = (),
    *,
    budget_s: float | None = None,
) -> list[Observation]:
    """Each (source, slot) once; the sources named in `light` at the place that costs nothing."""
    wanted = [(_lightly(source) if source.name in light else source, slot) for source, slot in asked]
    seen = asyncio.run(app.prober.check(wanted, kind, budget_s=budget_s))
    return [replace(o, light=True) if o.source in light else o for o in seen]


def _lightly(source: Source) -> Source:
    if source.light is None:
        return source
    return replace(source, config=source.light.config, metrics=(), quality=None, event_paths=())


def check_now(app: App, sources: Sequence[Source]) -> list[Observation]:
    """Observations that a person asked for: full ones, stored as manual, outside SLA and rollups."""
    now = app.now()
    app.heartbeats.refresh()
    return store_observations(app, probe(app, [(source, now) for source in sources], Kind.MANUAL))


def store_observations(app: App, seen: Sequence[Observation]) -> list[Observation]:
    """Evaluate by the effective limits and store; returns those that no other run had stored already."""
    if not seen:
        return []
    sources, rules = app.config.sources, app.config.rules
    states, near = _known_before(app, seen)
    watched = {o.source: source_near(sources[o.source]) if o.source in near else sources[o.source] for o in seen}
    evaluated = [scrubbed(app, _evaluated(watched[o.source], o, rules, states.get(o.source))) for o in seen]
    first, last = min(o.slot for o in evaluated), max(o.slot for o in evaluated)
    now = app.now()
    with app.store.write() as uow:
        planned = maintenance(app, uow, first, last + 1)
        inside = {o.source for o in evaluated if planned.covers(sources[o.source], o.slot)}
        stored = uow.observations.add(evaluated, in_maintenance=inside)
        uow.samples.put({o.source: o.sample for o in evaluated if o.sample is not None}, now)
        uow.states.set_not_before(pauses(evaluated, sources, uow.states.waiting(now), now))
        take_event_times(app, uow, (o for o in seen if o.event_times is not None))
        uow.counters.add(_counted(evaluated))
    failpoint("after_observe")
    return [o for o in evaluated if o.kind is not Kind.SCHEDULED or (o.source, o.slot) in stored]


def _known_before(app: App, seen: Sequence[Observation]) -> tuple[dict[str, SourceState], Mapping[str, NearEvent]]:
    """What was known of the sources that were observed lightly, and which sources are near an event."""
    names = [o.source for o in seen if o.light]
    with app.store.read() as uow:
        return uow.states.of(names) if names else {}, near_events(app, uow, app.now())


def _evaluated(source: Source, o: Observation, rules: Sequence[Rule], before: SourceState | None) -> Observation:
    """By its effective limits; off season only that it answers counts. A light one leaves what is known of the data."""
    if off_season_at(source.active, o.slot) is not None:
        return reachability_only(o)
    by_limits = classify(source, o, limits_for(source, rules))
    return with_full_verdict(by_limits, before.last_full) if o.light and before is not None else by_limits


_STAY_AWAY = frozenset({429, 503})


def pauses(
    seen: Iterable[Observation], sources: Mapping[str, Source], waiting: Collection[str], now: int
) -> dict[str, int]:
    """Source -> the instant before which no tick asks it: as long as it wishes, six intervals or an hour at most. Any
    answer but 429 and 503 ends the pause (0) of those that are `waiting`.
    """
    found: dict[str, int] = {}
    for o in seen:
        if o.retry_after_s:
            # The longest pause counts from the slot, so that an hourly source loses no second slot to two seconds.
            longest = o.slot + longest_pause_s(sources[o.source].interval_s)
            found[o.source] = int(min(now + o.retry_after_s, longest))
        elif o.source in waiting and o.http_status is not None and o.http_status not in _STAY_AWAY:
            found[o.source] = 0
    return found


def _counted(seen: Iterable[Observation]) -> dict[str, float]:
    counts: dict[str, float] = {}
    for o in seen:
        name = f'busta_checks_total{{source="{o.source}",result="{o.status.word}"}}'
        counts[name] = counts.get(name, 0) + 1
    return counts


def _backs_off(state: SourceState | None, now: int) -> bool:
    return state is not None and now < state.not_before


def _skipped_by_retry_after(source: Source, slot: int, state: SourceState, now: int) -> Observation:
    """The source asked for a pause: it is not asked, so no one knows how it is."""
    left = duration_text(state.not_before - now)
    detail = f"not asked: the source said Retry-After, {left} left"
    return Observation(source.name, slot, now, Status.UNKNOWN, LIMITED_REASON, detail, attempts=0)


def scrubbed(app: App, o: Observation) -> Observation:
    """No secret leaves this process, whatever an error text, a final URL or a payload quoted."""
    scrub = app.secrets.scrub
    return replace(
        o,
        detail=scrub(o.detail),
        facts=_clean(scrub, o.facts),
        sample=o.sample and replace(o.sample, rows=_clean(scrub, list(o.sample.rows))),
    )


def _clean(scrub: Callable[[str], str], value: Any) -> Any:
    """The value itself where nothing in it is secret: one pass over its text decides."""
    text = json.dumps(value, default=str, ensure_ascii=False)
    clean = scrub(text)
    return value if clean == text else json.loads(clean)
