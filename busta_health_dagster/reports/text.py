"""The report as plain text of at most 76 columns: the text part of the mail, and what a terminal shows."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from busta_health_dagster.reports import findings, operation, verdict, words
from busta_health_dagster.reports.view import View, metric_cells, sla_cells
from busta_health_dagster.wording import durations, glyphs, lists, numbers, sentences

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.report import WeeklyReport

WIDTH = 76
ROWS = 40
_UNIT = re.compile(r"(\d) (?=(?:ms|s|min|h|d|UTC)\b|%)")


def plain(report: WeeklyReport) -> str:
    """The whole report. Long fleets are cut, worst first, and say so."""
    view = View(report, ROWS)
    cal, week = view.cal, report.week
    blocks = [
        f"SOURCE HEALTH, WEEK {week.number} OF {week.year}\n"
        + wrapped(f"{cal.title}. Written {cal.moment(report.written_at)}."),
        wrapped(verdict.headline(report)),
        wrapped(verdict.lead(report)),
        *_open(report),
    ]
    if not report.empty:
        blocks += [_figures(view), *_sla(view), *_incidents(view), *_trends(view), *_metrics(view), _noise(report)]
    blocks += [_maintenance(report), _delivery(report), _monitor(report), _definitions(report), _links(report)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _open(report: WeeklyReport) -> list[str]:
    if not report.open:
        return []
    lines = ["OPEN, WORST FIRST", ""]
    for item in report.open:
        side = findings.open_side(item, report).replace(" · ", ", ")
        shape = glyphs.STATUS[item.status]
        lines.append(wrapped(f"{shape} {item.source} {findings.open_title(item, report)} ({side}).", "  "))
        detail = findings.open_detail(item, report)
        lines += [wrapped(detail, "  ", "  ")] if detail else []
        lines.append(wrapped(f"Do: {item.do}.", "  ", "  "))
        lines += [f"  {item.runbook}"] if item.runbook else []
    return ["\n".join(lines)]


def _figures(view: View) -> str:
    rows = [["IN FIGURES", f"week {view.report.week.number}", view.before, "change"]]
    for one in view.report.figures:
        if one.now is None and one.before is None:
            continue
        value, unit, was, change = words.figure(one)
        name = f"{one.name}, %" if unit == "%" else f"{one.name}, {unit}" if unit else one.name
        rows.append([f"  {name}", value, was, change])
    return table(rows, "lrrr", gap=3)


def _sla(view: View) -> list[str]:
    report = view.report
    if not report.sla:
        return []
    rows = [["", "source", "actual", "cover", "budget", f"wk {report.week.number}", f"on {_short(view.before)}"]]
    shown, more = view.cut(report.sla)
    for row in shown:
        c = sla_cells(row)
        label = f"{glyphs.STATUS[row.status]} {_brief(row.words)}"
        rows.append([label, row.source, c["actual"], c["coverage"], c["budget"], c["week"], c["change"]])
    target = findings.target_text(report).upper()
    cal = view.cal
    head = wrapped(f"SLA, 30 DAYS TO {cal.moment(report.week.until).upper()}, {target}, IN PERCENT")
    note = findings.sla_note(report).partition("in percent.")[2].strip()
    return [
        "\n".join(
            [
                head,
                "",
                indent(table(rows, "llrrrrr", shorten=(1,))),
                *_more(more),
                *([wrapped(note, "  ", "  ")] if note else []),
            ]
        )
    ]


def _brief(verdict: str) -> str:
    return {"insufficient data": "unsure"}.get(verdict, verdict)


def _short(before: str) -> str:
    return before.removeprefix("week ") if before.startswith("week") else "before"


def _incidents(view: View) -> list[str]:
    report = view.report
    blocks = ["INCIDENTS RESOLVED", indent(wrapped(findings.incidents(report), width=WIDTH - 2))]
    if report.incidents.rows:
        rows = [["", "mean", "median", "p90", "of"]]
        rows += [
            [
                t.name.partition(",")[0].lower(),
                durations.duration_text(t.mean),
                durations.duration_text(t.median),
                durations.duration_text(t.p90),
                str(t.of),
            ]
            for t in report.incidents.took
        ]
        blocks.append(indent(table(rows, "lrrrr")))
        listed = [["incident", "source", "began", "lasted", "acked", "cause"]]
        shown, more = view.cut(report.incidents.rows)
        for i in shown:
            acked = durations.duration_text(i.acknowledge_s) if i.acknowledge_s is not None else "no one"
            listed.append(
                [
                    i.id,
                    i.source,
                    view.cal.short(i.started_at),
                    durations.duration_text(i.lasted_s),
                    acked,
                    i.cause or "not noted",
                ]
            )
        blocks.append("\n".join([indent(table(listed, "lllrrl", shorten=(5, 1))), *_more(more)]))
    return ["\n\n".join(blocks)]


def _trends(view: View) -> list[str]:
    report = view.report
    scored = {r.source: r for r in report.quality}
    timed = {r.source: r for r in report.response}
    names = [r.source for r in report.quality] + [r.source for r in report.response if r.source not in scored]
    if not names:
        return []
    said = indent(
        "\n".join(
            [wrapped(findings.response(report), width=WIDTH - 2), wrapped(findings.quality(report), width=WIDTH - 2)]
        )
    )
    rows = [["source", "p95", "was", "quality", "was", "slope/d"]]
    shown, more = view.cut(names)
    for name in shown:
        t, q = timed.get(name), scored.get(name)
        rows.append(
            [
                name,
                durations.milliseconds_text(t.now if t else None),
                durations.milliseconds_text(t.before if t else None),
                numbers.score(q.now if q else None),
                numbers.score(q.before if q else None),
                numbers.signed(q.slope if q else None),
            ]
        )
    return [
        "\n\n".join(
            [
                "RESPONSE AND QUALITY, WORST QUALITY FIRST",
                said,
                "\n".join([indent(table(rows, "lrrrrr", shorten=(0,))), *_more(more)]),
            ]
        )
    ]


def _metrics(view: View) -> list[str]:
    shown, more = view.cut(view.report.metrics)
    if not shown:
        return []
    rows = [["source", "metric", "mean", "was", "change", "lowest", "highest"], *map(metric_cells, shown)]
    lines = [indent(table(rows, "llrrrrr", shorten=(0, 1))), *_more(more)]
    return ["METRICS OF THEIR OWN, WHAT CHANGED MOST FIRST\n\n" + "\n".join(lines)]


def _noise(report: WeeklyReport) -> str:
    n = report.noise
    head = f"NOISE: {n.sent:,} NOTIFICATION{'S' * (n.sent != 1)} FOR {n.alerts:,} ALERT{'S' * (n.alerts != 1)}"
    rows = [["rule", "opened", "sent", "self-res.", "never acked"]]
    for r in n.rows:
        alone = str(r.self_resolved) if r.opened else "-"
        rows.append(
            [
                f"{r.rule}{' (trial)' if r.shadow else ''}",
                str(r.opened),
                str(r.sent),
                alone,
                "-" if r.shadow else str(r.never_acked),
            ]
        )
    lines = [head, "", indent(table(rows, "lrrrr", shorten=(0,)))]
    flapped = sorted({s for r in n.rows for s in r.flapping})
    if flapped:
        lines.append(
            wrapped(f"Flapping: {lists.listed(flapped)}, {lists.plural(n.held_back, 'repeat')} held back.", "  ", "  ")
        )
    if n.suggestions:
        lines += ["", "  Suggested, from the last 30 days:"]
        lines += [
            wrapped(f"{i}. {what}. {sentences.capital(why)}.", "  ", "     ")
            for i, (what, why) in enumerate(n.suggestions, 1)
        ]
    return "\n".join(lines)


def _maintenance(report: WeeklyReport) -> str:
    m, cal = report.maintenance, words.Calendar(report.week)
    lines = ["MAINTENANCE"]
    lines += [_entry("Used:", operation.planned(w, report)) for w in m.used] or ["  No maintenance in this week."]
    lines += [_entry("Now:", f"{lists.listed(w.sources) or w.window} until {cal.moment(w.end)}.") for w in m.now]
    if m.next:
        lines.append(_entry("Next:", "; ".join(operation.coming(w, report) for w in m.next[:4]) + "."))
    return "\n".join(lines)


def _entry(label: str, said: str) -> str:
    return wrapped(f"{label:<5} {said}", "  ", "        ")


def _delivery(report: WeeklyReport) -> str:
    lines = ["DELIVERY"]
    lines += [
        wrapped(
            f"{glyphs.SEVERITY['critical']} Dead letter: {operation.dead(letter, report)} Do: {operation.dead_do(letter)}.",
            "  ",
            "    ",
        )
        for letter in report.delivery.dead[:5]
    ]
    lines.append(wrapped(operation.channels(report).replace(" · ", ", "), "  ", "  "))
    if operation.delays(report):
        lines.append(wrapped(operation.delays(report), "  ", "  "))
    return "\n".join(lines)


def _monitor(report: WeeklyReport) -> str:
    return "THE MONITOR ITSELF\n" + wrapped(" ".join(operation.monitor(report)), "  ", "  ")


def _definitions(report: WeeklyReport) -> str:
    lines = [wrapped(f"{name}: {meaning}", "  ", "    ") for name, meaning in findings.definitions(report)]
    return "WHAT THE WORDS MEAN\n" + "\n".join(lines)


def _links(report: WeeklyReport) -> str:
    if not report.base_url:
        return wrapped(f"Numbers: busta report weekly --week {report.week.label} --format json", "", "  ")
    return f"Report:  {report.page}\nFigures: {report.base_url}/api/v1/reports/{report.week.label}"


def _more(n: int) -> list[str]:
    return [f"  {lists.plural(n, 'more row')}: see the attached table."] if n else []


def table(rows: Sequence[Sequence[str]], align: str, *, gap: int = 2, shorten: Sequence[int] = ()) -> str:
    """Columns of equal width; the columns `shorten` give way, in this order, where the whole would be wider than the
    page.
    """
    widths = [max(len(row[i]) for row in rows) for i in range(len(align))]
    for column in shorten:
        over = sum(widths) + gap * (len(widths) - 1) - (WIDTH - 2)
        if over > 0:
            widths[column] = max(widths[column] - over, min(widths[column], 10))
    lines = []
    for row in rows:
        cells = [_cut(cell, w) for cell, w in zip(row, widths, strict=True)]
        padded = [c.rjust(w) if a == "r" else c.ljust(w) for c, w, a in zip(cells, widths, align, strict=True)]
        lines.append((" " * gap).join(padded).rstrip())
    return "\n".join(lines)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def indent(block: str) -> str:
    return textwrap.indent(block, "  ")


def wrapped(text: str, first: str = "", rest: str = "", width: int = WIDTH) -> str:
    """Lines of at most `width`; a number keeps its unit."""
    if first and not rest:
        rest, first = first, ""
    tied = _UNIT.sub("\\1\u00a0", text)
    rows = textwrap.wrap(tied, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)
    return "\n".join(row.replace("\u00a0", " ") for row in rows)
