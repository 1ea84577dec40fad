"""What fails in the Dagster instance beside our sources: runs, asset checks, ticks, code locations, daemons, freshness, and
jobs that wait at the gate. Open-source Dagster alerts on none of them.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from busta_health_dagster.domain.rule import Pattern, Rule
from busta_health_dagster.domain.units import config_duration
from busta_health_dagster.domain.verdict import ExternalFact, Outcome, Verdict
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


KINDS: Final = {
    Pattern.DAGSTER_CHECK: "check",
    Pattern.DAGSTER_RUN: "run",
    Pattern.DAGSTER_TICK: "tick",
    Pattern.DAGSTER_LOCATION: "location",
    Pattern.DAGSTER_DAEMON: "daemon",
    Pattern.DAGSTER_FRESHNESS: "freshness",
    Pattern.GATE_HELD: "gate",
}
INSTANCE_PATTERNS = frozenset(KINDS)
"""Evaluated once per Dagster instance, not per source."""
HELD_S = 600
"""How long a job may wait at the gate, or a daemon may be silent, where its rule does not say."""
_SUBJECTS = {
    "check": ("check {}", "passed", "failed"),
    "run": ("run of {}", "passed", "failed"),
    "tick": ("tick of {}", "passed", "failed"),
    "location": ("code location {}", "is loaded", "cannot be loaded"),
    "freshness": ("asset {}", "is on time", "is late"),
}


def evaluate_external(rule: Rule, facts: Iterable[ExternalFact]) -> list[Verdict]:
    """One verdict per fact that the rule's globs match (none given: all); newest fact per name.

    A fact whose `ok` is None (running, never executed) is unknown, and silent. Hand in facts that are new since the
    last pass.
    """
    kind = KINDS[rule.pattern]
    newest: dict[str, ExternalFact] = {}
    for fact in facts:
        if fact.kind != kind or not _selected(rule, fact):
            continue
        if fact.name not in newest or newest[fact.name].at <= fact.at:
            newest[fact.name] = fact
    return [_verdict(rule, fact) for _, fact in sorted(newest.items())]


def _selected(rule: Rule, fact: ExternalFact) -> bool:
    if fact.kind in {"check", "freshness"}:
        return not rule.assets or _any(rule.assets, (fact.name, fact.asset or fact.name.rpartition(":")[0]))
    if not rule.jobs and not rule.names and not rule.assets:
        return True
    by_asset = bool(fact.asset) and _any(rule.assets, (fact.asset,))
    return by_asset or _any((*rule.jobs, *rule.names), (fact.name, *fact.other_names))


def _any(globs: Iterable[str], names: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs for name in names)


def _verdict(rule: Rule, fact: ExternalFact) -> Verdict:
    if fact.kind == "gate":
        return _held(rule, fact)
    if fact.kind == "daemon":
        return _daemon(rule, fact)
    subject, passed, failed = _SUBJECTS[fact.kind]
    said = {True: passed, False: failed, None: "not decided yet"}[fact.ok]
    outcome = {True: Outcome.GOOD, False: Outcome.BAD, None: Outcome.UNKNOWN}[fact.ok]
    where = f"step {fact.step}: " if fact.step else ""
    reason = f"{subject.format(fact.name)} {said}" + (f": {where}{fact.detail}" if fact.detail else "")
    # One passed run or check is the whole evidence there is: the next may be a day away.
    return Verdict(outcome, fact.at, reason, numbers=dict(_facts(fact)), settled=fact.ok is True, label=fact.name)


def _facts(fact: ExternalFact) -> Iterator[tuple[str, Any]]:
    """What a message says beside the reason, and where it links to."""
    yield "run_id", fact.run_id
    yield "kind", fact.kind
    if fact.step:
        yield "step", fact.step
    if fact.owners:
        yield "owners", list(fact.owners)
    if fact.path:
        yield "path", fact.path


def _daemon(rule: Rule, fact: ExternalFact) -> Verdict:
    """A short silence is neither good nor bad: a heartbeat may be on its way."""
    limit = rule.over_s or HELD_S
    numbers = dict(_facts(fact))
    if fact.held_s >= limit:
        said = f"daemon {fact.name} sent no heartbeat for {duration_text(fact.held_s)} (limit {config_duration(limit)})"
        return Verdict(Outcome.BAD, fact.at, said, float(fact.held_s), float(limit), numbers=numbers, label=fact.name)
    if fact.ok is False:
        return Verdict(
            Outcome.BAD, fact.at, f"daemon {fact.name} fails: {fact.detail}", numbers=numbers, label=fact.name
        )
    outcome = Outcome.GOOD if fact.ok and 2 * fact.held_s < limit else Outcome.UNKNOWN
    reason = f"daemon {fact.name} sent a heartbeat {duration_text(fact.held_s)} ago"
    return Verdict(outcome, fact.at, reason, numbers=numbers, settled=True, label=fact.name)


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
