"""`busta alerts silences`: what no one is notified of, until when, and who said so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.session import Output, console, print_json, session
from busta_health_dagster.cli.sources import OutputOption
from busta_health_dagster.cli.tables import Columns

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.alerts import SilenceRow

_HEADS = ("ID", "STATE", "MATCHERS", "UNTIL", "BY", "OPEN ALERTS", "COMMENT")


def silences(
    context: typer.Context,
    ended: Annotated[bool, typer.Option("--all", help="With those that have ended.")] = False,
    end: Annotated[str | None, typer.Option("--end", help="End this one now, by its id.", metavar="ID")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Silences that amtool, karma or Grafana made, and what each keeps quiet. Example: busta alerts silences"""
    with session(context).monitor() as monitor:
        found = monitor.silences(ended=ended) if end is None else [monitor.end_silence(end)]
    if output is Output.JSON:
        print_json(found)
    elif found:
        console().print(_table(found))
    else:
        typer.echo("No silence is in force. Make one with: amtool silence add source=NAME --alertmanager.url=URL")


def _table(rows: list[SilenceRow]) -> Columns:
    table = Columns(_HEADS, right=frozenset({"OPEN ALERTS"}))
    for row in rows:
        by = row["created_by"] if row["created_by"] == row["actor"] else f"{row['created_by']} ({row['actor']})"
        said = row["comment"]
        table.add(row["id"], row["state"], " ".join(row["matchers"]), row["ends_at"], by, str(len(row["alerts"])), said)
    return table
