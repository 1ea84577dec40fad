"""How the newest tick of each schedule and sensor ended, in every code location. A tick that fails starts no run, so that no
run fails either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorStatus, TickStatus

from busta_health_dagster.defs.instance_stream import Budget, Owners, Stream, error_text, owners
from busta_health_dagster.domain.verdict import ExternalFact
from busta_health_dagster.settings.instance import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Mapping

    import dagster as dg
    from dagster._core.scheduler.instigation import InstigatorState, InstigatorTick

    from busta_health_dagster.pipeline.app.app import App

_ENDED = [TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.FAILURE]


def read_ticks(instance: dg.DagsterInstance, app: App, cursor: Mapping[str, Any] | None, budget: Budget) -> Stream:
    """One schedule or sensor after the other, round after round; a round that does not fit goes on with the next reading."""
    kept: Mapping[str, Any] = cursor or {"next": "", "round_at": app.clock.now(), "last": {}, "failing": []}
    states = sorted(instance.all_instigator_state(), key=lambda state: state.selector_id)
    begun = kept["round_at"] if kept["next"] else app.clock.now()
    waiting = [state for state in states if state.selector_id >= kept["next"]]
    last = {state.selector_id: kept["last"].get(state.selector_id, 0) for state in states}
    failing = {name for name in kept["failing"] if name in last}
    owned_by = owners(app)
    facts: list[ExternalFact] = []
    goes_on = ""
    for number, state in enumerate(waiting):
        if number and budget.spent:
            goes_on = state.selector_id
            break
        key = state.selector_id
        if state.status is InstigatorStatus.STOPPED:
            if key in failing:
                facts.append(
                    _fact(state, owned_by, ok=True, at=app.now(), detail="it was stopped, and has no more ticks")
                )
                failing.discard(key)
            continue
        newest = _newest(instance, state)
        if newest is None:
            continue
        ok = newest.status is not TickStatus.FAILURE
        if newest.tick_id == last[key] and ok is (key not in failing):
            continue  # one that is tried again (`max_tick_retries`) keeps its number
        last[key] = newest.tick_id
        (failing.discard if ok else failing.add)(key)
        detail = "" if ok else error_text(newest.error, app.secrets)
        facts.append(_fact(state, owned_by, ok=ok, at=int(newest.timestamp), detail=detail))
    after = {"next": goes_on, "round_at": begun, "last": last, "failing": sorted(failing)}
    return Stream(after, facts, begun if goes_on else None)


def _newest(instance: dg.DagsterInstance, state: InstigatorState) -> InstigatorTick | None:
    found = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1, statuses=_ENDED)
    return found[0] if found else None


def _fact(state: InstigatorState, owned_by: Owners, *, ok: bool, at: int, detail: str) -> ExternalFact:
    origin = state.origin.repository_origin
    location, name = origin.code_location_origin.location_name, state.instigator_name
    repository = "" if origin.repository_name == REPOSITORY else f"{origin.repository_name}@"
    kind = "sensors" if state.instigator_type is InstigatorType.SENSOR else "schedules"
    return ExternalFact(
        "tick",
        f"{location}/{name}",
        ok,
        at,
        detail,
        other_names=(name,),
        owners=owned_by("instigator", name),
        path=f"/locations/{quote(repository + location, safe='@')}/{kind}/{quote(name, safe='')}",
    )
