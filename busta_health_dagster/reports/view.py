"""The model as a template wants it: every cell a text, with what is worse marked. Shared by the page and the mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from busta_health_dagster.reports import findings, operation, verdict, words
from busta_health_dagster.wording import durations, lists, numbers, percentages, sentences
from busta_health_dagster.wording.measures import measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.report import MetricRow, SlaRow, TrendRow, WeeklyReport

PICTURES = 24
"""At most so many small charts of each kind: those that matter; the table has everyone."""


@dataclass(frozen=True, slots=True)
class View:
    """`rows` limits the tables (None: everything); what is cut is counted, never dropped silently."""

    report: WeeklyReport
    rows: int | None = None

    @property
    def cal(self) -> words.Calendar:
        return words.Calendar(self.report.week)

    @property
    def before(self) -> str:
        """Week 46, or `the week before` at the turn of a year."""
        n = self.report.week.number
        return f"week {n - 1}" if n > 1 else "the week before"

    def cut(self, rows: Sequence[Any]) -> tuple[Sequence[Any], int]:
        """The first rows, and how many are left out."""
        return (rows, 0) if self.rows is None else (rows[: self.rows], max(len(rows) - self.rows, 0))

    def context(self) -> dict[str, Any]:
        """Everything both templates ask for."""
        r = self.report
        sla, sla_more = self.cut(r.sla)
        incidents, incidents_more = self.cut(r.incidents.rows)
        response, response_more = self.cut(r.response)
        quality, quality_more = self.cut(r.quality)
        metrics, metrics_more = self.cut(r.metrics)
        ticks, ticks_rest = operation.monitor(r)
        return {
            "r": r,
            "cal": self.cal,
            "f": findings,
            "operation": operation,
            "durations": durations,
            "lists": lists,
            "numbers": numbers,
            "percentages": percentages,
            "sentences": sentences,
            "week": r.week.number,
            "before": self.before,
            "subject": verdict.subject(r),
            "headline": verdict.headline(r),
            "lead": verdict.lead(r),
            "figures": [(f.name, *words.figure(f), words.is_worse(f)) for f in r.figures if self._worth(f.name)],
            "open": [
                (i, findings.open_title(i, r), findings.open_side(i, r), findings.open_detail(i, r), f"{i.do}.")
                for i in r.open
            ],
            "sla": [sla_cells(x) for x in sla],
            "sla_more": sla_more,
            "incidents": incidents,
            "incidents_more": incidents_more,
            "response": response,
            "response_more": response_more,
            "quality": quality,
            "quality_more": quality_more,
            "metrics": [metric_cells(x) for x in metrics],
            "metrics_more": metrics_more,
            "ticks": ticks,
            "ticks_rest": ticks_rest,
            "hot_response": {x.source for x in r.response if _moved(x)},
            "hot_quality": {x.source for x in r.quality if _fell(x)},
            "pictures": PICTURES,
        }

    def _worth(self, name: str) -> bool:
        """A number that never had a value is left out: no source is scored."""
        one = self.report.figure(name)
        return one.now is not None or one.before is not None


def sla_cells(row: SlaRow) -> dict[str, Any]:
    return {
        "row": row,
        "source": row.source,
        "status": row.status,
        "words": row.words,
        "target": percentages.share(row.target),
        "actual": percentages.share(row.uptime),
        "coverage": percentages.share(row.coverage),
        "budget": percentages.budget(row.budget_left),
        "week": percentages.share(row.week),
        "change": numbers.change(row.week, row.week_before),
        "missed": row.met is False,
        "fell": words.fell(row),
    }


def metric_cells(row: MetricRow) -> tuple[str, str, str, str, str, str, str]:
    """source, metric, mean, last week's, change, lowest, highest."""
    now, before, low, high = (measure(value, row.metric) for value in (row.now, row.before, row.lowest, row.highest))
    return row.source, row.metric, now, before, percentages.percent_change(row.change_percent), low, high


def _moved(row: TrendRow) -> bool:
    worse = row.change_percent is not None and row.change_percent >= findings.CHANGED_PERCENT
    return worse or (row.over is not None and row.over > 100)


def _fell(row: TrendRow) -> bool:
    if row.now is None:
        return False
    below = row.limit is not None and row.now < row.limit
    return below or (row.before is not None and row.now - row.before <= -findings.CHANGED_SCORE)
