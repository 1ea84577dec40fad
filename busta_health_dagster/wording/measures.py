"""A metric's value with its unit. Which metric is written how is decided here, by its name."""

from __future__ import annotations

from busta_health_dagster.wording.durations import between, duration_text, milliseconds_text
from busta_health_dagster.wording.numbers import DASH, amount, count, score, size
from busta_health_dagster.wording.percentages import failure_rate, percent

_PERCENT = frozenset({"uptime", "coverage", "coverage_30d", "budget_left", "target"})
_FAILURES = frozenset({"failed", "share", "failure_rate", "failure_percent"})


def measure(value: float | None, metric: str | None) -> str:
    """209 ms, 6.41 s, 1 d 4 h, 89.0, 12.5%, 1,234; by the name of the metric, or by its suffix `_ms` or `_s`."""
    if value is None:
        return DASH
    name = metric or ""
    if name == "quality":
        return score(value)
    if name in _PERCENT:
        return percent(value)
    if name in _FAILURES:
        return failure_rate(value)
    if name == "items":
        return count(value) if value >= 10 else amount(round(value, 1))  # an average may lie between two counts
    if name == "size_bytes":
        return size(value)
    if name.endswith("_ms"):
        return milliseconds_text(value)
    if name == "tls_days_left":
        return f"{value:.1f} days"
    return duration_text(value) if name.endswith("_s") else amount(value)


def has_unit(metric: str) -> bool:
    """Does the name alone say the unit?"""
    return metric.endswith(("_ms", "_s")) or metric in _PERCENT or metric in _FAILURES


def measured_range(low: float, high: float, metric: str | None) -> str:
    """113–179 ms, 88.9–97.2."""
    return between(low, high, count if metric == "items" else lambda value: measure(value, metric))


def limit_text(limit: float, metric: str | None) -> str:
    """A limit as it is written in the file: 5 s, 90, 5%."""
    name = metric or ""
    if name.endswith("_ms"):
        return f"{limit:g} ms" if limit < 1000 else f"{limit / 1000:g} s"
    if name in _FAILURES or name in _PERCENT:
        return f"{limit:g}%"
    return measure(limit, name) if name.endswith(("_s", "_left")) else f"{limit:,.10g}"
