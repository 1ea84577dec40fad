"""`busta incidents`: what went wrong, how long it took, and what people wrote about it."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from busta_health_dagster.cli.session import BustaGroup, Output, console, print_json, session
from busta_health_dagster.cli.sla import AtOption, OutputOption, WindowOption
from busta_health_dagster.domain.units import duration_text, iso

if TYPE_CHECKING:
    from busta_health_dagster.pipeline.incidents import IncidentList, IncidentStory

incidents_app = typer.Typer(
    cls=BustaGroup, no_args_is_help=True, help="Incidents and their figures. Example: busta incidents list"
)

IncidentArgument = Annotated[str, typer.Argument(help="Its id, for instance INC-4127.")]
ByOption = Annotated[str | None, typer.Option(help="Who says so.", show_default="the user of this shell")]
By = Annotated[
    Literal["source", "type", "tier", "rule", "fleet"] | None, typer.Option(help="The same figures for each.")
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
    from busta_health_dagster.pipeline.incidents import list_incidents
    from busta_health_dagster.pipeline.service_levels import ask

    app = session(context).app()
    try:
        found = list_incidents(app, ask(app, window, at), names, by)
    finally:
        app.close()
    if output is Output.JSON:
        print_json(found.as_json())
    else:
        _print(found)


@incidents_app.command()
def show(context: typer.Context, incident: IncidentArgument, output: OutputOption = Output.TABLE) -> None:
    """Everything that happened in one incident. Example: busta incidents show INC-4127"""
    story = _story(context, incident)
    if output is Output.JSON:
        print_json(story.as_json())
        return
    from rich.table import Table
    from rich.text import Text

    i, out = story.incident, console()
    state = (
        f"resolved {iso(i.resolved_at)}"
        if i.resolved_at is not None
        else f"{i.state}, {duration_text(story.age_s)} so far"
    )
    out.print(f"{i.id}  {i.source}  {i.severity.word}  {', '.join(i.rules)}", markup=False)
    out.print(
        f"Started {iso(i.started_at)}, opened {iso(i.opened_at)}, {state}. Cause: {story.cause or 'not written yet'}",
        markup=False,
    )
    table = Table("AT (UTC)", "RULE", "EVENT", "WHY", box=None, header_style="bold")
    rows = [(at, rule, event, why) for at, rule, event, why in story.events]
    rows += [(n.at, "", f"{n.kind} by {n.author}", n.text) for n in story.notes]
    for at, rule, event, why in sorted(rows, key=lambda r: r[0]):
        table.add_row(str(iso(at)), rule, event, Text(why))
    out.print(table)


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
    from busta_health_dagster.pipeline.incidents import timeline

    text = timeline(_story(context, incident))
    if out is None:
        typer.echo(text)
    else:
        out.write_text(text + "\n", encoding="utf-8")


def _story(context: typer.Context, incident: str) -> IncidentStory:
    from busta_health_dagster.pipeline.incidents import show_incident

    app = session(context).app()
    try:
        return show_incident(app, incident)
    finally:
        app.close()


def _write(context: typer.Context, incident: str, text: str, kind: Literal["note", "cause"], by: str | None) -> None:
    from busta_health_dagster.pipeline.incidents import write_note

    app = session(context).app()
    try:
        found = write_note(app, incident, text, kind=kind, by=by or getpass.getuser())
    finally:
        app.close()
    console().print(f"{found.id}: {kind} written.")


def _print(found: IncidentList) -> None:
    from rich.table import Table
    from rich.text import Text

    from busta_health_dagster.cli.shapes import alphabet

    letters, out = alphabet(), console()
    marks = {"open": ("down", "red"), "acked": ("degraded", "yellow"), "resolved": ("up", "green")}
    heads = ("", "ID", "SOURCE", "STATE", "SEVERITY", "STARTED (UTC)", "LASTED", "DETECTED", "ACKED", "RULES", "CAUSE")
    table = Table(*heads, box=None, header_style="bold")
    at = found.period.until
    for i in found.incidents:
        shape, colour = marks[i.state]
        lasted = duration_text(i.age_s(at)) + ("" if i.resolved_at is not None else " so far")
        acked = letters.dash if i.acknowledge_s is None else duration_text(i.acknowledge_s)
        table.add_row(
            Text(letters.shapes[shape], style=colour), i.id, i.source, i.state, i.severity.word, str(iso(i.started_at)),
            lasted, duration_text(i.detect_s), acked, ", ".join(i.rules), Text(found.causes.get(i.id, letters.dash)),
        )  # fmt: skip
    if found.incidents:
        out.print(table)
    groups = {"": found.summary} | dict(found.groups)
    figures = Table(
        "", "RESOLVED", "MTTR", "MEDIAN", "P90", "MTTA", "MTTD", "MTBF", "OPEN", box=None, header_style="bold"
    )

    def span(seconds: float | None) -> str:
        return letters.dash if seconds is None else duration_text(seconds)

    for key, s in groups.items():
        figures.add_row(
            key or "all", str(s.resolved), span(s.mttr.mean), span(s.mttr.median), span(s.mttr.p90), span(s.mtta.mean),
            span(s.mttd.mean), span(s.mtbf_s), str(s.open),
        )  # fmt: skip
    out.print(figures)
    out.print(
        f"Window {found.period.label}: {iso(found.period.since)} to {iso(at)}, end exclusive; means are over what was resolved in it."
    )
