"""The checks that a source shows in Dagster, from the same limits and windows as the rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from busta_health_dagster.domain.anomaly import Judgement
from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.domain.units import config_duration
from busta_health_dagster.domain.verdict import CheckVerdict, Outcome
from busta_health_dagster.engines.rules.evaluators import QUALITY_AGES
from busta_health_dagster.engines.rules.shares import CLEARS_AFTER
from busta_health_dagster.wording.durations import duration_text, milliseconds_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from busta_health_dagster.domain.anomaly import AnomalyVerdict
    from busta_health_dagster.domain.rule import Limits
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.domain.verdict import Score

Checked = Literal["connectivity", "response_time", "failure_rate", "data_age"]
CHECKS: tuple[Checked, ...] = ("connectivity", "response_time", "failure_rate", "data_age")


def decidable_checks(source: Source, limits: Limits, *, anomaly: bool = False) -> tuple[str, ...]:
    """The checks of a source that an observation can decide: those of limits that nothing measures, and of measurements
    without a limit, are left out. `anomaly`: a rule of that pattern watches it.
    """
    config = source.config
    decidable = {
        "connectivity": True,
        "response_time": limits.response_ms is not None and source.probe != "heartbeat",
        "failure_rate": limits.failure_ratio is not None,
        "data_age": limits.data_age_s is not None and getattr(config, "tells_age", True),
        "quality": source.quality is not None,
        ANOMALY_CHECK: anomaly,
    }
    return tuple(name for name, decided in decidable.items() if decided)


def check_verdicts(
    source: Source, limits: Limits, newest: Observation | None, window: Iterable[tuple[int, Status]] = ()
) -> Mapping[str, CheckVerdict]:
    """The checks of `source` after its newest observation.

    `window` are (slot, status) of recent scheduled observations outside maintenance, any order, at least over
    `limits.failure_over_s`. A check without its measurement is unknown, never passed.
    """
    verdicts = (
        _connectivity(newest),
        _response_time(newest, limits),
        failure_check(source, limits, *_counted(newest, limits, window)),
        _data_age(newest, limits),
    )
    return {v.name: v for v in verdicts}


def failure_check(source: Source, limits: Limits, failed: int, observed: int, good_in_a_row: int = 0) -> CheckVerdict:
    """From counts, for callers that keep them (`window.good_run`). ERROR when the share is also outside the SLA's
    allowance.

    It clears as the rule does: six good observations in a row.
    """
    if limits.failure_ratio is None or limits.failure_over_s is None:
        return CheckVerdict("failure_rate", Outcome.GOOD, "WARN", "no rule sets a limit")
    if not observed:
        return CheckVerdict("failure_rate", Outcome.UNKNOWN, "WARN", "no observation to count")
    share = failed / observed
    enough = share > limits.failure_ratio and failed >= limits.failure_min_bad
    over = enough and good_in_a_row < CLEARS_AFTER
    reason = (
        f"{share * 100:.2f}% failed ({failed} of {observed}) over {config_duration(limits.failure_over_s)}, "
        f"limit {limits.failure_ratio * 100:g}%"
    )
    if enough and not over:
        reason += f"; {good_in_a_row} good in a row"
    elif share > limits.failure_ratio and not over:
        reason += f", and fewer than {limits.failure_min_bad} failed"
    numbers = {
        "failed": failed,
        "observed": observed,
        "failed_percent": share * 100,
        "limit_percent": limits.failure_ratio * 100,
    }
    outside_sla = share > float(1 - source.sla.uptime)
    return CheckVerdict(
        "failure_rate", Outcome.BAD if over else Outcome.GOOD, "ERROR" if outside_sla else "WARN", reason, numbers
    )


def quality_limit(source: Source, limits: Limits) -> float:
    """The least good score, 0-100: of a rule, else what the SLA promises."""
    return float(source.sla.quality * 100) if limits.quality is None else limits.quality


def quality_check(source: Source, limits: Limits, newest: Score | None, now: int, no_score: str = "") -> CheckVerdict:
    """From the newest score. `no_score`: why a later validation came to none; then the score of better days says nothing.
    Without a rule the source's own SLA is the limit. Never ERROR: what is delivered is there, and is worse than it should
    be.
    """
    limit = quality_limit(source, limits)
    if no_score:
        why = f"cannot be evaluated: {no_score}"
        return CheckVerdict("quality", Outcome.UNKNOWN, "WARN", why, came_to_nothing=True)
    if newest is None or newest.score is None:
        return CheckVerdict("quality", Outcome.UNKNOWN, "WARN", "no score yet")
    numbers: dict[str, Any] = {"score": newest.score, "limit": limit}
    if newest.raw is not None and newest.half_width is not None:
        numbers |= {"raw": newest.raw, "half_width": newest.half_width}
    every = source.quality.every_s if source.quality is not None else source.interval_s
    if now - newest.at > QUALITY_AGES * every + source.interval_s:
        reason = f"the newest score, {newest.score:.1f}, is {duration_text(now - newest.at)} old"
        return CheckVerdict("quality", Outcome.UNKNOWN, "WARN", reason, numbers)
    reason = f"score {newest.score:.1f}, limit {limit:g}"
    if newest.score >= limit:
        return CheckVerdict("quality", Outcome.GOOD, "WARN", reason, numbers)
    if newest.straddles(limit):
        return CheckVerdict("quality", Outcome.UNKNOWN, "WARN", f"{reason}; too few rows to be sure", numbers)
    return CheckVerdict("quality", Outcome.BAD, "WARN", reason, numbers)


ANOMALY_CHECK = "anomaly"
"""Only of sources that a rule of pattern anomaly watches."""


def anomaly_check(said: AnomalyVerdict | None, late_s: int | None) -> CheckVerdict:
    """What the detector said last; `late_s` is set where that is too long ago to be of now. Never ERROR: strange is not
    down.
    """
    if said is None:
        return CheckVerdict(ANOMALY_CHECK, Outcome.UNKNOWN, "WARN", "the detector has not evaluated it yet")
    if late_s is not None:
        return CheckVerdict(
            ANOMALY_CHECK, Outcome.UNKNOWN, "WARN", f"the detector last saw it {duration_text(late_s)} ago"
        )
    outcome = {Judgement.GOOD: Outcome.GOOD, Judgement.BAD: Outcome.BAD, Judgement.UNKNOWN: Outcome.UNKNOWN}
    numbers: dict[str, Any] = {}
    if said.findings:
        worst = said.findings[0]
        numbers = {"score": worst.score, "threshold": worst.threshold}
        numbers |= {k: v for k, v in (("expected", worst.expected), ("observed", worst.observed)) if v is not None}
    reason = f"{said.reason}; {said.stricter} (noise budget)" if said.stricter else said.reason
    return CheckVerdict(ANOMALY_CHECK, outcome[said.judgement], "WARN", reason, numbers)


def _counted(newest: Observation | None, limits: Limits, window: Iterable[tuple[int, Status]]) -> tuple[int, int, int]:
    """Failed, checked, and good in a row up to the newest."""
    if newest is None or limits.failure_over_s is None:
        return 0, 0, 0
    since = newest.slot - limits.failure_over_s
    down = [status is Status.DOWN for slot, status in sorted(window) if slot > since and status.is_verdict]
    return sum(down), len(down), next((i for i, failed in enumerate(reversed(down)) if failed), len(down))


def _connectivity(o: Observation | None) -> CheckVerdict:
    if o is None or o.status is Status.UNKNOWN:
        why = "not checked yet" if o is None else f"unknown: {o.detail or o.reason}"
        return CheckVerdict("connectivity", Outcome.UNKNOWN, "ERROR", why)
    numbers: dict[str, Any] = {"attempts": o.attempts}
    if o.http_status is not None:
        numbers["http_status"] = o.http_status
    if o.status is Status.DOWN:
        return CheckVerdict("connectivity", Outcome.BAD, "ERROR", f"down: {o.detail or o.reason}", numbers)
    # Slow and stale have checks of their own; every other degradation (429, certificate, assertion) shows here.
    if o.status is Status.DEGRADED and o.reason not in {"slow", "stale"}:
        return CheckVerdict("connectivity", Outcome.BAD, "WARN", f"degraded: {o.detail or o.reason}", numbers)
    flaky = f" after {o.attempts} attempts" if o.attempts > 1 else ""
    return CheckVerdict("connectivity", Outcome.GOOD, "ERROR", f"reachable{flaky}", numbers)


def _response_time(o: Observation | None, limits: Limits) -> CheckVerdict:
    if o is None or o.response_ms is None:
        return CheckVerdict("response_time", Outcome.UNKNOWN, "WARN", "no response to time")
    if o.suspect:
        return CheckVerdict(
            "response_time", Outcome.UNKNOWN, "WARN", "suspect: measured while the monitor itself was busy"
        )
    if limits.response_ms is None:
        reason = f"{milliseconds_text(o.response_ms)}, no rule sets a limit"
        return CheckVerdict("response_time", Outcome.GOOD, "WARN", reason, {"response_ms": o.response_ms})
    bad = o.response_ms > limits.response_ms
    reason = f"{milliseconds_text(o.response_ms)}, limit {limits.response_ms / 1000:g} s"
    numbers = {"response_ms": o.response_ms, "limit_ms": limits.response_ms}
    return CheckVerdict("response_time", Outcome.BAD if bad else Outcome.GOOD, "WARN", reason, numbers)


def _data_age(o: Observation | None, limits: Limits) -> CheckVerdict:
    if o is None or o.data_age_s is None:
        return CheckVerdict("data_age", Outcome.UNKNOWN, "WARN", "no data age was measured")
    if limits.data_age_s is None:
        reason = f"{duration_text(o.data_age_s)} old, no rule sets a limit"
        return CheckVerdict("data_age", Outcome.GOOD, "WARN", reason, {"data_age_s": o.data_age_s})
    bad = o.data_age_s > limits.data_age_s
    reason = f"{duration_text(o.data_age_s)} old, limit {duration_text(limits.data_age_s)}"
    numbers = {"data_age_s": o.data_age_s, "limit_s": limits.data_age_s}
    return CheckVerdict("data_age", Outcome.BAD if bad else Outcome.GOOD, "WARN", reason, numbers)
