"""`busta maintenance`: planned work, in which sources are watched and alerts do not open."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from busta_health_dagster.cli.alerts import ByOption, OutputOption, actor
from busta_health_dagster.cli.session import BustaGroup, Output, console, err_console, print_json, session
from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.maintenance import Window
from busta_health_dagster.domain.source import Selector
from busta_health_dagster.domain.units import config_duration, from_epoch, iso, parse_seconds

if TYPE_CHECKING:
    from busta_health_dagster.domain.maintenance import Occurrence
    from busta_health_dagster.pipeline.maintenance import Planned

maintenance_app = typer.Typer(
    cls=BustaGroup, no_args_is_help=True, help="Planned work. Example: busta maintenance preview --until 14d"
)


@maintenance_app.command("list")
def list_(context: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """Every window, of the file and added ones, with the next time it is on. Example: busta maintenance list"""
    from busta_health_dagster.pipeline.maintenance import listing

    app = session(context).app()
    try:
        found = listing(app)
    finally:
        app.close()
    if output is Output.JSON:
        print_json([p.as_json() for p in found])
        return
    from busta_health_dagster.cli.alert_lines import aligned
    from busta_health_dagster.cli.shapes import alphabet

    letters = alphabet()
    header = ("", "WINDOW", "ON (UTC)", "LASTS", "REPEATS", "SOURCES", "WHERE", "REASON")
    rows = [(letters.shapes["maintenance"] if p.active else " ", *_cells(p)) for p in found]
    lines = aligned([header, *rows])
    out = console()
    out.print(lines[0], style="bold", soft_wrap=True)
    for line in lines[1:]:
        out.print(line, markup=False, soft_wrap=True)
    on = sum(p.active for p in found)
    out.print(f"{len(found)} windows, {on} on now. When exactly: busta maintenance preview", soft_wrap=True)


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
) -> None:  # fmt: skip
    """Plan work: no alert opens meanwhile, and the slots do not count. Example: busta maintenance add host-move --for
    2h --source rss_beat_writers
    """
    from busta_health_dagster.cli.sources import known
    from busta_health_dagster.pipeline.maintenance import add as plan

    app = session(context).app(create_store=True)
    try:
        known(app, source)
        select = Selector(
            tuple(source or ()), tuple(type_ or ()), dict(_pair(t) for t in tag or ()), tuple(tier or ()),
            tuple(owner or ()), tuple(group or ()),
        )  # fmt: skip
        if select == Selector() and not all_:
            raise BadInput(
                "Which sources? Name them with --source, --type, --tag, --tier, --group or --owner, or say --all."
            )
        where = _zone(zone or app.config.settings.schedule.zone)
        window = Window(
            name, select, _local(start, where, app.now()), where.key, _seconds(for_), rrule,
            tuple(_local(x, where, app.now()) for x in exdate or ()), reason,
        )  # fmt: skip
        planned, warnings = plan(app, window, actor=actor(by))
    finally:
        app.close()
    for warning in warnings:
        err_console().print(str(warning), markup=False, soft_wrap=True)
    if output is Output.JSON:
        print_json(planned.as_json())
        return
    when = "never" if planned.occurrence is None else _span(planned.occurrence)
    console().print(f"{planned.window.id} {name}: {when}, {len(planned.sources)} sources", markup=False, soft_wrap=True)


@maintenance_app.command()
def end(
    context: typer.Context,
    window: Annotated[str, typer.Argument(help="Name or id of an added window.")],
    by: ByOption = None,
) -> None:
    """Stop a window now; what it covered so far stays planned work. Example: busta maintenance end host-move"""
    from busta_health_dagster.pipeline.maintenance import end as stop

    app = session(context).app()
    try:
        left = stop(app, window, actor=actor(by))
        now = app.now()
    finally:
        app.close()
    said = "it had not begun, so nothing is left of it" if left is None else f"ended {from_epoch(now):%H:%M:%S} UTC"
    console().print(f"{window}: {said}. What still fails alerts from the next check on.", markup=False, soft_wrap=True)


@maintenance_app.command()
def preview(
    context: typer.Context,
    from_: Annotated[str, typer.Option("--from", help="2026-11-26, 2026-11-26T02:00Z, or now.")] = "now",
    until: Annotated[str, typer.Option(help="The same, or a duration after --from.")] = "14d",
    output: OutputOption = Output.TABLE,
) -> None:
    """Every time a window is on, in UTC. Example: busta maintenance preview --from 2026-11-23 --until 30d"""
    from busta_health_dagster.pipeline.maintenance import preview as upcoming

    app = session(context).app()
    try:
        begin = _instant(from_, app.now(), "--from")
        found = upcoming(app, begin, _instant(until, begin, "--until"))
    finally:
        app.close()
    if output is Output.JSON:
        print_json([{"window": o.window, "start": iso(o.start), "end": iso(o.end)} for o in found])
        return
    from busta_health_dagster.cli.alert_lines import aligned

    rows = [("START (UTC)", "END (UTC)", "LASTS", "WINDOW", "REASON")]
    rows += [(_when(o.start), _when(o.end), config_duration(o.end - o.start), o.window, o.reason) for o in found]
    for line in aligned(rows):
        console().print(line, markup=False, soft_wrap=True)


def _cells(planned: Planned) -> tuple[str, ...]:
    w, o = planned.window, planned.occurrence
    names = ", ".join(planned.sources[:3]) + (f" + {len(planned.sources) - 3}" if len(planned.sources) > 3 else "")
    origin = w.where if w.origin == "file" else f"added by {w.by}" if w.by else "added"
    return (
        w.name, _span(o) if o else "over", config_duration(w.duration_s), w.rrule or "once", names or "none",
        origin if w.id is None else f"{w.id}, {origin}", w.reason,
    )  # fmt: skip


def _when(epoch: int) -> str:
    return f"{from_epoch(epoch):%a %d %b %H:%M}"


def _span(o: Occurrence) -> str:
    same = from_epoch(o.start).date() == from_epoch(o.end).date()
    return f"{_when(o.start)} to {from_epoch(o.end):%H:%M}" if same else f"{_when(o.start)} to {_when(o.end)}"


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"{text!r} is not key=value", param_hint="--tag")
    return key, value


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise typer.BadParameter(
            f"{name!r} is no zone; write an IANA name such as Europe/Berlin", param_hint="--zone"
        ) from error


def _seconds(text: str) -> int:
    try:
        return int(parse_seconds(text))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--for") from error


def _local(text: str, zone: ZoneInfo, now: int) -> datetime:
    if text == "now":
        return from_epoch(now).astimezone(zone).replace(tzinfo=None)
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no local time; write 2026-11-26T02:00", param_hint="--start") from error


def _instant(text: str, base: int, hint: str) -> int:
    """`now`, a date or time (UTC unless it says otherwise), or a duration after `base`."""
    if text == "now":
        return base
    try:
        return base + int(parse_seconds(text))
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is neither a time nor a duration", param_hint=hint) from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo("UTC"))).timestamp())
