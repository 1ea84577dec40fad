"""The report as GitHub-flavoured Markdown with one picture in it, for the asset in Dagster."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from busta_health_dagster.extras import installed, remedy
from busta_health_dagster.reports import findings, operation, picture, verdict
from busta_health_dagster.reports.view import View, metric_cells, sla_cells
from busta_health_dagster.wording import durations, glyphs, lists, numbers, sentences

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from busta_health_dagster.domain.report import SlaRow, WeeklyReport

ROWS = 40


def markdown(report: WeeklyReport, *, with_picture: bool = True) -> str:
    """The whole report. Long fleets are cut, worst first, and say so."""
    view = View(report, ROWS)
    context = view.context()
    cal = view.cal
    parts = [
        f"## {_text(verdict.headline(report))}",
        _text(verdict.lead(report)),
        f"*{cal.title}; written {cal.moment(report.written_at)}*",
    ]
    if report.open:
        items = [
            f"- {glyphs.STATUS[i.status]} **{_text(i.source)}** {title} ({side}). {_text(detail)} **Do:** {_text(do)}"
            for i, title, side, detail, do in context["open"]
        ]
        parts.append("### Open, worst first\n\n" + "\n".join(items))
    if not report.empty:
        rows = [
            [name, f"{value}%" if unit == "%" else f"{value} {unit}".strip(), was, change]
            for name, value, unit, was, change, _ in context["figures"]
        ]
        parts.append(_table(["", f"week {report.week.number}", view.before, "change"], rows, right=1))
        parts += _sla(view)
        parts += _incidents(view)
        parts += _trends(report, context, with_picture=with_picture)
        parts += _metrics(view)
        parts += _noise(report)
    parts.append("### Maintenance\n\n" + "\n".join(_maintenance(report)))
    dead = [
        f"- {glyphs.SEVERITY['critical']} **Dead letter:** {_text(operation.dead(d, report))} **Do:** {_text(operation.dead_do(d))}."
        for d in report.delivery.dead[:5]
    ]
    parts.append("### Delivery\n\n" + "\n".join([*dead, f"- {_text(operation.channels(report))}"]))
    parts.append(f"### The monitor itself\n\n{_text(' '.join(operation.monitor(report)))}")
    if report.base_url:
        parts.append(f"[The whole report]({report.page})")
    return "\n\n".join(parts) + "\n"


def sla_markdown(rows: Sequence[SlaRow], week: int, most: int) -> str:
    """Worst first, a shape and a word for the verdict."""
    head = ["", "source", "verdict", "target", "actual", "coverage", "budget left", f"week {week}", "change"]
    cells = []
    for row in rows[:most]:
        c = sla_cells(row)
        figures = [c[name] for name in ("target", "actual", "coverage", "budget", "week", "change")]
        cells.append([glyphs.STATUS[row.status], _text(row.source), row.words, *figures])
    text = _table(head, cells, right=3)
    rest = len(rows) - most
    return text + (f"\n\n{lists.plural(rest, 'more source')}: `busta sla`" if rest > 0 else "")


def _sla(view: View) -> list[str]:
    report = view.report
    if not report.sla:
        return []
    return [
        f"### SLA attainment, worst first\n\n{findings.sla_note(report)}\n\n{sla_markdown(report.sla, report.week.number, ROWS)}"
    ]


def _incidents(view: View) -> list[str]:
    report = view.report
    parts = [f"### Incidents resolved\n\n{_text(findings.incidents(report))}"]
    shown, more = view.cut(report.incidents.rows)
    if shown:
        took = [
            [
                t.name,
                durations.duration_text(t.mean),
                durations.duration_text(t.median),
                durations.duration_text(t.p90),
                str(t.of),
            ]
            for t in report.incidents.took
        ]
        parts.append(_table(["", "mean", "median", "p90", "of"], took, right=1))
        rows = [
            [
                i.id,
                _text(i.source),
                view.cal.short(i.started_at),
                durations.duration_text(i.lasted_s),
                durations.duration_text(i.acknowledge_s) if i.acknowledge_s is not None else "no one",
                _text(i.cause or "not noted"),
            ]
            for i in shown
        ]
        parts.append(_table(["incident", "source", "began", "lasted", "acknowledged after", "cause"], rows, right=99))
    if more:
        parts.append(f"{lists.plural(more, 'more incident')}: `busta incidents list --window {report.week.label}`")
    return parts


def _trends(report: WeeklyReport, context: dict[str, object], *, with_picture: bool) -> list[str]:
    said = f"{findings.response(report)} {findings.quality(report)}"
    parts = [f"### Response time and quality\n\n{_text(said)}"]
    hot_response, hot_quality = context["hot_response"], context["hot_quality"]
    assert isinstance(hot_response, set)
    assert isinstance(hot_quality, set)
    panels = picture.response_panels(report, hot_response, 8) + picture.quality_panels(report, hot_quality, 4)
    if panels and with_picture and not installed("report"):
        parts.append(f"*Charts need the extra [report]: `{remedy('report')}`.*")
    elif panels and with_picture:
        png = base64.b64encode(picture.multiples(panels, report.week.since, sharp=False)).decode()
        alt = _text(said).replace("[", "(").replace("]", ")")
        parts.append(f"![{alt}](data:image/png;base64,{png})")
        parts.append("*p95 per day from zero, then quality up to 100; 30 days, this week shaded, limits dashed.*")
    timed = {r.source: r for r in report.response}
    scored = {r.source: r for r in report.quality}
    names = list(dict.fromkeys([*[r.source for r in report.response], *scored]))[:ROWS]
    rows = []
    for name in names:
        t, q = timed.get(name), scored.get(name)
        rows.append(
            [
                _text(name),
                durations.milliseconds_text(t.now if t else None),
                durations.milliseconds_text(t.before if t else None),
                durations.milliseconds_text(t.limit if t else None),
                numbers.score(q.now if q else None),
                numbers.score(q.before if q else None),
                numbers.signed(q.slope if q else None),
            ]
        )
    return (
        [*parts, _table(["source", "p95", "was", "limit", "quality", "was", "slope a day"], rows, right=1)]
        if rows
        else parts
    )


def _metrics(view: View) -> list[str]:
    shown, more = view.cut(view.report.metrics)
    if not shown:
        return []
    rows = [[_text(cell) for cell in metric_cells(row)] for row in shown]
    head = ["source", "metric", "mean", "was", "change", "lowest", "highest"]
    rest = [f"{lists.plural(more, 'more metric')}: `busta report weekly --format json`"] if more else []
    return ["### Metrics of their own, what changed most first", _table(head, rows, right=2), *rest]


def _noise(report: WeeklyReport) -> list[str]:
    rows = [
        [
            _text(n.rule) + (", shadow" if n.shadow else ""),
            str(n.opened),
            str(n.sent),
            str(n.self_resolved),
            numbers.DASH if n.shadow else str(n.never_acked),
            ", ".join(n.flapping) or numbers.DASH,
        ]
        for n in report.noise.rows
    ]
    parts = [f"### Noise\n\n{_text(operation.noise(report))}"]
    parts.append(_table(["rule", "opened", "sent", "self-resolved", "never acknowledged", "flapping"], rows, right=1))
    notified = [
        f"{i}. **{_text(what)}.** {_text(sentences.capital(why))}."
        for i, (what, why) in enumerate(report.noise.suggestions, 1)
    ]
    return [*parts, "Suggested:\n\n" + "\n".join(notified)] if notified else parts


def _maintenance(report: WeeklyReport) -> Iterable[str]:
    m = report.maintenance
    if not m.used:
        yield "- none in this week"
    for work in m.used:
        yield f"- {glyphs.STATUS['maintenance']} {_text(operation.planned(work, report))}"
    if m.next:
        yield f"- next: {_text('; '.join(operation.coming(w, report) for w in m.next[:4]))}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: int) -> str:
    """Columns from number `right` on are aligned to the right."""
    rule = ["---:" if i >= right else "---" for i in range(len(head))]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def _text(said: str) -> str:
    """Words that come from elsewhere are no markup."""
    out = " ".join(said.split())
    for character in ("\\", "|", "<", "*", "_", "`", "[", "]"):
        out = out.replace(character, f"\\{character}")
    return out
