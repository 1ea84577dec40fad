"""Incidents as pages: the list of a window, and the whole of one incident. Every figure is the document's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.alert import Event
from busta_health_dagster.web.pages.alert_view import EVENT_MARKS, EVENT_WORDS, Happened
from busta_health_dagster.web.pages.asked import Turn, address, number, text
from busta_health_dagster.web.pages.frame import ROOT
from busta_health_dagster.web.pages.texts import epoch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from busta_health_dagster.domain.documents.alerts import AlertRow
    from busta_health_dagster.domain.documents.service import IncidentDetail, IncidentRow, IncidentTable

PATH = f"{ROOT}/incidents"
WINDOWS = {"24h": "24 h", "7d": "7 d", "30d": "30 d", "90d": "90 d", "365d": "1 year"}
STATES = {"open": "open", "acked": "acknowledged", "resolved": "resolved"}
SEVERITIES = ("critical", "warning", "info")
_SIZE = 100
_LINES = 60


def filters(query: Mapping[str, str]) -> dict[str, str]:
    """What of the list is asked for."""
    return {
        "window": text(query, "window", WINDOWS, "30d"),
        "source": text(query, "source"),
        "rule": text(query, "rule"),
        "severity": text(query, "severity", SEVERITIES),
        "state": text(query, "state", STATES),
    }


def incidents_view(table: IncidentTable, asked: Mapping[str, str], query: Mapping[str, str]) -> dict[str, Any]:
    """The list. The figures are those of the whole window (and source); rule, severity and state choose among its rows."""
    every = table["incidents"]
    rows = [i for i in every if _takes(asked, i)]
    page = min(number(query), max(1, -(-len(rows) // _SIZE)))
    narrow = {k: v for k, v in asked.items() if (k, v) != ("window", "30d")}
    return {
        "table": table,
        "asked": asked,
        "rows": rows[(page - 1) * _SIZE : page * _SIZE],
        "turn": Turn(page, len(rows), _SIZE, PATH, narrow),
        "windows": [
            (w, said, address(PATH, **{**narrow, "window": w}), asked["window"] == w) for w, said in WINDOWS.items()
        ],
        "sources": _known((i["source"] for i in every), asked["source"]),
        "rules": _known((rule for i in every for rule in i["rules"]), asked["rule"]),
        "severities": SEVERITIES,
        "states": STATES,
        "mark_of": mark_of,
        "narrowed": any(asked[k] for k in ("source", "rule", "severity", "state")),
        "path": PATH,
    }


def _known(names: Iterable[str], chosen: str) -> list[str]:
    return sorted({*names, *([chosen] if chosen else [])})


def _takes(asked: Mapping[str, str], incident: IncidentRow) -> bool:
    return (
        (not asked["rule"] or asked["rule"] in incident["rules"])
        and (not asked["severity"] or asked["severity"] == incident["severity"])
        and (not asked["state"] or asked["state"] == incident["state"])
    )


def incident_view(
    incident: IncidentDetail, alerts: Sequence[AlertRow], shown: str, now: int, known: bool
) -> dict[str, Any]:
    """One incident: `shown` is the status of its source now, `known` whether the source has a page."""
    began, ended = epoch(incident["started_at"]), epoch(incident["resolved_at"])
    timeline = _timeline(incident)
    return {
        "incident": incident,
        "title": f"{incident['id']} {incident['source']}",
        "about": " ".join(filter(None, (incident["source"], incident["subject"]))),
        "known": known,
        "status": mark_of(incident),
        "word": STATES[incident["state"]],
        "began": began,
        "ended": ended,
        "source_status": shown,
        "alerts": [a for a in alerts if a["state"] == "open"],
        "over": [a for a in alerts if a["state"] != "open"],
        "timeline": timeline[:_LINES],
        "earlier": timeline[_LINES:],
        "deeds": sorted(
            {e["actor"] for e in incident["timeline"] if e["actor"]} | {n["author"] for n in incident["notes"]}
        ),
        "now": now,
    }


def mark_of(incident: IncidentRow) -> str:
    """The shape of an incident: what its source was, or is again."""
    if incident["resolved_at"] is not None:
        return "up"
    return "down" if "source-down" in incident["rules"] or incident["severity"] == "critical" else "degraded"


def _timeline(incident: IncidentDetail) -> list[Happened]:
    """Everything that happened and that people wrote, newest first."""
    lines: list[Happened] = []
    for e in incident["timeline"]:
        event = Event(e["event"])
        what = f"{EVENT_WORDS[event]}: {e['rule']}" + (f", by {e['actor']}" if e["actor"] else "")
        lines.append(Happened(epoch(e["at"]) or 0, what, e["reason"], EVENT_MARKS.get(event, "")))
    for n in incident["notes"]:
        said = "Cause" if n["kind"] == "cause" else "Note"
        lines.append(Happened(epoch(n["at"]) or 0, f"{said} by {n['author']}", n["text"]))
    lines.reverse()
    lines.sort(key=lambda line: -line.at)
    return lines
