"""Incidents as tables for people, and one as the Markdown that a post-mortem begins with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.cli.glyphs import glyph_set
from busta_health_dagster.cli.tables import Columns
from busta_health_dagster.domain.units import from_epoch, from_iso
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import RenderableType

    from busta_health_dagster.domain.documents.service import IncidentDetail, IncidentFacts, IncidentRow, IncidentTable

_COLOURS = {"open": "red", "acked": "yellow", "resolved": "green"}


def _took(value: float | None) -> str:
    return glyph_set().write(duration_text(value))


def _when(instant: str) -> str:
    return f"{from_epoch(from_iso(instant)):%d %b %H:%M:%S}"


def table(found: IncidentTable) -> Iterator[RenderableType]:
    """Those open first, the numbers of those resolved, and which window that was."""
    if found["incidents"]:
        yield _rows(found["incidents"])
        yield ""
    heads = ("", "RESOLVED", "MTTR", "MEDIAN", "P90", "MTTA", "MTTD", "MTBF", "OPEN")
    figures = Columns(heads, right=frozenset(heads[1:]), drop=("P90", "MTTD"))
    for key, s in ({"all": found} | found.get("groups", {})).items():
        mttr = s["mttr_s"]
        figures.add(
            key,
            str(s["resolved"]),
            _took(mttr["mean"]),
            _took(mttr["median"]),
            _took(mttr["p90"]),
            _took(s["mtta_s"]["mean"]),
            _took(s["mttd_s"]["mean"]),
            _took(s["mtbf_s"]),
            str(s["open"]),
        )
    yield figures
    yield (
        f"Window {found['window']}: {found['since']} to {found['until']}, end exclusive; means are over what was resolved "
        "in it."
    )


def _rows(incidents: Iterable[IncidentRow]) -> Columns:
    from rich.text import Text

    heads = ("", "ID", "SOURCE", "STATE", "SEVERITY", "STARTED", "LASTED", "DETECTED", "ACKED", "RULES", "CAUSE")
    rows = Columns(heads, drop=("DETECTED", "ACKED", "SEVERITY", "CAUSE", "STATE"))
    for i in incidents:
        rows.add(
            Text(_sign(i["state"], i["severity"]), style=_COLOURS[i["state"]]),
            i["id"],
            _about(i),
            i["state"],
            i["severity"],
            _when(i["started_at"])[:-3],
            duration_text(i["age_s"]),
            _took(i["ttd_s"]),
            _took(i["tta_s"]),
            _rules(i["rules"]),
            Text(i["cause"] or glyph_set().dash),
        )
    return rows


def _about(incident: IncidentFacts) -> str:
    return f"{incident['source']} {incident['subject'] or ''}".rstrip()


def _rules(rules: Sequence[str]) -> str:
    return rules[0] + (f" + {len(rules) - 1}" if len(rules) > 1 else "") if rules else ""


def _sign(state: str, severity: str) -> str:
    return glyph_set().alerts["resolved" if state == "resolved" else severity]


def one(explanation: IncidentDetail) -> Iterator[RenderableType]:
    """A headline, what is known of it, and everything that happened, oldest first."""
    from rich.text import Text

    head = Text(_sign(explanation["state"], explanation["severity"]), style=_COLOURS[explanation["state"]])
    head.append(
        f" {explanation['id']} {_about(explanation)} {explanation['severity']}: {', '.join(explanation['rules'])}",
        style="default",
    )
    yield head
    ended = explanation["resolved_at"]
    state = f"{explanation['state']}, {duration_text(explanation['age_s'])} so far"
    if ended is not None:
        state = f"resolved {_when(ended)}, lasted {duration_text(explanation['age_s'])}"
    yield Text(f"  started {_when(explanation['started_at'])}, opened {_when(explanation['opened_at'])}, {state}")
    ask = f"not written yet; busta incidents cause {explanation['id']} TEXT"
    yield Text(f"  cause   {explanation['cause'] or ask}")
    yield ""
    events = Columns(("AT (UTC)", "RULE", "EVENT", "WHY"))
    for at, rule, event, why in _events(explanation):
        events.add(_when(at), rule, event, Text(why))
    yield events


def _events(explanation: IncidentDetail) -> list[tuple[str, str, str, str]]:
    rows = [(e["at"], e["rule"], e["event"], e["reason"]) for e in explanation["timeline"]]
    rows += [(n["at"], "", f"{n['kind']} by {n['author']}", n["text"]) for n in explanation["notes"]]
    return sorted(rows, key=lambda row: row[0])


def markdown(explanation: IncidentDetail) -> str:
    """The start of a post-mortem: the facts, the timeline, and headings to be filled in."""
    ended, acked = explanation["resolved_at"], explanation["acked_at"]
    facts = (
        ("Source", _about(explanation)),
        ("Severity", explanation["severity"]),
        ("Rules", ", ".join(explanation["rules"])),
        ("Started (first bad slot)", explanation["started_at"]),
        ("Opened", f"{explanation['opened_at']}, {duration_text(explanation['ttd_s'])} later"),
        ("Acknowledged", f"{acked}, {duration_text(explanation['tta_s'] or 0)} later" if acked else "by no one"),
        ("Ended (first good slot)", ended or f"open, {duration_text(explanation['age_s'])} so far"),
        ("Time to resolve", duration_text(explanation["ttr_s"])),
        ("Cause", explanation["cause"] or "not written yet"),
    )
    lines = [f"# {explanation['id']}: {_about(explanation)}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {_cell(value)} |" for name, value in facts]
    lines += ["", "## Timeline (UTC)", "", "| when | what | why |", "|---|---|---|"]
    for at, rule, event, why in _events(explanation):
        lines.append(f"| {at} | {_cell(f'{rule}: {event}' if rule else event)} | {_cell(why)} |")
    lines += ["", "## Impact", "", "## What went well, and what did not", "", "## What we change", ""]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
