"""The numbers for other programs: JSON with everything, CSV with a row per source and a row per incident."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.units import iso
from busta_health_dagster.reports import findings, operation, verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.domain.report import WeeklyReport

SOURCES = (
    "week",
    "source",
    "tier",
    "verdict",
    "target",
    "uptime_30d",
    "coverage_30d",
    "budget_left",
    "bad_slices",
    "allowed_bad_slices",
    "excluded_slices",
    "unknown_slices",
    "slice_s",
    "uptime_week",
    "uptime_week_before",
    "p95_ms",
    "p95_ms_before",
    "response_limit_ms",
    "quality",
    "quality_before",
    "quality_limit",
    "quality_slope_per_day",
)
INCIDENTS = (
    "week",
    "incident",
    "source",
    "severity",
    "rules",
    "started_at",
    "lasted_s",
    "detect_s",
    "acknowledge_s",
    "cause",
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_json(report: WeeklyReport) -> dict[str, Any]:
    """The whole model, with the sentences of the report and ISO times beside the epochs of the week."""
    data: dict[str, Any] = json.loads(report.to_json())
    data["week"] |= {"slices": report.week.slices, "complete": report.week.complete}
    data["week"] |= {f"{name}_iso": iso(data["week"][name]) for name in ("since", "until", "as_of")}
    for row, out in zip(report.sla, data["sla"], strict=True):
        out |= {"words": row.words, "at_risk": row.at_risk}
    said = {
        "headline": verdict.headline(report),
        "summary": verdict.lead(report),
        "incidents": findings.incidents(report),
        "response": findings.response(report),
        "quality": findings.quality(report),
        "noise": operation.noise(report),
        "monitor": " ".join(operation.monitor(report)),
    }
    return {"name": "weekly", "period": report.week.label, "findings": said, **data}


def sources_csv(report: WeeklyReport) -> str:
    """One row per source, in the order of the report."""
    timed = {r.source: r for r in report.response}
    scored = {r.source: r for r in report.quality}
    rows = []
    for s in report.sla:
        t, q = timed.get(s.source), scored.get(s.source)
        rows.append(
            [
                report.week.label,
                s.source,
                s.tier,
                s.words,
                s.target,
                s.uptime,
                s.coverage,
                s.budget_left,
                s.bad,
                s.allowed_bad,
                s.excluded,
                s.unknown,
                s.slice_s,
                s.week,
                s.week_before,
                t.now if t else None,
                t.before if t else None,
                t.limit if t else None,
                q.now if q else None,
                q.before if q else None,
                q.limit if q else None,
                q.slope if q else None,
            ]
        )
    return _csv(SOURCES, rows)


def incidents_csv(report: WeeklyReport) -> str:
    """One row per incident that was resolved in the week."""
    rows = [
        [
            report.week.label,
            i.id,
            i.source,
            i.severity,
            " ".join(i.rules),
            iso(i.started_at),
            i.lasted_s,
            i.detect_s,
            i.acknowledge_s,
            i.cause,
        ]
        for i in report.incidents.rows
    ]
    return _csv(INCIDENTS, rows)


def _csv(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def _cell(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula gets an apostrophe; numbers are numbers."""
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    if isinstance(value, str):
        shown = value.replace("\r", " ")  # a bare CR would end the row in some readers
        return f"'{shown}" if value.startswith(_FORMULA) else shown
    return "" if value is None else value
