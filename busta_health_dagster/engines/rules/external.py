"""Failing checks and runs of the other assets in the same Dagster instance, and jobs that wait at the gate: open-source Dagster
alerts on none of them.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from busta_health_dagster.domain.rule import Pattern, Rule
from busta_health_dagster.domain.units import config_duration
from busta_health_dagster.domain.verdict import ExternalFact, Outcome, Verdict
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Iterable


_KINDS = {Pattern.DAGSTER_CHECK: "check", Pattern.DAGSTER_RUN: "run", Pattern.GATE_HELD: "gate"}
HELD_S = 600
"""How long a job may wait at the gate, where its rule does not say."""


def evaluate_external(rule: Rule, facts: Iterable[ExternalFact]) -> list[Verdict]:
    """One verdict per fact that the rule's `assets` and `jobs` patterns match (none given: all); newest fact per name.

    A fact whose `ok` is None (running, never executed) is unknown, and silent. Hand in facts that are new since the
    last pass.
    """
    kind = _KINDS[rule.pattern]
    globs = rule.assets if kind == "check" else rule.jobs
    newest: dict[str, ExternalFact] = {}
    for fact in facts:
        subject = fact.name.rpartition(":")[0] if kind == "check" else fact.name
        if fact.kind != kind or (
            globs and not any(fnmatchcase(subject, g) or fnmatchcase(fact.name, g) for g in globs)
        ):
            continue
        if fact.name not in newest or newest[fact.name].at <= fact.at:
            newest[fact.name] = fact
    return [_verdict(rule, fact) for _, fact in sorted(newest.items())]


def _verdict(rule: Rule, fact: ExternalFact) -> Verdict:
    if fact.kind == "gate":
        return _held(rule, fact)
    what = "check" if fact.kind == "check" else "run of"
    said = {True: "passed", False: "failed", None: "not decided yet"}[fact.ok]
    outcome = {True: Outcome.GOOD, False: Outcome.BAD, None: Outcome.UNKNOWN}[fact.ok]
    reason = f"{what} {fact.name} {said}" + (f": {fact.detail}" if fact.detail else "")
    # One passed run or check is the whole evidence there is: the next may be a day away.
    return Verdict(
        outcome,
        fact.at,
        reason,
        numbers={"run_id": fact.run_id, "kind": fact.kind},
        settled=fact.ok is True,
        label=fact.name,
    )


def _held(rule: Rule, fact: ExternalFact) -> Verdict:
    """A short wait is neither good nor bad: it may end by itself."""
    limit = rule.over_s or HELD_S
    if fact.ok:
        return Verdict(
            Outcome.GOOD, fact.at, f"{fact.name} does not wait: {fact.detail}", settled=True, label=fact.name
        )
    if fact.ok is None:
        return Verdict(Outcome.UNKNOWN, fact.at, f"{fact.name}: {fact.detail}", label=fact.name)
    outcome = Outcome.BAD if fact.held_s >= limit else Outcome.UNKNOWN
    reason = f"{fact.name} held for {duration_text(fact.held_s)} (limit {config_duration(limit)}): {fact.detail}"
    return Verdict(outcome, fact.at, reason, float(fact.held_s), float(limit), {"kind": "gate"}, label=fact.name)
