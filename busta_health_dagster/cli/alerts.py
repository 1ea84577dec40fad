"""`busta alerts`: what is open, who cares for it, and why someone was (not) notified."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.session import BustaGroup, Output, console, print_json, session
from busta_health_dagster.cli.sources import OutputOption, seconds
from busta_health_dagster.domain.alert import PAST_SHOWN
from busta_health_dagster.domain.errors import Refused, UnknownName
from busta_health_dagster.domain.units import from_iso
from busta_health_dagster.pipeline.views.alert_list import Wanted
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.lists import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.cli.remote_monitor import RemoteMonitor
    from busta_health_dagster.domain.documents.alerts import AlertExplanation, AlertRow, SourceExplanation
    from busta_health_dagster.pipeline.facade import Monitor

alerts_app = typer.Typer(
    cls=BustaGroup, no_args_is_help=True, help="Alerts and the messages they send. Example: busta alerts list"
)

IdsArgument = Annotated[
    list[str],
    typer.Argument(
        help="Ids of alerts (4127, #4127), of incidents (INC-4127), or names of sources: all their open ones.",
        metavar="ID_OR_SOURCE...",
    ),
]
_WHAT = "Id of an alert (4127, #4127) or of an incident (INC-4127), or the name of a source."
_DIGITS = 40
_ALERT, _INCIDENT = re.compile(r"#?\d+"), re.compile(r"INC-\d+(\.\d+)?", re.IGNORECASE)
ByOption = Annotated[str | None, typer.Option("--by", help="Who acts; the account's name when left out.")]
NoteOption = Annotated[str, typer.Option("--note", "-m", help="One line for the others.")]


@alerts_app.command("list")
def list_(
    context: typer.Context,
    sources: Annotated[list[str] | None, typer.Argument(help="Only of these sources; all when left out.")] = None,
    state: Annotated[
        Wanted, typer.Option(help="open (with acknowledged ones), acked, snoozed, resolved or all.")
    ] = Wanted.OPEN,
    past: Annotated[
        int, typer.Option("--past", min=1, max=100_000, help="With resolved or all: at most so many that are over.")
    ] = PAST_SHOWN,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Leave with 1 if an alert is open.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Open alerts, worst first, with who has them and what comes next. Example: busta alerts list --state acked"""
    with session(context).monitor() as monitor:
        found = monitor.alerts(state, sources, past=past)
    if output is Output.JSON:
        print_json(found["items"])
    else:
        from busta_health_dagster.cli.alert_lines import list_lines
        from busta_health_dagster.cli.glyphs import glyph_set

        out = console()
        for line in list_lines(found, glyph_set()):
            out.print(line)
    if exit_code and found["summary"]["open"]:
        raise typer.Exit(1)


@alerts_app.command()
def show(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help=_WHAT, metavar="ID_OR_SOURCE")],
    output: OutputOption = Output.TABLE,
) -> None:
    """One alert as it stands. Example: busta alerts show weather_api"""
    with session(context).monitor() as monitor:
        ids = _alerts_of(monitor, [what])
        if len(ids) > 1:
            raise Refused(f"{what} has {len(ids)} alerts: {listed([str(key) for key in ids])}. Name one of them.")
        row = monitor.alert(ids[0])
    if output is Output.JSON:
        print_json(row)
        return
    from busta_health_dagster.cli.alert_lines import show_lines
    from busta_health_dagster.cli.glyphs import glyph_set

    out = console()
    for line in show_lines(row, glyph_set()):
        out.print(line, soft_wrap=True)


@alerts_app.command()
def ack(context: typer.Context, ids: IdsArgument, note: NoteOption = "", by: ByOption = None) -> None:
    """Say that you take care of it: the clock stops for the policy's ack_timeout. Example: busta alerts ack weather_api -m
    "asked the provider"
    """
    with session(context).monitor(by=by) as monitor:
        rows = monitor.acknowledge(_alerts_of(monitor, ids), note=note)
    for row in rows:
        ends = f"; the clock stops for {_held(row)}" if row["acked_until"] and row["acked_at"] else ""
        _say([row], f"acknowledged{ends}")


