"""`busta demo --tour`: what to look at, in which order, and what will happen while one looks. Pure: a scenario in, lines out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.demo.faults import Fault
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from busta_health_dagster.demo.timeline import Incident, Scenario

_SAID = {
    Fault.OUTAGE: "fails",
    Fault.REFUSED: "refuses connections",
    Fault.TIMEOUT: "does not answer in time",
    Fault.SLOW: "is slow",
    Fault.STALE: "delivers nothing new",
    Fault.BAD_QUALITY: "has bad rows",
    Fault.FLAPPING: "fails now and then",
    Fault.RATE_LIMITED: "answers 429",
    Fault.GARBAGE: "sends a page where data belong",
    Fault.UNSEEN: "cannot be observed",
}
COMING = 4
_HOUR_S = 3600


def tour(scenario: Scenario, url: str) -> list[str]:
    """Numbered stops: what is wrong now, its page, who has it, Dagster, the gate, the report; then what comes in the hour."""
    now = sorted((i for i in scenario.script if i.covers(0)), key=lambda i: (i.fault is not Fault.OUTAGE, i.start_s))
    ill = now[0].source if now else "scores_api"
    health = f"{url}/source-health"
    stops = [
        (health, f"worst first: {plural(len(now), 'source')} in trouble, and why" if now else "everything is up"),
        (f"{health}/s/{ill}", "one source: against its normal range, since when, what it feeds"),
        (f"{health}/incidents", "what went wrong in 30 days, how long it took, who had it"),
        ("busta alerts list", f"who was notified; then: busta alerts ack {ill} --note 'looking'"),
        (f"busta alerts explain {ill}", "why someone was notified, or not"),
        (f"{url}/assets/health/fleet", "the same in Dagster: its asset, its checks, its lineage"),
        ("busta gate check odds_api weather_api", "may a bet be placed on them?"),
        (f"{health}/sla", "who keeps its promise, and how much downtime is left"),
        (f"{health}/reports", "the weekly report"),
    ]
    wide = max(len(where) for where, _ in stops)
    lines = [f"  {n}  {where:<{wide}}  {what}" for n, (where, what) in enumerate(stops, 1)]
    return [*lines, *_coming(scenario)]


def _coming(scenario: Scenario) -> list[str]:
    """The next incidents, in minutes from the start."""
    later = [i.shifted(scenario.loop_from_s) for i in scenario.loop]
    found: list[Incident] = sorted(
        (i for i in (*scenario.script, *later) if 0 < i.start_s <= _HOUR_S), key=lambda i: (i.start_s, i.source)
    )
    return [f"     {i.start_s // 60:>2} min after the start, {i.source} {_SAID[i.fault]}" for i in found[:COMING]]
