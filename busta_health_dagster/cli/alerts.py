"""`busta alerts`: what is open, who cares for it, and why somebody was (not) told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.session import BustaGroup, Output, console, print_json, session
from busta_health_dagster.cli.sources import known
from busta_health_dagster.domain.units import duration_text, parse_seconds
from busta_health_dagster.pipeline.alert_view import Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from busta_health_dagster.domain.alert import Alert
    from busta_health_dagster.pipeline.app import App
    from busta_health_dagster.pipeline.explain import AlertStory, SourceStory

alerts_app = typer.Typer(
    cls=BustaGroup, no_args_is_help=True, help="Alerts and the messages they send. Example: busta alerts list"
)

OutputOption = Annotated[Output, typer.Option("-o", "--output", help="table or json")]
IdsArgument = Annotated[list[int], typer.Argument(help="Ids of alerts, from busta alerts list.", metavar="ID...")]
ByOption = Annotated[str | None, typer.Option("--by", help="Who acts; the account's name when left out.")]
NoteOption = Annotated[str, typer.Option("--note", "-m", help="One line for the others.")]


@alerts_app.command("list")
def list_(
    context: typer.Context,
    sources: Annotated[list[str] | None, typer.Argument(help="Only of these sources; all when left out.")] = None,
    state: Annotated[
        Wanted, typer.Option(help="open (with acknowledged ones), acked, snoozed, resolved or all.")
    ] = Wanted.OPEN,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Leave with 1 if an alert is open.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Open alerts, worst first, with who has them and what comes next. Example: busta alerts list --state acked"""
    from busta_health_dagster.pipeline.alert_view import listing

    app = session(context).app()
    try:
        found = listing(app, state, _sources(app, sources))
    finally:
        app.close()
    if output is Output.JSON:
        print_json([row.as_json() for row in found.rows])
    else:
        from busta_health_dagster.cli.alert_lines import list_lines
        from busta_health_dagster.cli.shapes import alphabet

        out = console()
        for line in list_lines(found, alphabet()):
            out.print(line, soft_wrap=True)
    if exit_code and found.open:
        raise typer.Exit(1)


@alerts_app.command()
def show(
    context: typer.Context,
    alert: Annotated[int, typer.Argument(help="Id of the alert.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """One alert as it stands. Example: busta alerts show 4127"""
    from busta_health_dagster.pipeline.alert_view import row_of

    app = session(context).app()
    try:
        row = row_of(app, alert)
    finally:
        app.close()
    facts = row.as_json()
    if output is Output.JSON:
        print_json(facts)
        return
    from busta_health_dagster.cli.alert_lines import aligned
    from busta_health_dagster.cli.shapes import alphabet

    dash = alphabet().dash
    facts |= {"acked_by": row.acknowledged, "next": row.coming, "told": ", ".join(facts["told"]) or dash}
    rows = [(key, dash if value is None else str(value)) for key, value in facts.items()]
    for line in aligned(rows):
        console().print(line, markup=False, soft_wrap=True)


@alerts_app.command()
def ack(context: typer.Context, ids: IdsArgument, note: NoteOption = "", by: ByOption = None) -> None:
    """Say that you take care of it: the clock stops for the policy's ack_timeout. Example: busta alerts ack 4127 -m
    "asked the provider"
    """
    from busta_health_dagster.pipeline import alert_actions

    _do(context, lambda app, who: alert_actions.acknowledge(app, ids, actor=who, note=note), by, "acknowledged")


@alerts_app.command()
def unack(context: typer.Context, ids: IdsArgument, by: ByOption = None) -> None:
    """Take an acknowledgement back: the clock runs on. Example: busta alerts unack 4127"""
    from busta_health_dagster.pipeline import alert_actions

    _do(context, lambda app, who: alert_actions.unacknowledge(app, ids, actor=who), by, "not acknowledged any more")


@alerts_app.command()
def snooze(
    context: typer.Context,
    ids: IdsArgument,
    for_: Annotated[str, typer.Option("--for", help="How long, for instance 2h.")],
    note: NoteOption = "",
    by: ByOption = None,
) -> None:
    """Tell nobody more of it for a while; if it ends meanwhile, those who know are told. Example: busta alerts snooze
    4127 --for 2h
    """
    from busta_health_dagster.pipeline import alert_actions

    try:
        span = float(parse_seconds(for_))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--for") from error
    said = f"snoozed for {duration_text(span)}"
    _do(context, lambda app, who: alert_actions.snooze(app, ids, actor=who, for_s=span, note=note), by, said)


@alerts_app.command()
def resolve(context: typer.Context, ids: IdsArgument, note: NoteOption = "", by: ByOption = None) -> None:
    """End it on your word; if the source is still bad, it reopens. Example: busta alerts resolve 4127 -m "false
    alarm"
    """
    from busta_health_dagster.pipeline import alert_actions

    _do(context, lambda app, who: alert_actions.resolve(app, ids, actor=who, note=note), by, "resolved")


@alerts_app.command()
def explain(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help="Id of an alert, or the name of a source.", metavar="ID_OR_SOURCE")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Why was I (not) told: verdicts, transitions, routes, deliveries, each with its reason; for a source, why there
    is no alert. Example: busta alerts explain 4127
    """
    from busta_health_dagster.cli import explain_lines
    from busta_health_dagster.cli.shapes import alphabet
    from busta_health_dagster.pipeline.explain import explain_alert, explain_source

    app = session(context).app()
    story: AlertStory | SourceStory
    try:
        if what.isdigit():
            story = explain_alert(app, int(what))
        else:
            known(app, [what])
            story = explain_source(app, what)
    finally:
        app.close()
    if output is Output.JSON:
        print_json(story.as_json())
        return
    out = console()
    for line in explain_lines.lines_of(story, alphabet()):
        out.print(line, markup=False, soft_wrap=True)


def actor(by: str | None) -> str:
    """Who acts: the name given, else the account's."""
    import getpass

    return by or getpass.getuser()


def _sources(app: App, names: Sequence[str] | None) -> list[str] | None:
    """Configured names, or those of alerts that outlived their source.

    Raises:
        UnknownName: neither.
    """
    if not names:
        return None
    with app.store.read() as uow:
        gone = {a.source for a in uow.alerts.list(sources=names, limit=1000)}
    known(app, [n for n in names if n not in gone])
    return list(names)


def _do(context: typer.Context, deed: Callable[[App, str], Sequence[Alert]], by: str | None, said: str) -> None:
    app = session(context).app()
    try:
        for alert in deed(app, actor(by)):
            line = f"{alert.id} {alert.fingerprint}: {said}"
            if alert.ack is not None and said == "acknowledged":
                line += f"; the clock stops for {duration_text(alert.ack.ends_at - alert.ack.at)}"
            console().print(line, markup=False, soft_wrap=True)
    finally:
        app.close()
