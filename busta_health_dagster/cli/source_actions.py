"""`busta sources check | heartbeat | validate`: observe now, record a pipeline's heartbeat, score the newest sample."""

from __future__ import annotations

from typing import Annotated

import typer

from busta_health_dagster.cli.session import Output, at_home, console, print_json, session
from busta_health_dagster.cli.source_import import import_
from busta_health_dagster.cli.source_suggest import suggest
from busta_health_dagster.cli.sources import FIGURES, ExitOption, NamesArgument, OutputOption, observation_cells
from busta_health_dagster.cli.tables import Columns
from busta_health_dagster.domain.units import from_epoch, from_iso


def register(sources_app: typer.Typer) -> None:
    """Add the commands to `busta sources`."""
    for command in (check, heartbeat, validate):
        sources_app.command()(command)
    sources_app.command("import")(import_)
    sources_app.command("suggest")(suggest)
    sources_app.command("beat", hidden=True, help="The old spelling of `heartbeat`.")(heartbeat)


def check(
    context: typer.Context,
    names: NamesArgument = None,
    exit_code: ExitOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Check sources right now; kept as manual observations, outside SLA. Example: busta sources check odds_api"""
    with session(context).monitor(create_store=True) as monitor:
        observations = monitor.check(names)
    if output is Output.JSON:
        print_json(observations)
    else:
        heads = ("STATUS", "SOURCE", "RESPONSE", "ITEMS", "DATA AGE", "WHY")
        table = Columns(heads, right=FIGURES, drop=("DATA AGE", "ITEMS"))
        for row in observations:
            shape, response, items, age, why = observation_cells(row)
            table.add(shape, row["source"], response, items, age, why)
        console().print(table)
    words = {row["status"] for row in observations}
    if exit_code and words & {"down", "degraded"}:
        raise typer.Exit(1)
    if exit_code and "unknown" in words:
        raise typer.Exit(3)


def heartbeat(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A source with probe heartbeat.")],
    items: Annotated[int | None, typer.Option(help="How many records the run delivered.")] = None,
    fail: Annotated[bool, typer.Option("--fail", help="Report that the run failed.")] = False,
    message: Annotated[str, typer.Option(help="One line about the run.")] = "",
) -> None:
    """A pipeline says that it has run; silence is the failure. Example: busta sources heartbeat nightly_features --items
    5120
    """
    with session(context).monitor(create_store=True) as monitor:
        taken = monitor.heartbeat(name, items=items, ok=not fail, message=message)
    console().print(f"{name}: heartbeat recorded at {from_epoch(from_iso(taken['at'])):%H:%M:%S} UTC", markup=False)


def validate(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A source with `quality:`.")],
    exit_code: ExitOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Score the source's newest sample now, and print every check. Example: busta sources validate odds_api"""
    from busta_health_dagster.cli.quality import leave, run_now
    from busta_health_dagster.cli.quality_view import explained, show
    from busta_health_dagster.domain.errors import Refused

    rows, skipped = run_now(at_home(context), [name])
    if not rows:
        raise Refused(f"{name}: {skipped[name]}. Give it one, for instance: quality: {{suite: odds}}")
    if output is Output.JSON:
        print_json(rows[0])
    else:
        show(explained(rows[0]))
    if exit_code:
        leave(rows)
