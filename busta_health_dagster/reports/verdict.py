"""What the week comes to: the verdict that is the subject of the mail and the title of the page, and the paragraph below it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain import report as model
from busta_health_dagster.reports import words
from busta_health_dagster.wording import durations, lists, numbers, percentages, sentences

if TYPE_CHECKING:
    from busta_health_dagster.domain.report import WeeklyReport


def subject(report: WeeklyReport) -> str:
    """Of the mail, the page and the chat: the week, then the verdict."""
    return f"Week {report.week.number}: {verdict(report)}"


def verdict(report: WeeklyReport) -> str:
    """10 of 12 sources met their SLA; pfr_stats and weather_api did not."""
    evaluated = [r for r in report.sla if r.met is not None]
    missed = [r.source for r in evaluated if not r.met]
    unsure = len(report.sla) - len(evaluated)
    if report.empty:
        return "nothing was observed" if report.sources else "no source is configured"
    if not evaluated:
        return f"no SLA verdict yet: {_enough(report)}"
    if not missed:
        said = "every source met its SLA" if len(evaluated) > 1 else f"{evaluated[0].source} met its SLA"
        said = said if not unsure else f"all {len(evaluated)} sources with enough data met their SLA"
    elif len(missed) == len(evaluated):
        said = f"none of {len(evaluated)} sources met its SLA" if len(evaluated) > 1 else f"{missed[0]} missed its SLA"
    else:
        said = (
            f"{len(evaluated) - len(missed)} of {len(evaluated)} sources met their SLA; {lists.listed(missed)} did not"
        )
    return f"{said} ({lists.plural(unsure, 'source')} without a verdict)" if unsure else said


def headline(report: WeeklyReport) -> str:
    return f"{sentences.capital(verdict(report))}."


def _enough(report: WeeklyReport) -> str:
    best = max((r.coverage for r in report.sla if r.coverage is not None), default=0.0)
    return f"{percentages.share(best)}% of 30 days are known, 95% are needed"


def lead(report: WeeklyReport) -> str:
    """The paragraph below the verdict."""
    if report.empty:
        return _nothing(report)
    parts = []
    n = len(report.open)
    if n:
        parts.append(f"{sentences.capital(lists.some(n, 'thing'))} still {'needs' if n == 1 else 'need'} someone.")
    else:
        parts.append("Nothing is open.")
    uptime = report.figure(model.UPTIME)
    before = report.week.number - 1 or "the last one"
    said = f"In the week, fleet uptime was {percentages.share(uptime.now)}%"
    if uptime.before is not None and uptime.now is not None:
        moved = numbers.change(uptime.now, uptime.before)
        word = "unchanged from" if moved == "±0" else f"{'up' if moved[0] == '+' else 'down'} {moved[1:]} on"
        said += f", {word} week {before}" if before != "the last one" else f", {word} the week before"
    parts.append(f"{said}; {_resolved(report)}.")
    if report.began is not None:
        cal = words.Calendar(report.week)
        parts.append(f"The monitor began on {cal.moment(report.began)}: there is nothing to compare with yet.")
    elif report.first:
        parts.append("It is the first week with data: there is nothing to compare with yet.")
    if not report.week.complete:
        cal = words.Calendar(report.week)
        parts.append(f"The week is not over: these are its numbers up to {cal.moment(report.week.until)}.")
    changed = clocks(report)
    return " ".join([*parts, changed] if changed else parts)


def _resolved(report: WeeklyReport) -> str:
    took = report.incidents.took[0] if report.incidents.took else None
    n = len(report.incidents.rows)
    if not n or took is None or took.mean is None:
        return "no incident was resolved"
    if n == 1:
        return f"one incident was resolved, after {durations.duration_text(took.mean)}"
    return (
        f"{lists.some(n, 'incident')} took {durations.duration_text(took.mean)} on average, and half of them "
        f"{durations.duration_text(took.median)} or less"
    )


def _nothing(report: WeeklyReport) -> str:
    cal = words.Calendar(report.week)
    if not report.sources:
        return "Add sources to config/sources.yaml; `busta config doctor` says whether they can be read."
    when = f"between {cal.moment(report.week.since)} and {cal.moment(report.week.until)}"
    return (
        f"Not one of {lists.plural(report.sources, 'source')} was checked {when}. Either the monitor was not running, or "
        "this was before it began; `busta db status` shows from when there are observations."
    )


def clocks(report: WeeklyReport) -> str:
    """A week in which the clocks change has an hour more or less, and says so."""
    extra = report.week.slices - 2016
    if not extra:
        return ""
    way = "back" if extra > 0 else "forward"
    return (
        f"The clocks went {way} ({report.week.zone}): the week has {report.week.slices:,} five-minute slices "
        f"instead of 2,016."
    )
