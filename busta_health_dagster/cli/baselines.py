"""`busta baselines`: what is normal for a source, and on what that rests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.session import BustaGroup, Output, console, err_console, print_json, session
from busta_health_dagster.cli.sources import OutputOption, known
from busta_health_dagster.domain.anomaly import Metric
from busta_health_dagster.domain.units import from_epoch, milliseconds_text

if TYPE_CHECKING:
    from rich.table import Table

    from busta_health_dagster.domain.anomaly import Band
    from busta_health_dagster.pipeline.bands import Baseline

baselines_app = typer.Typer(
    cls=BustaGroup, no_args_is_help=True, help="What is normal for a source. Example: busta baselines show odds_api"
)
_NAMES = {Metric.RESPONSE: "response", Metric.ITEMS: "items", Metric.QUALITY: "quality"}


@baselines_app.callback()
def baselines() -> None:
    """What is normal for a source. Example: busta baselines show odds_api"""


@baselines_app.command()
def show(
    context: typer.Context,
    name: Annotated[str | None, typer.Argument(help="The source; all that are watched when left out.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """The normal range now, and of one source over 24 hours. Example: busta baselines show odds_api -o json

    Nine of ten good looks lie inside. Basis `own`: learned from the source itself; `type`: from others of its type. A
    source without a rule of pattern anomaly has no range.
    """
    from busta_health_dagster.pipeline.bands import NO_RULE, baselines_of

    app = session(context).app()
    try:
        names = known(app, [name] if name else None) or list(app.config.sources)
        found = baselines_of(app, names, ahead_hours=24 if name or output is Output.JSON else 0)
    finally:
        app.close()
    if output is Output.JSON:
        shown = [one.as_json() for one in found]
        print_json(shown[0] if name else shown)
        return
    out = console()
    out.print(_now_table(found))
    if name and found[0].bands:
        out.print(_hours_table(found[0]))
    elif name:
        err_console().print(NO_RULE if found[0].rule is None else found[0].check.reason if found[0].check else "")


def _now_table(found: list[Baseline]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for column in ("source", "type", "metric", "p5", "usual", "p95", "basis", "anomaly"):
        table.add_column(column, justify="right" if column in {"p5", "usual", "p95"} else "left")
    for one in found:
        word = "not watched" if one.check is None else one.check.outcome.word
        if one.rule is not None and one.rule.shadow:
            word += " (shadow)"
        if not one.bands:
            table.add_row(one.source, one.type, "", "", "", "", "nothing yet" if one.rule else "no rule", word)
        for metric, some in one.bands.items():
            table.add_row(one.source, one.type, _NAMES[metric], *_cells(metric, some[0][1]), some[0][1].basis, word)
    return table


def _hours_table(one: Baseline) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, title="the coming hours, p5 - p95", title_justify="left")
    table.add_column("UTC")
    for metric in one.bands:
        table.add_column(_NAMES[metric], justify="right")
    columns = list(one.bands.items())
    for i in range(1, len(columns[0][1])):
        cells = []
        for metric, some in columns:
            low, _, high = _cells(metric, some[i][1])
            cells.append(f"{low} - {high}")
        table.add_row(f"{from_epoch(columns[0][1][i][0]):%a %H:%M}", *cells)
    return table


def _cells(metric: Metric, band: Band) -> tuple[str, str, str]:
    def text(value: float) -> str:
        if metric is Metric.RESPONSE:
            return milliseconds_text(value)
        return f"{value:.1f}" if metric is Metric.QUALITY else f"{value:,.0f}"

    return text(band.p5), text(band.p50), text(band.p95)
