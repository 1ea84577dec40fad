"""Failing checks and runs of the other assets in the same Dagster instance: open-source Dagster notifies no one."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from busta_health_dagster.domain.rule import Pattern, Rule
from busta_health_dagster.domain.verdict import ExternalFact, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable


def evaluate_external(rule: Rule, facts: Iterable[ExternalFact]) -> list[Verdict]:
    """One verdict per fact that the rule's `assets` and `jobs` patterns match (none given: all); newest fact per name.

    A fact whose `ok` is None (running, never executed) is unknown, and silent. Hand in facts that are new since the
    last pass.
    """
    kind = "check" if rule.pattern is Pattern.DAGSTER_CHECK else "run"
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
    return [_verdict(f) for _, f in sorted(newest.items())]


def _verdict(fact: ExternalFact) -> Verdict:
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
