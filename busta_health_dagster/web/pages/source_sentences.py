"""The first sentences of a source's page: how it is, what is not well with it, and what that means for its data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.anomaly import Metric
from busta_health_dagster.domain.verdict import Outcome
from busta_health_dagster.web.pages.fleet_view import reason
from busta_health_dagster.web.pages.source_figures import normal_range_of
from busta_health_dagster.wording import durations, lists
from busta_health_dagster.wording.measures import limit_text

if TYPE_CHECKING:
    from busta_health_dagster.domain.verdict import CheckVerdict
    from busta_health_dagster.pipeline.views.source_page import SourcePage

PHASES = {"dns": "DNS", "connect": "connect", "tls": "TLS", "first_byte": "first byte", "body": "body"}


def lead(page: SourcePage) -> str:
    """First how it is, and what is not well with it."""
    row, now = page.health, page.fleet.at
    doubt = doubts(page)
    said = "" if doubt else reason(row, now, since=False)
    limit, normal_range = page.limits.response_ms, normal_range_of(page, Metric.RESPONSE)
    if row.shown == "degraded" and row.reason == "slow" and row.response_ms is not None and limit is not None:
        normal = (
            f" and {durations.between(normal_range[-1].p5, normal_range[-1].p95, durations.milliseconds_text)} is normal at this hour"
            if normal_range
            else ""
        )
        return f"Answers in {durations.milliseconds_text(row.response_ms)}; the limit is {limit_text(limit, 'response_ms')}{normal}."
    if said:
        return said
    if row.response_ms is None:
        return doubt or ("Healthy: every check passes." if all_pass(page) else "Up.")
    tail = f"; its limit is {limit_text(limit, 'response_ms')}" if limit is not None else ""
    return f"{doubt} Answers in {durations.milliseconds_text(row.response_ms)}{tail}.".lstrip()


def doubts(page: SourcePage) -> str:
    """What is not well with a source that is up: the figures past a limit, then the checks that fail besides."""
    row = page.health
    if row.shown != "up":
        return ""
    said_already = {"quality" if "quality" in row.but else "", "failure_rate" if "of checks failed" in row.but else ""}
    failing = [f"{c.name.replace('_', ' ')}: {c.reason}" for c in _failing(page) if c.name not in said_already]
    said = "; ".join(filter(None, [row.but, *failing]))
    return f"Up, but {said}." if said else ""


def _failing(page: SourcePage) -> list[CheckVerdict]:
    return [c for c in page.checks.values() if c.outcome is Outcome.BAD]


def all_pass(page: SourcePage) -> bool:
    return bool(page.checks) and all(c.outcome is Outcome.GOOD for c in page.checks.values())


def detail(page: SourcePage) -> str:
    """The second: against normal, where the time goes, whether data still arrive."""
    row = page.health
    answers = row.status in {"up", "degraded"} and not row.stale  # what was seen too long ago is not so now
    said = []
    normal_range = normal_range_of(page, Metric.RESPONSE)
    if normal_range and row.response_ms is not None and answers and row.reason != "slow":
        said.append(
            f"Normal at this hour is {durations.between(normal_range[-1].p5, normal_range[-1].p95, durations.milliseconds_text)}."
        )
    if page.phases is not None and answers and row.reason == "slow":
        said.append(phase_note(page))
    if answers and row.items is not None:
        age = f", the newest {durations.duration_text(row.data_age_s)} old" if row.data_age_s is not None else ""
        said.append(
            f"Data {'still ' if row.status == 'degraded' else ''}arrive: {lists.plural(row.items, 'item')}{age}."
        )
    if row.attempts > 1 and row.status == "up" and not row.stale:
        said.append(f"It took {row.attempts} attempts.")
    impact = page.impact
    if impact is not None and impact.override:
        said.append(impact.override)
    if impact is not None and impact.blocks:
        said.append(impact.blocks)
    elif row.unhealthy and page.source.feeds:
        said.append(f"Feeds {lists.listed(page.source.feeds)}.")
    return " ".join(s for s in said if s)


def phase_note(page: SourcePage) -> str:
    """Which phase takes most of the wait, when one does."""
    if page.phases is None:
        return ""
    took = page.phases.as_dict()
    whole = sum(took.values())
    if whole <= 0:
        return ""
    name, longest = max(took.items(), key=lambda pair: pair[1])
    percent = int(100 * longest / whole)
    if percent < 70 or whole < 100:
        return ""
    said = f"{percent}% of the wait is {PHASES[name]}"
    usual = page.usual_phases.get(name)
    if usual and longest <= 3 * usual:
        return f"{said}, as usual."
    where = {"first_byte": "the provider is slow, not the network", "body": "the body is long or the line is slow"}
    cause = f": {where[name]}" if name in where else ""
    times = f", {longest / usual:.0f} times its usual {durations.short_milliseconds(usual)}" if usual else ""
    return f"{said}{times}{cause}."
