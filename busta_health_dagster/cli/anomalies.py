"""`busta anomalies`: the detector on any series of yours."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from busta_health_dagster.cli.session import BustaGroup, Output, console, err_console, print_json, session
from busta_health_dagster.cli.sources import OutputOption
from busta_health_dagster.domain.errors import BadInput

anomalies_app = typer.Typer(
    cls=BustaGroup,
    no_args_is_help=True,
    help="The anomaly detector. Example: busta anomalies explain odds_api",
)


@anomalies_app.callback()
def anomalies() -> None:
    """The anomaly detector. Example: busta anomalies explain odds_api"""


@anomalies_app.command()
def explain(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The source.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """What the detector makes of a source, and how sure it must be. Example: busta anomalies explain odds_api

    An anomaly that ends by itself, that no one acknowledged and that no other rule saw, counts against the source's noise
    budget. Beyond it the tests must be surer, until the budget has paid for it.
    """
    from busta_health_dagster.cli.baselines import metrics_table

    with session(context).monitor() as monitor:
        found = monitor.anomaly_explanation(name)
    if output is Output.JSON:
        print_json(found)
        return
    out = console()
    out.print(f"{found['source']}: {found['state']}, {found['reason']}", markup=False, soft_wrap=True)
    out.print(f"noise budget: {found['budget']}; {found['stricter'] or 'within it'}", markup=False, soft_wrap=True)
    out.print()
    out.print(metrics_table(found))


@anomalies_app.command()
def score(
    series: Annotated[Path, typer.Argument(metavar="SERIES.csv", help="CSV with columns timestamp and value.")],
    metric: Annotated[
        str, typer.Option("--metric", help="The column to score, such as a metric of an observation file.")
    ] = "value",
    out: Annotated[Path | None, typer.Option("--out", help="Write here; to stdout when left out.")] = None,
) -> None:
    """The same rows with an anomaly_score (higher is stranger). Example: busta anomalies score series.csv --out s.csv

    Causal: a score never depends on later rows. 1 is where a source would open an incident. Timestamps
    are ISO 8601 (without a zone: UTC) or Unix time; duplicates are kept, unordered rows are refused, a missing value
    scores 0. Needs no configuration.
    """
    from busta_health_dagster.pipeline.anomaly.score_file import score_file

    with err_console().status(f"Scoring {series.name} ..."):
        scores = score_file(series, metric)
    for remark in scores.remarks:
        err_console().print(remark, markup=False, soft_wrap=True)
    if out is None:
        scores.write(sys.stdout)
        return
    aside = out.with_name(f".{out.name}.part")
    try:
        with aside.open("w", encoding="utf-8", newline="") as stream:
            scores.write(stream)
        aside.replace(out)
    except OSError as why:
        raise BadInput(f"{out} cannot be written: {why.strerror or why}. Choose another --out.") from why