@alerts_app.command()
def unack(context: typer.Context, ids: IdsArgument, by: ByOption = None) -> None:
    """Take an acknowledgement back: the clock runs on. Example: busta alerts unack weather_api"""
    with session(context).monitor(by=by) as monitor:
        rows = monitor.unacknowledge(_alerts_of(monitor, ids))
    _say(rows, "not acknowledged any more")


@alerts_app.command()
def snooze(
    context: typer.Context,
    ids: IdsArgument,
    for_: Annotated[str, typer.Option("--for", help="How long, for instance 2h.")],
    note: NoteOption = "",
    by: ByOption = None,
) -> None:
    """Send no more notifications of it for a while; if it ends meanwhile, those who know are notified. Example: busta alerts snooze
    weather_api --for 2h
    """
    span = seconds(for_, "--for")
    with session(context).monitor(by=by) as monitor:
        rows = monitor.snooze(_alerts_of(monitor, ids), for_s=span, note=note)
    _say(rows, f"snoozed for {duration_text(span)}")


@alerts_app.command()
def resolve(context: typer.Context, ids: IdsArgument, note: NoteOption = "", by: ByOption = None) -> None:
    """End it on your word; if the source is still bad, it reopens. Example: busta alerts resolve weather_api -m "false
    alarm"
    """
    with session(context).monitor(by=by) as monitor:
        rows = monitor.resolve(_alerts_of(monitor, ids), note=note)
    _say(rows, "resolved")


@alerts_app.command()
def explain(
    context: typer.Context,
    what: Annotated[str, typer.Argument(help=_WHAT, metavar="ID_OR_SOURCE")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Why was I (not) notified: verdicts, transitions, routes, deliveries, each with its reason; for a source, why there
    is no alert. Example: busta alerts explain weather_api
    """
    from busta_health_dagster.cli import explain_lines
    from busta_health_dagster.cli.glyphs import glyph_set

    explanation: AlertExplanation | SourceExplanation
    with session(context).monitor() as monitor:
        if _ALERT.fullmatch(what) or _INCIDENT.fullmatch(what):
            explanation = monitor.explain_alert(_alerts_of(monitor, [what])[0])
            lines = explain_lines.alert_lines(explanation, glyph_set())
        else:
            explanation = monitor.explain_source(what)
            lines = explain_lines.source_lines(explanation, glyph_set())
    if output is Output.JSON:
        print_json(explanation)
        return
    from busta_health_dagster.cli.alert_lines import hanging

    out = console()
    for line in lines:
        for part in hanging(line, out.width) if not out.soft_wrap else [line]:
            out.print(part, markup=False, soft_wrap=True)


def _alerts_of(monitor: Monitor | RemoteMonitor, given: Sequence[str]) -> list[int]:
    """The ids that were given, and those of the alerts of the incidents and of the open ones of the sources that were.

    Raises:
        UnknownName: no such source or incident.
        Refused: a source without an open alert.
    """
    found: list[int] = []
    for word in given:
        if _ALERT.fullmatch(word):
            found.append(_id(word.removeprefix("#")))
            continue
        if _INCIDENT.fullmatch(word):
            found += monitor.incident(word)["alerts"]
            continue
        ids = [key for row in monitor.alerts(Wanted.OPEN, [word])["items"] if (key := row["id"]) is not None]
        if not ids:
            raise Refused(f"No alert of {word} is open. See: busta alerts list {word} --state all")
        found += ids
    return list(dict.fromkeys(found))


def _id(digits: str) -> int:
    """Raises UnknownName for more digits than any id has."""
    if len(digits) > _DIGITS:
        raise UnknownName(
            f"There is no alert {digits[:_DIGITS]}... See which there are with: busta alerts list --state all"
        )
    return int(digits)


def _say(rows: Sequence[AlertRow], said: str) -> None:
    for row in rows:
        console().print(f"{row['id']} {row['fingerprint']}: {said}", markup=False, soft_wrap=True)


def _held(row: AlertRow) -> str:
    """How long an acknowledgement stops the clock."""
    return duration_text(from_iso(row["acked_until"] or "") - from_iso(row["acked_at"] or ""))
