"""What the rules of one source remember: small rings that are pushed to, so that a verdict costs the same at any age.

One `SourceWindow` serves the live pass and the backtest. Live, it lies in the store between ticks (`window_state`); a
state that does not fit the rules any more is rebuilt by pushing stored observations again. It is a cache of the store,
never a truth. Pushing one observation costs 2-4 us; re-reading the windows of 5,000 sources each tick would be 4
million rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.observation import Kind, Observation, Status
from busta_health_dagster.domain.verdict import Score
from busta_health_dagster.engines.rules.metrics import (
    AGE_BIT,
    ANOMALY_BIT,
    ATTEMPTS_BIT,
    CLOSED_BIT,
    FAILED_BIT,
    FIRST_CUSTOM,
    ITEMS_BIT,
    LIMITED_REASON,
    NETWORK_REASON,
    OBSERVED_BIT,
    QUALITY,
    QUALITY_BIT,
    RESPONSE_BIT,
    SIZE_BIT,
    SLOTTED_BIT,
    STATUS_BIT,
    TLS_BIT,
    position,
    width,
)
from busta_health_dagster.engines.rules.rings import BurnRing, FlapBits, RateRing, Series

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.domain.anomaly import AnomalyVerdict
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.rules.needs import Needs


class SourceWindow:
    """The memory of one source's rules.

    `slot`s are epoch seconds; values are in the metric's unit (see `Condition`). `score_awaited_since` is the newest score,
    or the first slot since the source is to be scored.
    """

    __slots__ = (
        "anomaly",
        "bad_weight",
        "burn",
        "custom",
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
        "score_awaited_since",
        "scored",
        "series",
        "slot",
        "source",
        "values",
    )

    def __init__(self, source: Source, needs: Needs) -> None:
        self.source = source.name
        self.interval_s = source.interval_s
        self.needs = needs
        self.bad_weight = {"good": 0, "half": 1, "bad": 2}[source.sla.degraded]
        self.slot = self.scheduled_slot = self.first_slot = 0
        self.last_verdict_slot = self.last_failed = self.last_burnt = 0
        self.lost_since = 0
        self.newest_lost = self.maintenance = self.kept_away = False
        self.good_run = 0
        self.fresh = self.last_fresh = 0
        self.custom = source.metric_names
        self.values: list[float | None] = [None] * width(source)
        self.score: Score | None = None
        self.scored, self.score_awaited_since = source.quality is not None, 0
        self.anomaly: AnomalyVerdict | None = None
        self.series = {
            at: Series(over) for metric, over in needs.series if (at := position(metric, source)) is not None
        }
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
            light=o.light,
            metrics=o.metrics,
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
        light: bool = False,
        metrics: Mapping[str, float] | None = None,
    ) -> bool:
        """`push` for plain values: the backtest's path.

        A manual observation is evaluated and stays out of the slot windows (rate, burn, flapping); a slot in maintenance
        stays out of all windows, as if it had not been. A `limited` one has a status, and brought no data; neither did a
        `light` one, after which the values of the last full one stay, and none of them is new.
        """
        if slot < self.slot or (scheduled and slot == self.scheduled_slot):
            return False
        if not (self.first_slot and self.score_awaited_since):
            self._begin(slot)
        self.slot, self.anomaly = slot, None
        self.maintenance, self.kept_away = maintenance, limited
        if suspect:
            response_ms = None
        values = self.values
        values[0], values[5] = status, None
        values[1], values[6], values[7] = response_ms, tls_days_left, attempts
        fresh = (
            OBSERVED_BIT
            | CLOSED_BIT
            | (0 if response_ms is None else RESPONSE_BIT)
            | (0 if tls_days_left is None else TLS_BIT)
        )
        if not light:
            fresh |= self._take_data(items, data_age_s, size_bytes, metrics)
        if quality is not None:
            self.score, values[QUALITY] = Score(slot, quality), quality
            self.score_awaited_since = slot
            fresh |= QUALITY_BIT
        if status:
            values[5] = 100.0 if status == 3 else 0.0
            fresh |= STATUS_BIT | FAILED_BIT | ATTEMPTS_BIT
            self.newest_lost = False
            if not limited:
                self.last_verdict_slot, self.lost_since = slot, 0
        else:
            self.newest_lost = lost
            self.lost_since += lost
        if scheduled:
            if not maintenance:
                fresh |= self._count(slot, status)
            self.scheduled_slot = slot
        if self.series and not maintenance:
            self._remember(slot, fresh)
        self.fresh = self.last_fresh = fresh | self.fresh & QUALITY_BIT  # a score that no one evaluated yet stays new
        return True

    def _take_data(
        self,
        items: float | None,
        data_age_s: float | None,
        size_bytes: float | None,
        metrics: Mapping[str, float] | None,
    ) -> int:
        """What a full observation brought. -> the bits of what is new."""
        values = self.values
        values[2], values[3], values[8] = items, data_age_s, size_bytes
        fresh = (
            (0 if items is None else ITEMS_BIT)
            | (0 if data_age_s is None else AGE_BIT)
            | (0 if size_bytes is None else SIZE_BIT)
        )
        for at, name in enumerate(self.custom, FIRST_CUSTOM):
            values[at] = metrics.get(name) if metrics else None
            if values[at] is not None:
                fresh |= 1 << at
        return fresh

    def _begin(self, slot: int) -> None:
        self.first_slot = self.first_slot or slot
        self.score_awaited_since = self.score_awaited_since or slot

    def _count(self, slot: int, status: int) -> int:
        """One scheduled slot outside maintenance enters what counts slots. -> SLOTTED_BIT, where it has a verdict."""
        if self.burn is not None:
            if self.scheduled_slot:
                self.burn.skip((slot - self.scheduled_slot) // self.interval_s - 1)
            weight = 2 if status == 3 else self.bad_weight if status == 2 else 0
            if weight:
                self.last_burnt = slot
            self.burn.push(weight)
        if not status:
            return 0
        failed = status == 3
        if failed:
            self.last_failed, self.good_run = slot, 0
        else:
            self.good_run += 1
        for rate in self.rates.values():
            rate.push(slot, failed)
        if self.flaps is not None:
            self.flaps.push(failed)
        return SLOTTED_BIT

    def _remember(self, slot: int, fresh: int) -> None:
        """New values enter the series that aggregates and trends are taken of."""
        for i, series in self.series.items():
            value = self.values[i]
            if value is not None and fresh & (1 << i):
                series.push(slot, value)

    def push_score(self, score: Score) -> bool:
        """Take a quality score in. False: not newer than the last one."""
        if self.score is not None and score.at <= self.score.at:
            return False
        self.score, self.values[QUALITY] = score, score.score
        if score.score is not None:
            self.score_awaited_since = score.at
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
        self._begin(slot)
        self.slot, self.newest_lost, self.anomaly = slot, lost, None
        self.kept_away = False
        self.lost_since += lost
        kept_quality = self.values[QUALITY]
        self.values = [None] * len(self.values)
        self.values[QUALITY] = kept_quality
        self.fresh = (self.fresh & QUALITY_BIT) | CLOSED_BIT
        self.last_fresh = self.fresh
        return True

    def missing_intervals(self) -> int:
        """Intervals without a verdict up to the newest slot, without those lost to our own network."""
        if self.last_verdict_slot:
            return (self.slot - self.last_verdict_slot) // self.interval_s - self.lost_since
        return (self.slot - self.first_slot) // self.interval_s + 1 - self.lost_since if self.first_slot else 0

    def lookback_s(self) -> int:
        """How far back stored observations must be pushed to rebuild this window."""
        return self.needs.lookback_s(self.interval_s)
