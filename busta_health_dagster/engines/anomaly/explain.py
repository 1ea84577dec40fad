"""A finding as a person reads it: what was expected, what came, how unlikely, since when, which test saw it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np

from busta_health_dagster.domain.anomaly import Change, Finding, Metric, Term
from busta_health_dagster.engines.anomaly import thresholds
from busta_health_dagster.engines.anomaly.custom.fleet import Departure
from busta_health_dagster.engines.anomaly.thresholds import DetectorSettings
from busta_health_dagster.engines.baseline.units import ITEMS, METRICS, QUALITY, RESPONSE
from busta_health_dagster.wording.durations import milliseconds_text
from busta_health_dagster.wording.numbers import score

TERM_METRIC: Final = (
    *METRICS,
    Metric.RESPONSE,
    Metric.ITEMS,
    Metric.STATUS,
    Metric.DATA_AGE,
    Metric.ITEMS,
    Metric.ITEMS,
)
TERM: Final = (
    Term.STEP,
    Term.STEP,
    Term.STEP,
    Term.SPIKES,
    Term.VARIANCE,
    Term.FAILURES,
    Term.STALE,
    Term.FROZEN,
    Term.EMPTY,
)
NOUN: Final = {RESPONSE: "response time", ITEMS: "items", QUALITY: "quality"}
LN10: Final = float(np.log(10.0))


def threshold(term: int, cfg: DetectorSettings) -> float:
    """What the term's score had to pass, in log10."""
    h = (
        *cfg.h[:, 0],
        cfg.spike_h,
        cfg.variance_h,
        cfg.fail_h,
        3.0 * LN10 - cfg.dial,
        cfg.frozen_h,
        3.0 * LN10 - cfg.dial,
    )[term]
    return float(h + cfg.dial) / LN10


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a term stands on: since when, natural-log likelihood ratio, expected and observed (NaN: none), opened by a
    jump.
    """

    since: int
    g: float
    expected: float
    observed: float
    jump: bool = False


def finding(
    source: str,
    term: int,
    change: Change,
    at: int,
    *,
    of: Numbers,
    cfg: DetectorSettings,
    ending: str = "",
    strict: float = 1.0,
) -> Finding:
    """A Finding from the numbers of one term; `ending` explains a close, `strict` is what the noise budget asks of the
    tests.
    """
    score = float(min(of.g, 1e4)) / LN10
    kind = Term.JUMP if of.jump else TERM[term]
    text = ending or f"{_what(term, of.expected, of.observed)} {_evidence(kind, of.since, score)}"
    return Finding(
        source=source,
        metric=TERM_METRIC[term],
        term=kind,
        change=change,
        at=at,
        since=of.since,
        score=round(score, 3),
        threshold=round(threshold(term, cfg) * (1.0 if term in thresholds.FACTS else strict), 3),
        expected=None if np.isnan(of.expected) else float(of.expected),
        observed=None if np.isnan(of.observed) else float(of.observed),
        text=text,
    )


def _what(term: int, expected: float, observed: float) -> str:
    if term == thresholds.SPIKES:
        return f"{observed:.0f} very slow answers where {_usual(expected)} usual"
    if term == thresholds.VARIANCE:
        return f"items scatter {observed:.1f} times as much as usual (variance)"
    if term == thresholds.FAILURES:
        return f"{observed:.0f} failed checks where {_usual(expected)} usual"
    if term == thresholds.STALE:
        return f"data are {span(observed)} old, never above {span(expected)} so far"
    if term == thresholds.FROZEN:
        return f"items and quality repeated exactly {observed:.0f} times"
    if term == thresholds.EMPTY:
        return f"no items, {amount(ITEMS, expected)} before"
    return f"{NOUN[term]} {amount(term, observed)} where {amount(term, expected)} was expected"


LEVEL_THRESHOLD: Final = 5.0  # what a custom metric's score has to pass, in log10, without a debt


def level_finding(one: Departure, change: Change, at: int, *, ending: str = "") -> Finding:
    """A Finding of a custom metric. Its score is on the scale of the other tests: a departure that just passes its
    limit has the threshold's, one of twice the size four times as much.
    """
    text = f"{one.metric} {number(one.observed)} where {number(one.expected)} is usual"
    score = min(LEVEL_THRESHOLD * one.strict * one.sureness**2, 1e4)
    return Finding(
        source=one.source,
        metric=one.metric,
        term=Term.LEVEL,
        change=change,
        at=at,
        since=one.since,
        score=round(score, 3),
        threshold=round(LEVEL_THRESHOLD * one.strict, 3),
        expected=one.expected,
        observed=one.observed,
        text=ending or f"{text} since {_stamp(one.since)} UTC, further and for longer than in four weeks (level test)",
    )


def number(value: float) -> str:
    """A number of unknown unit, three digits at least."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _usual(count: float) -> str:
    """An expected count of rare things: no one reads 0.0."""
    if count < 0.5:
        return "hardly one is"
    return "one is" if count < 1.5 else f"{count:.0f} are"


def _evidence(kind: Term, since: int, score: float) -> str:
    when = _stamp(since)
    if kind in {Term.STALE, Term.FROZEN, Term.EMPTY}:
        return f"since {when} UTC ({kind} rule)"
    odds = f"10^{min(score, 99.0):.0f}" if score >= 3 else f"{10**score:.0f}"
    return f"since {when} UTC, odds {odds} to 1 against chance ({kind} test)"


def _stamp(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def amount(metric: int, value: float) -> str:
    """A value with its unit, as short as a person needs it."""
    if metric == RESPONSE:
        return milliseconds_text(value)
    if metric == QUALITY:
        return score(value)
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def span(seconds: float) -> str:
    """Seconds as s, min, h or days."""
    for unit, size in (("days", 172_800), ("h", 7200), ("min", 120)):
        if seconds >= size:
            return f"{seconds / (size / 2):.1f} {unit}"
    return f"{seconds:.0f} s"
