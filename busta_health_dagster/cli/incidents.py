"""`busta incidents`: what went wrong, how long it took, and what people wrote about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from busta_health_dagster.cli.session import BustaGroup, Output, console, print_json, session
from busta_health_dagster.cli.sla import AtOption, WindowOption
from busta_health_dagster.cli.sources import OutputOption

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.service import NoteKind

incidents_app = typer.Typer(
    cls=BustaGroup, no_args_is_help=True, help="Incidents and their numbers. Example: busta incidents list"
)

IncidentArgument = Annotated[str, typer.Argument(help="Its id, for instance INC-4127.")]
ByOption = Annotated[str | None, typer.Option(help="Who says so.", show_default="the user of this shell")]
By = Annotated[
    Literal["source", "type", "tier", "rule", "fleet"] | None, typer.Option(help="The same numbers for each.")
]


@incidents_app.command("list")
def list_(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Only these sources; all when left out.")] = None,
    window: WindowOption = "30d",
    at: AtOption = None,
    by: By = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Incidents resolved in [at - window, at) with MTTR and MTBF, and those open at its end. Example: busta incidents list --window 7d

    Open incidents are listed with their age and are in no mean. Missing data alone makes no incident.
    """
    with session(context).monitor() as monitor:
        found = monitor.incidents(names, window, at, by)
    if output is Output.JSON:
        print_json(found)
        return
    from busta_health_dagster.cli.incidents_view import table

    out = console()
    for part in table(found):
        out.print(part)


@incidents_app.command()
def show(context: typer.Context, incident: IncidentArgument, output: OutputOption = Output.TABLE) -> None:
    """Everything that happened in one incident. Example: busta incidents show INC-4127"""
    with session(context).monitor() as monitor:
        explanation = monitor.incident(incident)
    if output is Output.JSON:
        print_json(explanation)
        return
    from busta_health_dagster.cli.incidents_view import one

    out = console()
    for part in one(explanation):
        out.print(part)


@incidents_app.command()
def note(
    context: typer.Context,
    incident: IncidentArgument,
    text: Annotated[str, typer.Argument(help="What to remember.")],
    by: ByOption = None,
) -> None:
    """Write a note on an incident. Example: busta incidents note INC-4127 "a deploy".

    It stands in the incident's timeline, and in the audit log.
    """
    _write(context, incident, text, "note", by)


@incidents_app.command()
def cause(
    context: typer.Context,
    incident: IncidentArgument,
    text: Annotated[str, typer.Argument(help="What it was; the newest one counts.")],
    by: ByOption = None,
) -> None:
    """Say what the cause was; the newest counts. Example: busta incidents cause INC-4127 "expired key".

    An incident with a cause is real for `busta backtest --summary`.
    """
    _write(context, incident, text, "cause", by)


@incidents_app.command()
def export(
    context: typer.Context,
    incident: IncidentArgument,
    out: Annotated[Path | None, typer.Option(help="Write here instead of to stdout.")] = None,
) -> None:
    """The timeline as Markdown, the start of a post-mortem. Example: busta incidents export INC-4127 --out inc-4127.md"""
    from busta_health_dagster.cli.incidents_view import markdown

    with session(context).monitor() as monitor:
        text = markdown(monitor.incident(incident))
    if out is None:
        typer.echo(text)
    else:
        out.write_text(text + "\n", encoding="utf-8")


def _write(context: typer.Context, incident: str, text: str, kind: NoteKind, by: str | None) -> None:
    with session(context).monitor(by=by) as monitor:
        found = monitor.write_note(incident, text, kind=kind)
    console().print(f"{found['id']}: {kind} written.")
