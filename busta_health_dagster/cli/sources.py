"""`busta sources`: what is watched, how it is, and a look right now."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.session import BustaGroup, Output, console, print_json, session
from busta_health_dagster.domain.errors import BustaError, UnknownName
from busta_health_dagster.domain.units import (
    config_duration,
    duration_text,
    from_epoch,
    milliseconds_text,
    parse_seconds,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.health import FleetHealth
    from busta_health_dagster.pipeline.app import App

sources_app = typer.Typer(
    cls=BustaGroup, no_args_is_help=True, help="The data sources. Example: busta sources health --watch"
)

OutputOption = Annotated[Output, typer.Option("-o", "--output", help="table or json")]
NamesArgument = Annotated[list[str] | None, typer.Argument(help="Only these sources; all when left out.")]
ExitOption = Annotated[bool, typer.Option("--exit-code", help="Leave with 1 if a source asked about is unhealthy.")]

REFRESH_S = 5.0


@sources_app.command("list")
def list_(context: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """Every configured source and how it is looked at. Example: busta sources list"""
    from busta_health_dagster.pipeline.status import source_rows

    app = session(context).app()
    try:
        sources, rows = list(app.config.sources.values()), source_rows(app)
    finally:
        app.close()
    if output is Output.JSON:
        print_json(rows)
        return
    from rich.table import Table

    table = Table(
        "SOURCE",
        "TYPE",
        "PROBE",
        "TIER",
        "EVERY",
        "STALE AFTER",
        "OWNERS",
        "CONFIGURED AT",
        box=None,
        header_style="bold",
    )
    for s in sources:
        stale = duration_text(s.stale_after_s) if s.stale_after_s else "never"
        table.add_row(
            s.name, s.type, s.probe, str(s.tier), config_duration(s.interval_s), stale, " ".join(s.owners), s.where
        )
    console().print(table)


@sources_app.command()
def health(
    context: typer.Context,
    names: NamesArgument = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Stay, and show it live.")] = False,
    nagios: Annotated[bool, typer.Option("--nagios", help="One line for Nagios or Icinga; exit 0/1/2/3.")] = False,
    exit_code: ExitOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """How the sources are, worst first, from the store: nothing is probed. Example: busta sources health --watch"""
    current = session(context)
    if nagios:
        from busta_health_dagster.cli import nagios as plugin

        try:
            app = current.app()
            try:
                line, code = plugin.line(_look(app, names))
            finally:
                app.close()
        except BustaError as error:
            line, code = f"UNKNOWN - {' '.join(str(error).split())}", 3
        typer.echo(line)
        raise typer.Exit(code)
    app = current.app()
    try:
        fleet = _look(app, names, strips=output is Output.TABLE)
        if watch:
            _watch(app, names)
            return
    finally:
        app.close()
    if output is Output.JSON:
        print_json([row.as_json() for row in fleet.rows])
    else:
        _print_fleet(fleet)
    if exit_code:
        _leave(fleet)


def _leave(fleet: FleetHealth) -> None:
    if fleet.stale_monitor or any(row.shown == "unknown" for row in fleet.rows):
        raise typer.Exit(3 if not any(row.shown in {"down", "degraded"} for row in fleet.rows) else 1)
    if any(row.unhealthy for row in fleet.rows):
        raise typer.Exit(1)


def _look(app: App, names: Sequence[str] | None, *, strips: bool = False) -> FleetHealth:
    from busta_health_dagster.pipeline.status import fleet_health

    return fleet_health(app, known(app, names), strips=strips)


def known(app: App, names: Sequence[str] | None) -> list[str] | None:
    """The names asked for, or None for all.

    Raises:
        UnknownName: one that is not configured; the message lists near ones.
    """
    if not names:
        return None
    for name in names:
        if name not in app.config.sources:
            import difflib

            near = difflib.get_close_matches(name, app.config.sources, n=3)
            hint = f"Did you mean {' or '.join(near)}?" if near else "Names: busta sources list"
            raise UnknownName(f"No source is called {name!r}. {hint}")
    return list(names)


def _print_fleet(fleet: FleetHealth) -> None:
    from busta_health_dagster.cli.health_view import render
    from busta_health_dagster.cli.shapes import alphabet

    out = console()
    width = out.width if out.is_terminal else 140
    for line in render(fleet, width=width, height=10_000, letters=alphabet()):
        out.print(line, soft_wrap=True)


def _watch(app: App, names: Sequence[str] | None) -> None:
    from rich.console import Group
    from rich.live import Live

    from busta_health_dagster.cli.health_view import render
    from busta_health_dagster.cli.shapes import alphabet

    out, letters = console(), alphabet()

    def frame() -> Group:
        fleet = _look(app, names, strips=True)
        return Group(*render(fleet, width=out.width, height=out.height - 1, letters=letters, note="Ctrl-C stops."))

    try:
        with Live(frame(), console=out, screen=out.is_terminal, auto_refresh=False) as live:
            while True:
                time.sleep(REFRESH_S)
                live.update(frame(), refresh=True)
    except KeyboardInterrupt:
        return


@sources_app.command()
def info(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The source.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """All that is known of one source: state, last payload, limits, configuration. Example: busta sources info
    odds_api
    """
    from busta_health_dagster.pipeline.status import source_info

    app = session(context).app()
    try:
        known(app, [name])
        facts = source_info(app, name)
    finally:
        app.close()
    if output is Output.JSON:
        print_json(facts)
        return
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for key, value in facts.items():
        if isinstance(value, dict):
            for inner, part in value.items():
                table.add_row(f"{key}.{inner}", _plain(part))
        else:
            table.add_row(key, _plain(value))
    console().print(table)


def _plain(value: object) -> str:
    if value is None:
        return "—"
    return ", ".join(str(v) for v in value) if isinstance(value, list | tuple) else str(value)


@sources_app.command()
def check(
    context: typer.Context,
    names: NamesArgument = None,
    exit_code: ExitOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Look at sources right now; kept as manual observations, outside SLA. Example: busta sources check odds_api"""
    from busta_health_dagster.pipeline.check import check_now

    app = session(context).app(create_store=True)
    try:
        observations = check_now(app, known(app, names))
    finally:
        app.close()
    if output is Output.JSON:
        print_json(
            [
                {
                    "source": o.source,
                    "status": o.status.word,
                    "reason": o.reason,
                    "detail": o.detail,
                    "response_ms": o.response_ms,
                    "items": o.items,
                    "data_age_s": o.data_age_s,
                    "attempts": o.attempts,
                    "phases_ms": o.phases.as_dict() if o.phases else None,
                }
                for o in observations
            ]
        )
    else:
        from rich.table import Table
        from rich.text import Text

        from busta_health_dagster.cli.shapes import COLOURS, WORDS, alphabet

        letters = alphabet()
        table = Table("STATUS", "SOURCE", "RESPONSE", "ITEMS", "DATA AGE", "WHY", box=None, header_style="bold")
        for o in observations:
            word = o.status.word
            age = duration_text(o.data_age_s) if o.data_age_s is not None else letters.dash
            items = letters.dash if o.items is None else f"{o.items:,}"
            shape = Text(f"{letters.shapes[word]} {WORDS[word]}", style=COLOURS[word])
            table.add_row(shape, o.source, milliseconds_text(o.response_ms), items, age, Text(o.detail))
        console().print(table)
    if exit_code and any(o.status.word in {"down", "degraded"} for o in observations):
        raise typer.Exit(1)
    if exit_code and any(o.status.word == "unknown" for o in observations):
        raise typer.Exit(3)


