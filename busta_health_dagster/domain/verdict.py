"""What a rule thinks of a source at one slot: an outcome with its reason and the numbers it was based on."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.rule import Severity


RECOVERS = ", recovers "
"""What follows in a reason where the value lies between the rule's two limits."""


class Outcome(IntEnum):
    """UNKNOWN says nothing either way: it neither fires nor recovers, and breaks no run of good or bad."""

    UNKNOWN = 0
    GOOD = 1
    BAD = 2

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Verdict:
    """One evaluation of one rule for one source.

    `reason` is a sentence without its subject ("6.41 s, limit 5 s"). `value` and `limit` are in the metric's unit.
    `severity`, where set, replaces the rule's (burn-rate tiers). `settled` says that the pattern's own clearing rule
    already counted enough good observations, so that `recover_after` is met. `since` and `last_bad` name the first and last
    slot that were really bad, where they are not the slot of the evaluation itself (no-data, rate). `label`
    distinguishes alerts of one rule and source. `recovered`: a good value is beyond the rule's second limit as well
    (`recover_below`); else it keeps an open alert open. `news` says what new thing has begun inside what is already bad.
    """

    outcome: Outcome
    slot: int
    reason: str
    value: float | None = None
    limit: float | None = None
    numbers: Mapping[str, Any] = field(default_factory=dict)
    severity: Severity | None = None
    settled: bool = False
    since: int | None = None
    last_bad: int | None = None
    label: str = ""
    news: str = ""
    recovered: bool = True


@dataclass(frozen=True, slots=True)
class CheckVerdict:
    """The result of one Dagster asset check. ERROR is down or outside the SLA, WARN is degraded.

    `came_to_nothing`: it was evaluated, and nothing can be told. What passed before holds no longer.
    """

    name: str
    outcome: Outcome
    severity: Literal["WARN", "ERROR"]
    reason: str
    numbers: Mapping[str, Any] = field(default_factory=dict)
    came_to_nothing: bool = False


@dataclass(frozen=True, slots=True)
class Score:
    """A quality score as the rules read it: 0-100, None where there was no data to score.

    `raw` and `half_width` say whether the interval straddles a limit; `uncertain` is the scorer's own word where it
    gives no numbers.
    """

    at: int
    score: float | None
    raw: float | None = None
    half_width: float | None = None
    uncertain: bool = False

    def straddles(self, limit: float) -> bool:
        """Does the 95% interval of the raw score include the limit?

        Not when a cap decides: a failed critical check is certain, whatever the sampling error of the rest.
        """
        if self.raw is None or self.half_width is None or self.score is None:
            return self.uncertain
        capped = self.raw - self.score >= 0.1
        return not capped and self.raw - self.half_width < limit < self.raw + self.half_width


@dataclass(frozen=True, slots=True)
class ExternalFact:
    """What something of this Dagster instance came to, for the patterns that watch the instance.

    `name` keys the alert: `asset/key:check`, `location/job`, `location/asset:key` for an asset run, `location/sensor`, the
    location, the daemon, the asset. `other_names` and `asset` are what the globs of a rule may call it as well. `ok` is None
    while nothing can be said. `held_s`: a job has waited at the gate, or a daemon has been silent, for that long. `path` is
    where Dagster's UI shows it.
    """

    kind: Literal["check", "run", "gate", "tick", "location", "daemon", "freshness"]
    name: str
    ok: bool | None
    at: int
    detail: str = ""
    run_id: str = ""
    held_s: int = 0
    other_names: tuple[str, ...] = ()
    asset: str = ""
    step: str = ""
    owners: tuple[str, ...] = ()
    path: str = ""


@dataclass(frozen=True, slots=True)
class InstanceReading:
    """What one reading of the Dagster instance brought.

    `remember` are the cursors, kept in the transaction that evaluates the facts. `behind_s`: what happened in the last so
    many seconds may not be read yet, of the kinds in `left`. `took_s` is how long the reading took, `problem` why it failed.
    """

    facts: tuple[ExternalFact, ...] = ()
    remember: Mapping[str, Any] = field(default_factory=dict)
    behind_s: int = 0
    left: tuple[str, ...] = ()
    took_s: float = 0.0
    problem: str = ""
