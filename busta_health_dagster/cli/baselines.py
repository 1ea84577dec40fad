"""`busta baselines`: what is normal for a source, and on what that rests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.session import BustaGroup, Output, console, err_console, print_json, session
from busta_health_dagster.cli.sources import OutputOption
from busta_health_dagster.cli.tables import Columns
from busta_health_dagster.domain.units import from_epoch, from_iso
from busta_health_dagster.wording.measures import measure

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.sources import AnomalyExplanation, BaselineRow, Range

baselines_app = typer.Typer(
    cls=BustaGroup, no_args_is_help=True, help="What is normal for a source. Example: busta baselines show odds_api"
)
_NAMES = {"response_ms": "response"}


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

    Nine of ten good observations lie inside. Basis `own`: learned from the source itself; `type`: from others of its type. A
    source without a rule of pattern anomaly has no range.
    """
    with session(context).monitor() as monitor:
        found = monitor.baselines([name] if name else None, hours=24 if name or output is Output.JSON else 0)
    if output is Output.JSON:
        print_json(found[0] if name else found)
        return
    out = console()
    out.print(_now_table(found))
    if name and found[0]["metrics"]:
        out.print()
        out.print(_hours_table(found[0]))
    elif name:
        err_console().print(found[0]["reason"], markup=False, soft_wrap=True)


@baselines_app.command()
def suggest(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The source.")],
    observations: Annotated[
        Path | None, typer.Option("--observations", help="A recording (CSV or folder), instead of the store.")
    ] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """A source's metrics, the best behaved first, and why. Example: busta baselines suggest odds_api

    FALL and RISE are the smallest lasting changes that an anomaly can be told from. `left out` names why a metric cannot
    carry one: a count that follows a schedule, or a number that moves as much on an ordinary day. With --observations
    neither store nor configuration is needed.
    """
    if observations is None:
        with session(context).monitor() as monitor:
            found = monitor.anomaly_explanation(name)
    else:
        from busta_health_dagster.pipeline.backtest.recording import explain_recording

        with err_console().status(f"Learning {name} from {observations} ..."):
            found = explain_recording(observations, name)
    if output is Output.JSON:
        print_json(found)
        return
    console().print(metrics_table(found))
    usable = [m["metric"] for m in found["metrics"] if m["use"] == "used"]
    if not usable:
        err_console().print("No metric can be evaluated yet; the reasons are above.", markup=False)


def metrics_table(found: AnomalyExplanation) -> Columns:
    """Every metric with what the detector does with it."""
    table = Columns(("METRIC", "USE", "FALL", "RISE", "WHY"), right=frozenset(("FALL", "RISE")))
    for one in found["metrics"]:
        fall, rise = ("" if x is None else f"{x:.0%}" for x in (one["smallest_fall"], one["smallest_rise"]))
        table.add(one["metric"], one["use"], fall, rise, one["why"])
    return table


def _now_table(found: list[BaselineRow]) -> Columns:
    heads = ("SOURCE", "TYPE", "METRIC", "P5", "USUAL", "P95", "BASIS", "ANOMALY")
    table = Columns(heads, right=frozenset(heads[3:6]), drop=("TYPE", "BASIS"))
    for one in found:
        word = "not watched" if one["rule"] is None else one["state"] + (" (shadow)" if one["shadow"] else "")
        if not one["metrics"]:
            table.add(one["source"], one["type"], "", "", "", "", "nothing yet" if one["rule"] else "no rule", word)
        for n, (metric, some) in enumerate(one["metrics"].items()):
            names = (one["source"], one["type"]) if n == 0 else ("", "")
            cells = _cells(metric, some["now"])
            table.add(*names, _NAMES.get(metric, metric), *cells, some["basis"], word if n == 0 else "")
    return table


def _hours_table(one: BaselineRow) -> Columns:
    metrics = list(one["metrics"].items())
    heads = ("UTC", *(f"{_NAMES.get(name, name).upper()} P5 - P95" for name, _ in metrics))
    table = Columns(heads, right=frozenset(heads[1:]))
    for i, hour in enumerate(metrics[0][1]["hours"]):
        cells = []
        for metric, some in metrics:
            low, _, high = _cells(metric, some["hours"][i])
            cells.append(f"{low} - {high}")
        table.add(f"{from_epoch(from_iso(hour['at'])):%a %H:%M}", *cells)
    return table


def _cells(metric: str, normal_range: Range) -> tuple[str, str, str]:
    low, middle, high = (measure(normal_range[key], metric) for key in ("p5", "p50", "p95"))
    return low, middle, high
