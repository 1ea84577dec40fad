"""May anything downstream use these sources now? Read from the store; nothing is probed."""

from __future__ import annotations

import difflib
from contextlib import nullcontext
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import BadInput, UnknownName
from busta_health_dagster.domain.gate import GateAnswer, GatePolicy
from busta_health_dagster.domain.verdict import CheckVerdict, Outcome
from busta_health_dagster.engines.gate import usable_verdict
from busta_health_dagster.pipeline.app.freshness import is_stale
from busta_health_dagster.wording.lists import listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from busta_health_dagster.domain.gate import UsableVerdict
    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork

USABLE_CHECK = "usable"
"""The asset check that says so: the only blocking one."""
NOTHING_MORE = GatePolicy()


def ask(
    app: App,
    names: Sequence[str] = (),
    *,
    consumer: str | None = None,
    policy: GatePolicy = NOTHING_MORE,
    within: UnitOfWork | None = None,
) -> GateAnswer:
    """The gate of these sources, or where none is named of those that `consumer` uses. `policy` and the consumer's may
    only ask for more. `within` a reading that is under way already: on Postgres each one costs three round trips.

    Raises:
        UnknownName: a source or a consumer that is not configured.
        BadInput: no source at all.
    """
    if consumer is not None:
        known = app.config.consumers.get(consumer)
        if known is None:
            raise UnknownName(f"No consumer is called {consumer!r}. {_near(consumer, app.config.consumers)}")
        policy = policy.tightened(known.policy)
        names = names or known.sources
    for name in names:
        if name not in app.config.sources:
            raise UnknownName(f"No source is called {name!r}. {_near(name, app.config.sources)}")
    if not names:
        raise BadInput("The gate of no source was asked for. Name one or more: busta gate check odds_api")
    with nullcontext(within) if within is not None else app.store.read() as uow:
        return GateAnswer(app.now(), tuple(verdicts(app, uow, uow.states.of(names), names, policy=policy).values()))


def verdicts(
    app: App,
    uow: UnitOfWork,
    states: Mapping[str, SourceState],
    names: Sequence[str],
    *,
    policy: GatePolicy = NOTHING_MORE,
) -> dict[str, UsableVerdict]:
    """Of these configured sources, by name, each once and in this order."""
    now = app.now()
    overrides = uow.gates.overrides(now)
    asked = {name: app.config.sources[name].gate.tightened(policy) for name in names}
    scored = [name for name, wish in asked.items() if wish.min_quality is not None and name in states]
    why = uow.quality.no_scores(unscored(states[name] for name in scored))
    out = {}
    for name, wish in asked.items():
        source, state = app.config.sources[name], states.get(name)
        stale = state is not None and is_stale(source, state, now)
        out[name] = usable_verdict(
            source,
            state,
            stale=stale,
            now=now,
            policy=wish,
            override=overrides.get(name),
            no_score=why.get(name, ""),
        )
    return out


def unscored(states: Iterable[SourceState]) -> list[str]:
    """Names of those that were validated, and that came to no score."""
    return [state.source for state in states if state.quality is None and state.quality_at is not None]


def usable_check(verdict: UsableVerdict) -> CheckVerdict:
    """The verdict as an asset check. Never unknown: whether a source may be used is always decided."""
    outcome = Outcome.GOOD if verdict.usable else Outcome.BAD
    return CheckVerdict(USABLE_CHECK, outcome, "ERROR", verdict.reason)


def _near(name: str, known: Mapping[str, object]) -> str:
    near = difflib.get_close_matches(name, known, n=3)
    if near:
        return f"Did you mean {' or '.join(near)}?"
    return f"There are: {listed(sorted(known), 10)}." if known else "There is none; see docs/gate.md."
