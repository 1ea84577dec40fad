"""`busta anomalies`: the detector on any series of yours."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from busta_health_dagster.cli.session import BustaGroup, err_console
from busta_health_dagster.domain.errors import BadInput

anomalies_app = typer.Typer(
    cls=BustaGroup,
    no_args_is_help=True,
    help="The anomaly detector on any series. Example: busta anomalies score series.csv",
)


@anomalies_app.callback()
def anomalies() -> None:
    """The anomaly detector on any series. Example: busta anomalies score series.csv"""


@anomalies_app.command()
def score(
    series: Annotated[Path, typer.Argument(metavar="SERIES.csv", help="CSV with columns timestamp and value.")],
    out: Annotated[Path | None, typer.Option("--out", help="Write here; to stdout when left out.")] = None,
) -> None:
    """The same rows with an anomaly_score (higher is stranger). Example: busta anomalies score series.csv --out s.csv

    Causal: a score never depends on later rows. 1 is where a source would open an incident. Timestamps
    are ISO 8601 (without a zone: UTC) or Unix time; duplicates are kept, unordered rows are refused, a missing value
    scores 0. Needs no configuration.
    """
    from busta_health_dagster.pipeline.anomaly.score_file import score_file

    with err_console().status(f"Scoring {series.name} ..."):
        scores = score_file(series)
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
