"""What each part of the week comes to, in sentences: the same ones in every face, and as alternative texts of the charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain import report as model
from busta_health_dagster.domain.report import SELF_RESOLVED_S
from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.engines.latest_level import latest_level
from busta_health_dagster.reports import words
from busta_health_dagster.wording import durations, lists, numbers, percentages, sentences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.report import OpenItem, TrendRow, WeeklyReport
    from busta_health_dagster.engines.latest_level import LatestLevel

CHANGED_PERCENT = 25.0
"""A p95 that moved by more than this share of last week's is called changed."""
CHANGED_SCORE = 1.0
STATES = {
    "down": "has been down since {}",
    "slow": "has been slow since {}",
    "stale": "has been stale since {}",
    "poor": "has been below its quality limit since {}",
    "thin": "has had too few items since {}",
    "failing": "has failed too often since {}",
    "unseen": "has not been seen since {}",
    "unusual": "has been unlike itself since {}",
    "burning": "has been burning its error budget since {}",
    "drifting": "has been drifting to its limit since {}",
    "flapping": "has kept failing and recovering since {}",
}

_MEASURES = {"stale": "The newest data is of age ", "slow": "The last answers took ", "poor": "Score "}


def sla_note(report: WeeklyReport) -> str:
    cal = words.Calendar(report.week)
    text = f"Uptime over the 30 days to {cal.moment(report.week.until)}, in percent."
    late = [i.source for i in report.open if i.since >= report.week.until and i.status == "down"]
    if late:
        text += f" The outage of {lists.listed(late)} after that is not in it yet."
    return text


def open_title(item: OpenItem, report: WeeklyReport) -> str:
    """What is wrong, without the name."""
    when = words.Calendar(report.week).since(item.since)
    return STATES.get(item.state, f"has been in alert ({item.state}) since {{}}").format(when)


def open_side(item: OpenItem, report: WeeklyReport) -> str:
    age = durations.duration_text(report.week.as_of - item.since)
    return f"{age} · {item.acked_by or 'unacknowledged'}"


def open_detail(item: OpenItem, report: WeeklyReport) -> str:
    """Reason, what it feeds, what it costs."""
    parts = [f"{_measured(item)}."] if item.reason else []
    if len(item.rules) > 1:
        parts.append(f"Open rules: {', '.join(item.rules)}.")
    if item.feeds:
        parts.append(f"Feeds {lists.listed(item.feeds)}.")
    if item.bad_slices >= 3 and report.bad_slices:
        parts.append(f"It used {item.bad_slices:g} of the week's {report.bad_slices:g} bad slices.")
    if item.spare_s is not None:
        left = percentages.budget(item.budget_left)
        more = f"after {durations.duration_text(item.spare_s)} more down" if item.spare_s else "with the next bad check"
        parts.append(f"{left}% of its budget is left: {more} it misses its SLA.")
    return " ".join(parts)


def _measured(item: OpenItem) -> str:
    """The rule's sentence; a bare number gets the name of what it measures."""
    text = item.reason.rstrip(".")
    return f"{_MEASURES.get(item.state, '')}{text}" if text[:1].isdigit() else sentences.capital(text)


def incidents(report: WeeklyReport) -> str:
    rows = report.incidents.rows
    still = (
        f" {sentences.capital(lists.some(report.incidents.open, 'incident'))} stayed open."
        if report.incidents.open
        else ""
    )
    if not rows:
        return f"No incident was resolved in this week.{still}"
    n = len({r.source for r in rows})
    total = durations.duration_text(sum(r.lasted_s for r in rows))
    longest = rows[0]
    acked = (
        "was never acknowledged"
        if longest.acknowledge_s is None
        else f"was acknowledged after {durations.duration_text(longest.acknowledge_s)}"
    )
    head = sentences.capital(lists.some(len(rows), "incident"))
    return f"{head} of {lists.some(n, 'source')}, {total} in all. The longest, {longest.source}, {acked}.{still}"


def response(report: WeeklyReport) -> str:
    rows = report.response
    if not rows:
        return "No response time was measured."
    over = [r for r in rows if r.over is not None and r.over > 100]
    moved = [r for r in rows if r.change_percent is not None and abs(r.change_percent) >= CHANGED_PERCENT]
    known = [r for r in rows if r.change_percent is not None]
    parts = []
    if over:
        parts.append(f"{lists.listed([r.source for r in over])} {'is' if len(over) == 1 else 'are'} over the limit.")
    if moved:
        changes = [
            f"{r.source} {durations.milliseconds_text(r.before)} to {durations.milliseconds_text(r.now)}" for r in moved
        ]
        parts.append(f"{sentences.capital(lists.some(len(moved), 'source'))} changed: {lists.listed(changes)}.")
        steady = [abs(r.change_percent or 0) for r in known if r not in moved]
        if steady:
            parts.append(f"Everything else stays within {max(1, round(max(steady)))}% of last week.")
    elif known:
        most = max(abs(r.change_percent or 0) for r in known)
        parts.append(f"Nothing changed much: every source stays within {max(1, round(most))}% of last week.")
    else:
        parts.append("There is no week before to compare with.")
    return " ".join(parts)


