"""`busta maintenance`: maintenance, in which sources are watched and alerts do not open."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.alerts import ByOption
from busta_health_dagster.cli.session import BustaGroup, Output, console, err_console, print_json, session
from busta_health_dagster.cli.sources import NamesArgument, OutputOption, seconds
from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.domain.units import config_duration, from_epoch, from_iso, near_instant, parse_seconds
from busta_health_dagster.wording.lists import listed, plural

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.service import Span, WindowRow

maintenance_app = typer.Typer(
    cls=BustaGroup, no_args_is_help=True, help="Maintenance. Example: busta maintenance preview --until 14d"
)


@maintenance_app.command("list")
def list_(context: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """Every window, of the file and added ones, with the next time it is on. Example: busta maintenance list"""
    with session(context).monitor(need_store=False) as monitor:
        found = monitor.windows()
    if output is Output.JSON:
        print_json(found)
        return
    from busta_health_dagster.cli.glyphs import glyph_set
    from busta_health_dagster.cli.tables import Columns

    letters = glyph_set()
    table = Columns(
        ("", "WINDOW", "ON (UTC)", "LASTS", "REPEATS", "SOURCES", "FROM", "REASON"),
        drop=("FROM", "LASTS", "REPEATS", "SOURCES"),
    )
    for row in found:
        table.add(letters.shapes["maintenance"] if row["active"] else " ", *_cells(row))
    out = console()
    out.print(table)
    on = sum(row["active"] for row in found)
    out.print(f"{len(found)} windows, {on} on now. When exactly: busta maintenance preview", soft_wrap=True)


@maintenance_app.command()
def suggest(
    context: typer.Context,
    names: NamesArgument = None,
    since: Annotated[str, typer.Option("--since", help="How far back to look for a habit.")] = "30d",
    output: OutputOption = Output.TABLE,
) -> None:
    """Outages that come back at the same time every day or week, as windows to plan; plans nothing. Example: busta maintenance
    suggest --since 30d
    """
    with session(context).monitor() as monitor:
        found = monitor.suggest_windows(names, since_s=seconds(since, "--since"))
    if output is Output.JSON:
        print_json(found)
        return
    out = console()
    if not found:
        out.print(f"No outage came back at the same time every day or week in the last {since}.", soft_wrap=True)
    for row in found:
        when = "every day" if row["every"] == "day" else f"every {datetime.fromisoformat(row['start']):%A}"
        covered = f"would have covered {len(row['nights'])} of {plural(row['of'], row['every'])}"
        says = f"{row['source']}: down {when} at {row['start'][11:]} {row['zone']} for {row['duration']}; {covered}"
        out.print(f"{says}: {listed(row['nights'])}\n  {row['command']}", soft_wrap=True, markup=False)


@maintenance_app.command()
def add(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the window.")],
    for_: Annotated[str, typer.Option("--for", help="How long, elapsed time: 45m, 2h.")],
    start: Annotated[str, typer.Option(help="Local start, 2026-11-26T02:00, or now.")] = "now",
    zone: Annotated[str | None, typer.Option(help="IANA zone of the start; else the zone of settings.yaml.")] = None,
    source: Annotated[list[str] | None, typer.Option("--source", "-s", help="A source; may be repeated.")] = None,
    type_: Annotated[list[str] | None, typer.Option("--type", help="Sources of a type.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Sources with a tag, key=value.")] = None,
    tier: Annotated[list[int] | None, typer.Option("--tier", help="Sources of a tier.")] = None,
    group: Annotated[list[str] | None, typer.Option("--group", help="Sources of a group.")] = None,
    owner: Annotated[list[str] | None, typer.Option("--owner", help="Sources of an owner.")] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every source.")] = False,
    rrule: Annotated[str | None, typer.Option(help="How it recurs, RFC 5545: FREQ=WEEKLY;BYDAY=TH")] = None,
    exdate: Annotated[list[str] | None, typer.Option(help="A local start that is left out.")] = None,
    reason: Annotated[str, typer.Option(help="What is done; shown beside the source.")] = "",
    by: ByOption = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Plan work: no alert opens meanwhile, and the slots do not count. Example: busta maintenance add host-move --for
    2h --source rss_beat_writers
    """
    select = Selector(
        tuple(source or ()),
        tuple(type_ or ()),
        dict(_pair(t) for t in tag or ()),
        tuple(tier or ()),
        tuple(owner or ()),
        tuple(group or ()),
    )
    if select == Selector() and not all_:
        raise BadInput(
            "Which sources? Name them with --source, --type, --tag, --tier, --group or --owner, or say --all."
        )
    lasts, begin = seconds(for_, "--for"), None if start == "now" else _local(start, "--start")
    with session(context).monitor(by=by, create_store=True) as monitor:
        planned = monitor.add_window(
            name,
            select,
            duration_s=lasts,
            start=begin,
            zone=zone,
            rrule=rrule,
            exdates=[_local(x, "--exdate") for x in exdate or ()],
            reason=reason,
        )
    for warning in planned["warnings"]:
        err_console().print(warning, markup=False, soft_wrap=True)
    if output is Output.JSON:
        print_json(planned)
        return
    when = "over, and counted for the past," if planned["next"] is None else _span(planned["next"])
    count = len(planned["sources"])
    zone_said = "" if planned["next"] is None else " UTC,"
    said = f"{planned['id']} {name}: {when}{zone_said} {plural(count, 'source')}"
    console().print(said, markup=False, soft_wrap=True)


