"""What is not well with a source that is up: only one without any of these may be called healthy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.engines.rules import quality_limit
from busta_health_dagster.wording import lists, numbers, percentages

if TYPE_CHECKING:
    from busta_health_dagster.domain.rule import Limits
    from busta_health_dagster.domain.source import Source


def reservations(
    source: Source,
    limits: Limits,
    *,
    quality: float | None,
    failure_percent: float | None,
    budget_left: float | None,
    open_alerts: int,
) -> tuple[str, ...]:
    """Every figure that is past its limit, as a list shows it, worst kind first; then the alerts that are open. Percentages are
    0-100; `budget_left` only where enough was seen to say it.
    """
    said = []
    floor = quality_limit(source, limits)
    if quality is not None and source.quality is not None and quality < floor:
        said.append(f"quality {numbers.score(quality)}, limit {floor:g}")
    most = None if limits.failure_ratio is None else 100 * limits.failure_ratio
    if most is not None and failure_percent is not None and failure_percent > most:
        said.append(f"{percentages.failure_rate(failure_percent)} of checks failed, limit {most:g}%")
    if budget_left is not None and budget_left < 0:
        said.append(f"error budget {percentages.budget(budget_left)}%")
    if open_alerts:
        said.append(f"{lists.plural(open_alerts, 'alert')} open")
    return tuple(said)