def quality(report: WeeklyReport) -> str:
    rows = [r for r in report.quality if r.now is not None]
    if not rows:
        return "No source had a quality score in this week."
    under = [r for r in rows if r.limit is not None and r.now is not None and r.now < r.limit]
    fell = [r for r in rows if r.before is not None and r.now is not None and r.now - r.before <= -CHANGED_SCORE]
    coming = [r for r in rows if r.crosses_in_days]
    parts = []
    levels = {r.source: level_of(r) for r in report.quality}
    silent = [
        f"{name} for {lists.plural(one.silent_days, 'day')}" for name, one in levels.items() if one and one.is_silent
    ]
    if silent:
        parts.append(f"No score of {lists.listed(silent)}.")
    if under:
        scores = lists.listed([_under(r, levels[r.source]) for r in under])
        parts.append(f"{scores} {'is' if len(under) == 1 else 'are'} below the limit.")
    if fell:
        falls = lists.listed([f"{r.source} from {numbers.score(r.before)} to {numbers.score(r.now)}" for r in fell])
        parts.append(f"Fell: {falls}.")
    parts += [f"{r.source} reaches {r.limit:g} in {r.crosses_in_days} days at this pace." for r in coming[:2]]
    parts += [_uncertain(r) for r in rows if _is_uncertain(r)][:2]
    lowest = rows[0]
    return " ".join(parts) or f"No source lost a point; the lowest is {lowest.source} with {numbers.score(lowest.now)}."


def _under(row: TrendRow, level: LatestLevel | None) -> str:
    since = "" if level is None or level.past_since is None else f", {level.since}"
    return f"{row.source} ({numbers.score(row.now)}{since})"


def _is_uncertain(row: TrendRow) -> bool:
    if row.last is None or row.half_width is None or row.limit is None:
        return False
    return row.half_width > 0 and abs(row.last - row.limit) <= row.half_width


def _uncertain(row: TrendRow) -> str:
    assert row.last is not None
    assert row.half_width is not None
    return f"{row.source} is uncertain: {numbers.score(row.last)} ± {row.half_width:.1f} includes the limit, {row.limit:g}."


def level_of(row: TrendRow) -> LatestLevel | None:
    """Where its newest day stands, as of the end of the week."""
    days = [(from_epoch(at).date(), value) for at, value in row.days]
    return latest_level(days, days[-1][0], row.limit, "lower") if days else None


def outlook(row: TrendRow) -> str:
    """The last column of the quality table."""
    level = level_of(row)
    if level is not None and level.is_silent:
        return f"no score for {lists.plural(level.silent_days, 'day')}"
    if row.limit is None:
        return "no limit"
    if level is not None and level.past_since is not None:
        return level.past()
    if row.crosses_in_days == 0 or (row.now is not None and row.now < row.limit):
        return f"below {row.limit:g}"
    if row.crosses_in_days:
        return f"in {row.crosses_in_days} d"
    return "not in sight" if row.slope is not None else "too few days to say"


def definitions(report: WeeklyReport) -> tuple[tuple[str, str], ...]:
    target = percentages.percent(_common(report.sla))
    allowed = f" (at {target} that is 43.2 slices, 3 h 36 min, in 30 days)" if target == "99.50%" else ""
    return (
        (
            "Uptime",
            (
                "good ÷ (good + bad) slices of five minutes (or of the source's interval, where that is longer), rounded down. "
                "Degraded counts as good unless the source says otherwise."
            ),
        ),
        (
            "Coverage",
            "share of slices with a verdict, maintenance left out. Under 95%: insufficient data, no verdict.",
        ),
        (
            "Budget",
            f"bad slices allowed at the target{allowed}. Left: 1 − bad ÷ allowed. At risk: less than 10% left.",
        ),
        ("MTTR", "first bad to first good check, incidents resolved this week. Open ones are listed, never averaged."),
        ("MTTA", "alert opened to first acknowledgement by a person."),
        ("MTTD", "first bad check to the alert."),
        ("p90, p95", "nearest rank; response times are exact to 4%."),
        (
            "Quality",
            "0 to 100, mean of the week's scores. A fetch without rows has no score and counts against uptime.",
        ),
        ("Self-resolved", f"ended within {SELF_RESOLVED_S // 60} minutes and before anybody acknowledged."),
        ("Ticks", "slots in which the monitor checked anything, of those that were due."),
    )


def _common(rows: Sequence[model.SlaRow]) -> float | None:
    """The target that most sources share."""
    targets = [r.target for r in rows]
    return max(set(targets), key=targets.count) if targets else None


def target_text(report: WeeklyReport) -> str:
    targets = {r.target for r in report.sla}
    return (
        f"target {percentages.percent(next(iter(targets)))}" if len(targets) == 1 else "targets as each source has them"
    )