@maintenance_app.command()
def end(
    context: typer.Context,
    window: Annotated[str, typer.Argument(help="Name or id of an added window.")],
    by: ByOption = None,
) -> None:
    """Stop a window now; what it covered so far stays maintenance. Example: busta maintenance end host-move"""
    with session(context).monitor(by=by) as monitor:
        said = monitor.end_window(window)["said"]
    console().print(f"{window}: {said}. What still fails alerts from the next check on.", markup=False, soft_wrap=True)


@maintenance_app.command()
def preview(
    context: typer.Context,
    from_: Annotated[str, typer.Option("--from", help="2026-11-26, 2026-11-26T02:00Z, or now.")] = "now",
    until: Annotated[str, typer.Option(help="The same, or a duration after --from.")] = "14d",
    output: OutputOption = Output.TABLE,
) -> None:
    """Every time a window is on, in UTC. Example: busta maintenance preview --from 2026-11-23 --until 30d"""
    begin = _instant(from_, int(time.time()), "--from")
    end = _instant(until, begin, "--until")
    with session(context).monitor(need_store=False) as monitor:
        found = monitor.occurrences(begin, end)
    if output is Output.JSON:
        print_json([{"window": o["window"], "start": o["start"], "end": o["end"]} for o in found])
        return
    from busta_health_dagster.cli.tables import Columns

    table = Columns(("START (UTC)", "END (UTC)", "LASTS", "WINDOW", "REASON"), drop=("LASTS",))
    for o in found:
        lasts = config_duration(from_iso(o["end"]) - from_iso(o["start"]))
        table.add(_when(o["start"]), _when(o["end"]), lasts, o["window"], o["reason"])
    out = console()
    out.print(table)
    times = "1 time" if len(found) == 1 else f"{len(found)} times"
    span = f"{from_epoch(begin):%d %b %Y %H:%M} to {from_epoch(end):%d %b %Y %H:%M} UTC"
    out.print(f"{times} from {span}. Longer: --until 90d", soft_wrap=True)


def _cells(w: WindowRow) -> tuple[str, ...]:
    names = ", ".join(w["sources"][:3]) + (f" + {len(w['sources']) - 3}" if len(w["sources"]) > 3 else "")
    line = (w["config"] or "").split(":")[1:2]
    origin = ":".join(["file", *line]) if w["origin"] == "file" else f"{w['id']}, {w['by'] or 'added'}"
    return (
        w["window"],
        _span(w["next"]) if w["next"] else "over",
        config_duration(w["duration_s"]),
        (w["rrule"] or "once").removeprefix("FREQ="),
        names or "none",
        origin,
        w["reason"],
    )


def _when(instant: str) -> str:
    return f"{from_epoch(from_iso(instant)):%a %d %b %H:%M}"


def _span(span: Span) -> str:
    start, end = _when(span["start"]), _when(span["end"])
    return f"{start} to {end[-5:] if start[:-5] == end[:-5] else end}"


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not key=value", param_hint="--tag")
    return key, value


def _local(text: str, option: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no local time; write 2026-11-26T02:00", param_hint=option) from error


def _instant(text: str, base: int, option: str) -> int:
    """`now`, a date or time (UTC unless it says otherwise), or a duration after `base`."""
    if text == "now":
        return base
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            return base + int(parse_seconds(text))
        except ValueError as error:
            raise typer.BadParameter(f"not a time, and {error}", param_hint=option) from error
    at = int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
    try:
        return near_instant(at)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error
