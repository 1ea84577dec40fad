"""The error budget: is it burning, when is it gone, who is next, and can the target be measured at all?"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from busta_health_dagster.domain.units import config_duration
from busta_health_dagster.domain.uptime_and_budget import BURN_TIERS, BurnTier, SlaResult
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.numbers import floored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


HORIZONS = tuple(sorted({n for t in BURN_TIERS for n in (t.long, t.short)}))
"""The numbers of newest slots whose bad ones must be known: 3, 6, 12, 72, 864."""

_LEAST_ALLOWANCE = 10
_BUDGET_S = 30 * 86400
_TARGETS = (
    Fraction(999, 1000),
    Fraction(995, 1000),
    Fraction(99, 100),
    Fraction(98, 100),
    Fraction(95, 100),
    Fraction(90, 100),
)
_INTERVALS_S = (3600, 1800, 900, 600, 300, 120, 60)


def firing_tier(bad: Callable[[int], float]) -> BurnTier | None:
    """The loudest tier that fires, given `bad(n)`: how many of the newest n slots are bad, a half-bad one as 0.5.

    Tiers count the source's slots, whatever their length. Alerts and pages ask here.
    """
    return next((t for t in BURN_TIERS if bad(t.long) >= t.long_bad and bad(t.short) >= t.short_bad), None)


@dataclass(frozen=True, slots=True)
class Forecast:
    """`in_s`: seconds until the budget is gone at the recent pace; 0 when it is gone; None when it will last, or
    no one can say.
    """

    in_s: int | None
    text: str


def exhaustion(sla: SlaResult, recent: Fraction | None) -> Forecast:
    """When is the budget gone if things go on as in the recent stretch? `recent` is its burn rate.

    A straight line: what leaves the rolling window meanwhile is not given back, so the forecast errs early.
    """
    if sla.met is None:
        return Forecast(None, "no forecast: insufficient data")
    if sla.allowed_bad == 0:
        return Forecast(None, "no forecast: a target of 100% has no budget")
    if sla.budget_left is not None and sla.budget_left < 0:
        return Forecast(0, "the budget is spent")
    if recent is None:
        return Forecast(None, "no forecast: the recent stretch has no verdict")
    if recent <= 1:
        return Forecast(None, "the budget lasts at the recent pace")
    left = sla.allowed_bad - sla.bad
    seconds = int(left / (recent * (1 - sla.target)) * sla.slice_s)
    return Forecast(
        seconds,
        f"the budget is gone in {duration_text(seconds)} at the recent pace, {floored(recent, 1):g} times its rate",
    )


def time_to_breach_s(sla: SlaResult) -> int | None:
    """How long it may still be down before it misses its target; None when it is missed already or no one can say."""
    return None if sla.spare_slices is None else sla.spare_slices * sla.slice_s


def next_to_breach(results: Iterable[SlaResult]) -> SlaResult | None:
    """Of those that meet their target, the one that may be down for the shortest time; ties by budget, then by name."""
    met = [r for r in results if r.met]
    return min(met, key=lambda r: (time_to_breach_s(r), r.budget_left or 0, r.source), default=None)


@dataclass(frozen=True, slots=True)
class Measurable:
    """Does the target leave at least 10 slots in 30 days? `allowance` is how many; reason and remedy are for the
    doctor.
    """

    ok: bool
    allowance: Fraction
    reason: str = ""
    remedy: str = ""


def measurable(target: Fraction, interval_s: int) -> Measurable:
    """99.5% at 5 minutes leaves 43.2 slots; 99.9% leaves 8.64, so that one failed check takes an eighth of the
    budget.

    An explicit target that is not measurable is refused, an inherited one reported and never alerted: the caller
    decides.
    """
    allowance = (1 - target) * _BUDGET_S / interval_s
    if allowance >= _LEAST_ALLOWANCE:
        return Measurable(ok=True, allowance=allowance)
    written = f"{float(target * 100):g}%"
    share = f"takes {floored(100 / allowance, 1):g}% of the budget" if allowance else "misses it for 30 days"
    reason = (
        f"{written} cannot be alerted on at an interval of {config_duration(interval_s)}: 30 days allow "
        f"{floored(allowance, 2):g} bad checks, so that one single failed check {share}."
    )
    lower = next((t for t in _TARGETS if t < target and (1 - t) * _BUDGET_S / interval_s >= _LEAST_ALLOWANCE), None)
    faster = next(
        (i for i in _INTERVALS_S if i < interval_s and (1 - target) * _BUDGET_S / i >= _LEAST_ALLOWANCE), None
    )
    ways = [f"sla: {{uptime: {float(lower * 100):g}%}}"] if lower is not None else []
    ways += [f"interval: {config_duration(faster)}"] if faster is not None else []
    return Measurable(
        ok=False, allowance=allowance, reason=reason, remedy="   or   ".join(ways) or "a lower sla.uptime"
    )
