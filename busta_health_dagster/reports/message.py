"""The report as a message: short for chat, whole for mail. What a channel does with it is the channel's business."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from busta_health_dagster.domain.notification import Attachment, ReportFacts
from busta_health_dagster.extras import installed
from busta_health_dagster.reports import findings, operation, picture, tables, text, verdict, words
from busta_health_dagster.reports.mail import RESPONSE, SCORES, body
from busta_health_dagster.reports.view import View, sla_cells
from busta_health_dagster.wording import glyphs, lists, numbers, sentences

if TYPE_CHECKING:
    from busta_health_dagster.domain.report import WeeklyReport

NAME = "weekly"
CHAT_ROWS = 20
_OPEN_ROWS = 8


def short(report: WeeklyReport) -> ReportFacts:
    """For chat, webhooks and files: the verdict, what is open, the table, what to decide, the link."""
    lines = []
    if report.open:
        notified = [_open_line(report, i) for i in range(min(len(report.open), _OPEN_ROWS))]
        rest = len(report.open) - _OPEN_ROWS
        lines.append(
            ("Still open, worst first", "\n" + "\n".join([*notified, *([f"{rest} more"] if rest > 0 else [])]))
        )
    decide = [f"{what}; {why}." for what, why in report.noise.suggestions[:2]]
    decide += [f"{sentences.capital(operation.dead(d, report))}" for d in report.delivery.dead[:2]]
    if decide:
        lines.append(("To decide", "\n" + "\n".join(f"{i}. {said}" for i, said in enumerate(decide, 1))))
    return ReportFacts(
        name=NAME,
        period=report.week.label,
        headline=verdict.subject(report),
        summary=verdict.lead(report),
        lines=tuple(lines),
        table=_table(report),
        footer=_footer(report),
        url=report.page or None,
        text=text.plain(report),
    )


def whole(report: WeeklyReport) -> ReportFacts:
    """For mail: the text, the HTML with its pictures, and the tables as files."""
    brief = short(report)
    context = View(report).context()
    attachments = []
    if report.response and installed("report"):
        png = picture.multiples(picture.response_panels(report, context["hot_response"]), report.week.since)
        attachments.append(_attached("response.png", "image/png", png, RESPONSE))
    if report.quality and installed("report"):
        png = picture.multiples(picture.quality_panels(report, context["hot_quality"]), report.week.since)
        attachments.append(_attached("quality.png", "image/png", png, SCORES))
    if report.sla:
        attachments.append(
            _attached(f"sources-{report.week.label}.csv", "text/csv", tables.sources_csv(report).encode())
        )
    if report.incidents.rows:
        attachments.append(
            _attached(f"incidents-{report.week.label}.csv", "text/csv", tables.incidents_csv(report).encode())
        )
    return ReportFacts(
        name=brief.name,
        period=brief.period,
        headline=brief.headline,
        summary=brief.summary,
        lines=brief.lines,
        table=brief.table,
        footer=brief.footer,
        url=brief.url,
        text=brief.text,
        html=body(report),
        attachments=tuple(attachments),
    )


def _open_line(report: WeeklyReport, index: int) -> str:
    item = report.open[index]
    acked = item.acked_by or "not acknowledged"
    said = f"{glyphs.STATUS[item.status]} {item.source} {findings.open_title(item, report).removeprefix('has been ')}, {acked}."
    return f"{said} {sentences.capital(item.do)}."


def _table(report: WeeklyReport) -> str:
    if not report.sla:
        return ""
    rows = [["", "source", "30 d", "budget", "week"]]
    for row in report.sla[:CHAT_ROWS]:
        c = sla_cells(row)
        budget = c["budget"] if c["budget"] == numbers.DASH else f"{c['budget']}%"
        rows.append([f"{glyphs.STATUS[row.status]} {row.words}", row.source, c["actual"], budget, c["week"]])
    rest = len(report.sla) - CHAT_ROWS
    shown = text.table(rows, "llrrr", shorten=(1,))
    return f"{shown}\n{lists.plural(rest, 'more source')} in the report" if rest > 0 else shown


def _footer(report: WeeklyReport) -> str:
    share = operation.monitor(report)[0].partition(";")[0].rstrip(".")
    cal = words.Calendar(report.week)
    return f"{cal.title} · {findings.target_text(report)} over 30 days · uptime rounded down · {share[:1].lower()}{share[1:]}"


def _attached(name: str, mime: str, data: bytes, cid: str = "") -> Attachment:
    return Attachment(name, mime, base64.b64encode(data).decode(), cid)
