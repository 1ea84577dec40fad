"""What the rules of one source remember: small rings that are pushed to, so that a verdict costs the same at any age.

One `SourceWindow` serves the live pass and the backtest. Live, it lies in the store between ticks as `to_state()`; a
state that does not fit the rules any more is rebuilt by pushing stored observations again. It is a cache of the store,
never a truth. Pushing one observation costs 2-4 us; re-reading the windows of 5,000 sources each tick would be 4
million rows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.observation import Kind, Observation, Status
from busta_health_dagster.domain.rule import Pattern, Rule
from busta_health_dagster.domain.verdict import Score
from busta_health_dagster.engines.rules.rings import BurnRing, FlapBits, RateRing, Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from busta_health_dagster.domain.anomaly import AnomalyVerdict
    from busta_health_dagster.domain.source import Source

METRICS = (
    "status",
    "response_ms",
    "items",
    "data_age_s",
    "quality",
    "failed",
    "tls_days_left",
    "attempts",
    "size_bytes",
)
INDEX = {name: i for i, name in enumerate(METRICS)}
QUALITY = INDEX["quality"]
STATUS_BIT, RESPONSE_BIT, ITEMS_BIT, AGE_BIT, QUALITY_BIT, FAILED_BIT, TLS_BIT, ATTEMPTS_BIT, SIZE_BIT = (
    1 << i for i in range(9)
)
OBSERVED_BIT = 1 << 9  # a look happened, verdict or not
CLOSED_BIT = 1 << 10  # a slot is over, with or without a look
ANOMALY_BIT = 1 << 11
SLOTTED_BIT = 1 << 12  # a scheduled verdict outside maintenance entered the slot windows

NETWORK_REASON = "network"
"""The reason code of an observation lost to the monitor's own network."""
LIMITED_REASON = "rate_limited"
"""The reason code of a 429, and of the slots in which its Retry-After keeps us away: the source answers, no data come."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What the effective rules of a source ask of its window. `series` is (metric, seconds), the longest per metric."""

    series: tuple[tuple[str, int], ...] = ()
    rates: tuple[int, ...] = ()
    burn: bool = False
    flapping: bool = False

    @classmethod
    def of(cls, rules: Iterable[Rule]) -> Needs:
        series: dict[str, int] = {}
        rates: set[int] = set()
        patterns = set()
        for rule in rules:
            patterns.add(rule.pattern)
            for c in rule.conditions:
                over = c.over_s or rule.over_s
                if over and rule.pattern is Pattern.RATE:
                    rates.add(over)
                elif over and (c.agg != "last" or rule.pattern is Pattern.TREND):
                    series[c.metric] = max(series.get(c.metric, 0), over)
        return cls(
            tuple(sorted(series.items())),
            tuple(sorted(rates)),
            Pattern.BURN_RATE in patterns,
            Pattern.FLAPPING in patterns,
        )


