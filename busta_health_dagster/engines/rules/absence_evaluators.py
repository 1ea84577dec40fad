"""Rules that are not about one metric's value: no data, no score, anomalies of the detector, a source that keeps changing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.anomaly import Judgement, Term
from busta_health_dagster.domain.verdict import Outcome, Verdict
from busta_health_dagster.engines.rules.metrics import (
    ANOMALY_BIT,
    CLOSED_BIT,
    QUALITY_BIT,
    STATUS_BIT,
)
from busta_health_dagster.engines.seasons import off_season
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from busta_health_dagster.engines.rules.window import SourceWindow
from busta_health_dagster.engines.rules.evaluators import BAD, GOOD, UNKNOWN, Evaluator

SCORES_MISSED = 3
"""So many scores of a source may fail to come before it is told."""


class NoData(Evaluator):
    """No verdict for so many intervals. Silent while the newest slot was lost to our own network."""

    __slots__ = ()

    def outcome(self, w: SourceWindow) -> Outcome | None:
        if not w.fresh & CLOSED_BIT:
            return None
        if w.last_verdict_slot == w.slot:
            return GOOD
        if w.newest_lost:
            return UNKNOWN
        return BAD if w.missing_intervals() >= self.rule.intervals else UNKNOWN

    def explain(self, w: SourceWindow, outcome: Outcome) -> Verdict:
        missing = w.missing_intervals()
        numbers = {"missing": missing, "lost_to_network": w.lost_since}
        since = w.last_verdict_slot + w.interval_s if w.last_verdict_slot else w.first_slot
        if outcome is GOOD:
            reason = "a verdict again"
        elif w.newest_lost:
            reason = "not evaluated: the slot was lost to the monitor's own network"
        else:
            why = "the source keeps us away (429)" if w.kept_away else "no verdict"
            reason = f"{why} for {plural(missing, 'interval')}, limit {self.rule.intervals}"
        return Verdict(
            outcome,
            w.slot,
            reason,
            float(missing),
            float(self.rule.intervals),
            numbers,
            since=since if outcome is BAD else None,
        )


class NoScore(Evaluator):
    """A source that is to be scored and is not: its suite cannot be run, or what it delivers cannot be scored. What was
    good then says nothing of now. Off season nothing is scored: a stretch of it counts as one score that did not come, at most.
    """

    __slots__ = ()

    def outcome(self, w: SourceWindow) -> Outcome | None:
        if not w.fresh & (CLOSED_BIT | QUALITY_BIT):
            return None
        if w.maintenance:
            return UNKNOWN
        return BAD if self._age_s(w) > self._limit_s() else GOOD

    def explain(self, w: SourceWindow, outcome: Outcome) -> Verdict:
        age, limit = self._age_s(w), self._limit_s()
        said = "no score yet" if w.score is None else "no new score"
        reason = (
            f"{said} for {duration_text(age)}, limit {duration_text(limit)}" if outcome is BAD else "it has a score"
        )
        return Verdict(
            outcome, w.slot, reason, float(age), float(limit), since=w.slot - age + limit if outcome is BAD else None
        )

    def _age_s(self, w: SourceWindow) -> int:
        since, season = w.score_awaited_since, self.source.active
        gaps = off_season(season, since, w.slot) if season is not None else ()
        rests = (min(end, w.slot) - max(start, since) for start, end in gaps)
        counted = self._limit_s() // SCORES_MISSED
        return max(0, w.slot - since - sum(max(0, rest - counted) for rest in rests))

    def _limit_s(self) -> int:
        assert self.source.quality is not None
        return self.rule.over_s or SCORES_MISSED * self.source.quality.every_s


class Anomaly(Evaluator):
    """What the detector says of the newest slot. Without a detector's word the pattern is silent."""

    __slots__ = ()

    def outcome(self, w: SourceWindow) -> Outcome | None:
        if w.anomaly is None or not w.fresh & ANOMALY_BIT:
            return None
        return {Judgement.GOOD: GOOD, Judgement.BAD: BAD, Judgement.UNKNOWN: UNKNOWN}[w.anomaly.judgement]

    def explain(self, w: SourceWindow, outcome: Outcome) -> Verdict:
        assert w.anomaly is not None
        found = w.anomaly.findings
        numbers: dict[str, Any] = {
            "findings": [
                {
                    "metric": str(f.metric),
                    "term": f.term.value,
                    "score": f.score,
                    "threshold": f.threshold,
                    "expected": f.expected,
                    "observed": f.observed,
                    "since": f.since,
                }
                for f in found
            ]
        }
        return Verdict(
            outcome,
            w.slot,
            w.anomaly.reason,
            w.anomaly.score,
            found[0].threshold if found else None,
            numbers,
            settled=w.anomaly.closed_reason is not None,
            news=w.anomaly.news or "",
            since=w.anomaly.opened_at,
            # Failures are counted over a window, as by a rate: what is left of them once the source is up is an echo.
            last_bad=(w.last_failed or None) if found and all(f.term is Term.FAILURES for f in found) else None,
        )


class FlappingSource(Evaluator):
    """The source itself goes up and down: 30% or more of its last 21 states changed; good again at 20% or less."""

    __slots__ = ()

    def outcome(self, w: SourceWindow) -> Outcome | None:
        if w.flaps is None or not w.fresh & STATUS_BIT or w.maintenance:
            return None
        return BAD if w.flaps.active else GOOD

    def explain(self, w: SourceWindow, outcome: Outcome) -> Verdict:
        assert w.flaps is not None
        share = w.flaps.ratio * 100
        reason = f"{share:.1f}% of the last 21 states changed, starts at 30%, ends at 20%"
        return Verdict(outcome, w.slot, reason, share, 30.0, {"changed_percent": share})