@sources_app.command()
def beat(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A source with probe heartbeat.")],
    items: Annotated[int | None, typer.Option(help="How many records the run delivered.")] = None,
    fail: Annotated[bool, typer.Option("--fail", help="Report that the run failed.")] = False,
    message: Annotated[str, typer.Option(help="One line about the run.")] = "",
) -> None:
    """A pipeline says that it has run; silence is the failure. Example: busta sources beat nightly_features --items
    5120
    """
    from busta_health_dagster.pipeline.check import record_beat

    app = session(context).app(create_store=True)
    try:
        known(app, [name])
        record_beat(app, name, items=items, ok=not fail, message=message)
    finally:
        app.close()
    console().print(f"{name}: beat recorded at {from_epoch(app.now()):%H:%M:%S} UTC")


@sources_app.command()
def history(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The source.")],
    since: Annotated[str, typer.Option(help="How far back.")] = "24h",
    output: OutputOption = Output.TABLE,
) -> None:
    """Every observation of a source. Example: busta sources history odds_api --since 24h"""
    from busta_health_dagster.cli.shapes import WORDS, alphabet
    from busta_health_dagster.pipeline.history_view import history_row

    try:
        span = int(parse_seconds(since))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--since") from error
    app = session(context).app()
    try:
        known(app, [name])
        now = app.now()
        with app.store.read() as uow:
            observations = uow.observations.window([name], now - span, now + 1).get(name, [])
    finally:
        app.close()
    if output is Output.JSON:
        print_json([history_row(o) for o in observations])
        return
    from rich.table import Table

    letters = alphabet()
    table = Table(
        "SLOT (UTC)", "STATUS", "RESPONSE", "ITEMS", "DATA AGE", "TRIES", "WHY", box=None, header_style="bold"
    )
    for o in observations:
        word = o.status.word
        age = duration_text(o.data_age_s) if o.data_age_s is not None else letters.dash
        items = letters.dash if o.items is None else f"{o.items:,}"
        slot = f"{from_epoch(o.slot):%d %b %H:%M}"
        table.add_row(
            slot,
            f"{letters.shapes[word]} {WORDS[word]}",
            milliseconds_text(o.response_ms),
            items,
            age,
            str(o.attempts),
            o.detail,
        )
    console().print(table)


@sources_app.command()
def validate(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A source with `quality:`.")],
    exit_code: ExitOption = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Score the source's newest sample now, and print every check. Example: busta sources validate odds_api"""
    from busta_health_dagster.cli.quality import leave, run_json, run_now
    from busta_health_dagster.cli.quality_view import explained, show
    from busta_health_dagster.domain.errors import Refused
    from busta_health_dagster.pipeline.quality import quality_limit

    app = session(context).app(create_store=True)
    try:
        known(app, [name])
        run = run_now(app, [name])
        limit = quality_limit(app, app.config.sources[name])
    finally:
        app.close()
    if not run.outcomes:
        raise Refused(f"{name}: {run.skipped[name]}. Give it one, for instance: quality: {{suite: odds}}")
    if output is Output.JSON:
        print_json(run_json(run)[0])
    else:
        show(explained(run.outcomes[0].scored, limit))
    if exit_code:
        leave([run.outcomes[0].scored.score.score], [limit])