class SourceWindow:
    """The memory of one source's rules.

    `slot`s are epoch seconds; values are in the metric's unit (see `Condition`).
    """

    __slots__ = (
        "_bad_weight",
        "anomaly",
        "burn",
        "first_slot",
        "flaps",
        "fresh",
        "good_run",
        "interval_s",
        "kept_away",
        "last_burnt",
        "last_failed",
        "last_fresh",
        "last_verdict_slot",
        "lost_since",
        "maintenance",
        "needs",
        "newest_lost",
        "rates",
        "scheduled_slot",
        "score",
        "series",
        "slot",
        "source",
        "values",
    )

    def __init__(self, source: Source, needs: Needs) -> None:
        self.source = source.name
        self.interval_s = source.interval_s
        self.needs = needs
        self._bad_weight = {"good": 0, "half": 1, "bad": 2}[source.sla.degraded]
        self.slot = self.scheduled_slot = self.first_slot = 0
        self.last_verdict_slot = self.last_failed = self.last_burnt = 0
        self.lost_since = 0
        self.newest_lost = self.maintenance = self.kept_away = False
        self.good_run = 0
        self.fresh = self.last_fresh = 0
        self.values: list[float | None] = [None] * len(METRICS)
        self.score: Score | None = None
        self.anomaly: AnomalyVerdict | None = None
        self.series = {INDEX[metric]: Series(over) for metric, over in needs.series}
        self.rates = {over: RateRing(over) for over in needs.rates}
        self.burn = BurnRing() if needs.burn else None
        self.flaps = FlapBits() if needs.flapping else None

    def push(self, o: Observation, *, maintenance: bool = False) -> bool:
        """Take one observation in.

        False: it is older than the newest, or a second one of its slot, and changes nothing.
        """
        return self.feed(
            o.slot,
            int(o.status),
            o.response_ms,
            o.items,
            o.data_age_s,
            o.quality,
            o.tls_days_left,
            o.attempts,
            o.size_bytes,
            suspect=o.suspect,
            scheduled=o.kind is Kind.SCHEDULED,
            maintenance=maintenance,
            lost=o.status is Status.UNKNOWN and o.reason == NETWORK_REASON,
            limited=o.reason == LIMITED_REASON,
        )

    def feed(
        self,
        slot: int,
        status: int,
        response_ms: float | None = None,
        items: float | None = None,
        data_age_s: float | None = None,
        quality: float | None = None,
        tls_days_left: float | None = None,
        attempts: int = 1,
        size_bytes: float | None = None,
        *,
        suspect: bool = False,
        scheduled: bool = True,
        maintenance: bool = False,
        lost: bool = False,
        limited: bool = False,
    ) -> bool:
        """`push` for plain values: the backtest's path.

        A manual look is evaluated and stays out of the slot windows (rate, burn, flapping); a slot in maintenance
        stays out of all windows, as if it had not been. A `limited` one has a status, and brought no data.
        """
        if slot < self.slot or (scheduled and slot == self.scheduled_slot):
            return False
        if suspect:
            response_ms = None
        if not self.first_slot:
            self.first_slot = slot
        self.slot, self.anomaly = slot, None
        self.maintenance, self.kept_away = maintenance, limited
        fresh = (self.fresh & QUALITY_BIT) | OBSERVED_BIT | CLOSED_BIT
        values = self.values
        values[0], values[5] = status, None
        values[1], values[2], values[3] = response_ms, items, data_age_s
        values[6], values[7], values[8] = tls_days_left, attempts, size_bytes
        if response_ms is not None:
            fresh |= RESPONSE_BIT
        if items is not None:
            fresh |= ITEMS_BIT
        if data_age_s is not None:
            fresh |= AGE_BIT
        if tls_days_left is not None:
            fresh |= TLS_BIT
        if size_bytes is not None:
            fresh |= SIZE_BIT
        if quality is not None:
            self.score, values[QUALITY] = Score(slot, quality), quality
            fresh |= QUALITY_BIT
        if status:
            failed = status == 3
            values[5] = 100.0 if failed else 0.0
            fresh |= STATUS_BIT | FAILED_BIT | ATTEMPTS_BIT
            self.newest_lost = False
            if not limited:
                self.last_verdict_slot, self.lost_since = slot, 0
        else:
            failed = False
            self.newest_lost = lost
            self.lost_since += lost
        if scheduled:
            if not maintenance:
                if status:
                    fresh |= SLOTTED_BIT
                    self._count(slot, failed)
                if self.burn is not None:
                    self._push_burn(slot, status)
            self.scheduled_slot = slot
        if self.series and not maintenance:
            for i, series in self.series.items():
                value = values[i]
                if value is not None and fresh & (1 << i):
                    series.push(slot, value)
        self.fresh = self.last_fresh = fresh
        return True

    def _count(self, slot: int, failed: bool) -> None:
        self.good_run = 0 if failed else self.good_run + 1
        if failed:
            self.last_failed = slot
        for rate in self.rates.values():
            rate.push(slot, failed)
        if self.flaps is not None:
            self.flaps.push(failed)

    def push_score(self, score: Score) -> bool:
        """Take a quality score in. False: not newer than the last one."""
        if self.score is not None and score.at <= self.score.at:
            return False
        self.score, self.values[QUALITY] = score, score.score
        self.fresh |= QUALITY_BIT
        self.last_fresh |= QUALITY_BIT
        if QUALITY in self.series and score.score is not None and not self.maintenance:
            self.series[QUALITY].push(score.at, score.score)
        return True

    def set_anomaly(self, verdict: AnomalyVerdict) -> None:
        """Hand in what the detector says of the newest slot; before the rules are evaluated."""
        self.anomaly = verdict
        self.fresh |= ANOMALY_BIT

    def close(self, slot: int, *, lost: bool = False) -> bool:
        """A finished tick has nothing of this source for `slot`.

        Only this makes silence count: a dead monitor closes no slot.
        """
        if slot <= self.slot:
            return False
        if not self.first_slot:
            self.first_slot = slot
        self.slot, self.newest_lost, self.anomaly = slot, lost, None
        self.kept_away = False
        self.lost_since += lost
        kept_quality = self.values[QUALITY]
        self.values = [None] * len(METRICS)
        self.values[QUALITY] = kept_quality
        self.fresh = (self.fresh & QUALITY_BIT) | CLOSED_BIT
        self.last_fresh = self.fresh
        return True

    def missing_intervals(self) -> int:
        """Intervals without a verdict up to the newest slot, without those lost to our own network."""
        if self.last_verdict_slot:
            return (self.slot - self.last_verdict_slot) // self.interval_s - self.lost_since
        return (self.slot - self.first_slot) // self.interval_s + 1 - self.lost_since if self.first_slot else 0

    def _push_burn(self, slot: int, status: int) -> None:
        assert self.burn is not None
        if self.scheduled_slot:
            self.burn.skip((slot - self.scheduled_slot) // self.interval_s - 1)
        weight = 2 if status == 3 else self._bad_weight if status == 2 else 0
        if weight:
            self.last_burnt = slot
        self.burn.push(weight)

    @property
    def signature(self) -> str:
        """A kept state fits only a window of the same shape."""
        return f"3|{self.interval_s}|{self._bad_weight}|{self.needs}"

    def to_state(self) -> dict[str, Any]:
        """A JSON-ready copy, some hundred bytes to 2 KB."""
        score = self.score
        return {
            "sig": self.signature,
            "at": [
                self.slot,
                self.scheduled_slot,
                self.first_slot,
                self.last_verdict_slot,
                self.last_failed,
                self.lost_since,
                int(self.newest_lost),
                self.good_run,
                self.last_burnt,
                self.last_fresh,
                int(self.maintenance),
                int(self.kept_away),
            ],
            "values": self.values,
            "score": None if score is None else [score.at, score.score, score.raw, score.half_width, score.uncertain],
            "series": {METRICS[i]: s.to_state() for i, s in self.series.items()},
            "rates": {str(over): r.to_state(self.interval_s) for over, r in self.rates.items()},
            "burn": None if self.burn is None else self.burn.to_state(),
            "flaps": None if self.flaps is None else self.flaps.to_state(),
        }

    @classmethod
    def restore(cls, source: Source, needs: Needs, state: Mapping[str, Any] | None) -> SourceWindow | None:
        """The window as it was kept; None when there is none that fits these rules: push the stored observations
        instead.
        """
        window = cls(source, needs)
        if state is None or state.get("sig") != window.signature:
            return None
        (
            window.slot,
            window.scheduled_slot,
            window.first_slot,
            window.last_verdict_slot,
            window.last_failed,
            window.lost_since,
            lost,
            window.good_run,
            window.last_burnt,
            window.last_fresh,
            maintenance,
            kept_away,
        ) = state["at"]
        window.newest_lost, window.maintenance, window.kept_away = bool(lost), bool(maintenance), bool(kept_away)
        window.values = list(state["values"])
        if state["score"] is not None:
            window.score = Score(*state["score"])
        for metric, kept in state["series"].items():
            window.series[INDEX[metric]].values = deque((int(at), float(v)) for at, v in kept)
        for over, kept in state["rates"].items():
            window.rates[int(over)].restore(kept, window.interval_s)
        if window.burn is not None:
            window.burn.restore(state["burn"])
        if window.flaps is not None:
            window.flaps.restore(state["flaps"])
        return window

    def lookback_s(self) -> int:
        """How far back stored observations must be pushed to rebuild this window."""
        longest = max((s for _, s in self.needs.series), default=0)
        return max(
            longest,
            max(self.needs.rates, default=0),
            21 * self.interval_s if self.needs.flapping else 0,
            864 * self.interval_s if self.needs.burn else 0,
            6 * self.interval_s,
        )
