"""`busta report`: a week in numbers, on paper, in Markdown, or for other programs."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.session import BustaGroup, account, at_home, console, err_console, session

if TYPE_CHECKING:
    from busta_health_dagster.domain.report import WeeklyReport

report_app = typer.Typer(
    cls=BustaGroup, no_args_is_help=True, help="Reports of what the sources did. Example: busta report weekly"
)


class Format(StrEnum):
    """How to write it."""

    TEXT = "text"
    HTML = "html"
    MD = "md"
    JSON = "json"
    CSV = "csv"


@report_app.callback()
def root() -> None:
    """Reports of what the sources did. Example: busta report weekly"""


@report_app.command()
def weekly(
    context: typer.Context,
    week: Annotated[
        str | None,
        typer.Option(help="ISO week, 2026-W47; the newest that is over when left out.", show_default="last week"),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="text, html, md, json or csv.")] = Format.TEXT,
    out: Annotated[Path | None, typer.Option(help="Write files into this directory instead of to stdout.")] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep it in the store as well, for the page and REST; no one is notified.")
    ] = False,
) -> None:
    """A week in numbers, worst first. Example: busta report weekly --week 2026-W47 --format html --out reports

    SLA attainment, incidents with MTTR and MTTA, open items, response times and quality, noise and what to tune. It sends
    nothing: `busta run weekly-report` keeps the report and sends it.
    """
    from busta_health_dagster.domain.report import WeeklyReport

    if keep:
        from busta_health_dagster.pipeline.reporting.sending import publish

        with at_home(context).app() as app:
            report = publish(app, week, send=False, by=account()).report
    else:
        with session(context).monitor() as monitor:
            report = WeeklyReport.from_json(json.dumps(monitor.report(week)))
    files = written(report, form)
    if out is None:
        sys.stdout.write(files[0][1])
        return
    out.mkdir(parents=True, exist_ok=True)
    for name, content in files:
        path = out / name
        path.write_text(content, encoding="utf-8", newline="")
        console().print(str(path), markup=False, soft_wrap=True)
    if report.empty:
        err_console().print(f"{report.week.label}: nothing was observed in it.", markup=False)


def written(report: WeeklyReport, form: Format) -> list[tuple[str, str]]:
    """(file name, content); the first is what goes to stdout."""
    from busta_health_dagster.reports import html, markdown, tables, text

    stem = f"weekly-{report.week.label}"
    match form:
        case Format.TEXT:
            return [(f"{stem}.txt", text.plain(report))]
        case Format.HTML:
            return [(f"{stem}.html", html.page(report))]
        case Format.MD:
            return [(f"{stem}.md", markdown.markdown(report))]
        case Format.JSON:
            data = json.dumps(tables.as_json(report), ensure_ascii=False, allow_nan=False, indent=2)
            return [(f"{stem}.json", f"{data}\n")]
        case Format.CSV:
            return [
                (f"{stem}-sources.csv", tables.sources_csv(report)),
                (f"{stem}-incidents.csv", tables.incidents_csv(report)),
            ]
