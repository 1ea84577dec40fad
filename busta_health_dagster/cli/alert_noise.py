"""`busta alerts noise`: what each source and rule sends, and whether anyone acts upon it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.session import Output, console, print_json, session
from busta_health_dagster.cli.sources import NamesArgument, OutputOption, seconds
from busta_health_dagster.cli.tables import Columns

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.alerts import NoiseTable

_HEADS = ("SOURCE", "RULE", "MESSAGES", "PER WEEK", "ALERTS", "ACTED UPON", "SELF-RESOLVED")
_SHOWN = 30


def noise(
    context: typer.Context,
    names: NamesArgument = None,
    since: Annotated[str, typer.Option("--since", help="How far back, for instance 7d.")] = "28d",
    output: OutputOption = Output.TABLE,
) -> None:
    """Messages per source and rule and week, the share acted upon (acknowledged) and the share over by itself, worst first.
    Example: busta alerts noise --since 7d
    """
    with session(context).monitor() as monitor:
        found = monitor.noise(names, since_s=seconds(since, "--since"))
    if output is Output.JSON:
        print_json(found)
    else:
        _print(found, since)


def _print(found: NoiseTable, since: str) -> None:
    if not found["items"]:
        typer.echo(f"No message about an alert was sent in the last {since}.")
        return
    table = Columns(_HEADS, right=frozenset(_HEADS[2:]), drop=("PER WEEK", "ALERTS"))
    for row in found["items"][:_SHOWN]:
        shares = (_percent(row["acknowledged_percent"]), _percent(row["self_resolved_percent"]))
        count, week = str(row["notifications"]), f"{row['per_week']:.1f}"
        table.add(row["source"], row["rule"], count, week, str(row["alerts"]), *shares)
    console().print(table)
    more = len(found["items"]) - _SHOWN
    left = f" {more} more, none worse than these: -o json." if more > 0 else ""
    typer.echo(f"\n{found['notifications']} messages in {since}, {found['per_week']:.1f} a week.{left}")
    typer.echo("What another threshold would have sent: busta backtest --since 30d --summary")


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:g}%"
