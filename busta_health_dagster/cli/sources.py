"""`busta sources`: what is watched, how it is, and what was seen of it. Nothing here probes; cli/source_actions.py does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.session import BustaGroup, Output, console, print_json, session
from busta_health_dagster.cli.tables import Columns
from busta_health_dagster.domain.errors import BustaError
from busta_health_dagster.domain.units import config_duration, from_epoch, from_iso, parse_seconds
from busta_health_dagster.wording.durations import duration_text, milliseconds_text
from busta_health_dagster.wording.glyphs import STATUS_LABEL
from busta_health_dagster.wording.measures import has_unit, measure
from busta_health_dagster.wording.numbers import count
from busta_health_dagster.wording.values import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from busta_health_dagster.domain.documents.sources import Fleet, ObservationRow, VantageRow

sources_app = typer.Typer(
    cls=BustaGroup, no_args_is_help=True, help="The data sources. Example: busta sources health --watch"
)

FIGURES = frozenset({"RESPONSE", "ITEMS", "TRIES"})
OutputOption = Annotated[Output, typer.Option("-o", "--output", help="table or json")]
NamesArgument = Annotated[list[str] | None, typer.Argument(help="Only these sources; all when left out.")]
ExitOption = Annotated[bool, typer.Option("--exit-code", help="Leave with 1 if a source asked about is unhealthy.")]


@sources_app.command("list")
def list_(context: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """Every configured source and how it is checked. Example: busta sources list"""
    with session(context).monitor(need_store=False) as monitor:
        rows = monitor.sources()
    if output is Output.JSON:
        print_json(rows)
        return
    heads = ("SOURCE", "TYPE", "PROBE", "TIER", "EVERY", "STALE AFTER", "OWNERS", "CONFIGURED AT")
    table = Columns(heads, right=frozenset({"TIER"}), drop=("CONFIGURED AT", "OWNERS", "STALE AFTER"))
    for s in rows:
        stale = duration_text(s["stale_after_s"]) if s["stale_after_s"] else "never"
        table.add(
            s["source"],
            s["type"],
            s["probe"],
            str(s["tier"]),
            config_duration(s["interval_s"]),
            stale,
            " ".join(s["owners"]),
            s["config"],
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
            with current.monitor() as monitor:
                line, code = plugin.line(monitor.fleet(names))
        except BustaError as error:
            line, code = f"UNKNOWN - {' '.join(str(error).split())}", 3
        typer.echo(line)
        raise typer.Exit(code)
    with current.monitor() as monitor:
        if watch:
            from busta_health_dagster.cli.watch import watch as stay

            stay(lambda: monitor.fleet(names, bars=True))
            return
        fleet = monitor.fleet(names, bars=output is Output.TABLE)
    if output is Output.JSON:
        print_json(fleet["sources"])
    else:
        _print_fleet(fleet)
    if exit_code:
        _leave(fleet)


def _leave(fleet: Fleet) -> None:

    words = {row["shown"] for row in fleet["sources"]}
    if words & {"down", "degraded"}:
        raise typer.Exit(1)
    if fleet["stale"] or "unknown" in words:
        raise typer.Exit(3)


def _print_fleet(fleet: Fleet) -> None:
    from busta_health_dagster.cli.glyphs import glyph_set
    from busta_health_dagster.cli.health_view import render

    out = console()
    lines = render(fleet, width=out.width, height=10_000, letters=glyph_set())
    if out.color_system is None:  # nothing to colour: Rich takes a tenth of a millisecond for each line all the same
        out.file.writelines(f"{line.plain}\n" for line in lines)
        return
    for line in lines:
        out.print(line, soft_wrap=True)


@sources_app.command()
def info(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The source.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """All that is known of one source: state, last payload, limits, configuration. Example: busta sources info
    odds_api
    """
    with session(context).monitor() as monitor:
        facts = monitor.source(name)
    if output is Output.JSON:
        print_json(facts)
        return
    from busta_health_dagster.cli.alert_lines import aligned

    rows = []
    for key, value in facts.items():
        if key == "vantages" and facts["vantages"]:
            rows += [(f"{key}.{row['vantage']}", _from_there(row)) for row in facts["vantages"]]
            continue
        inner = value.items() if isinstance(value, dict) else [("", value)]
        rows += [(f"{key}.{part}" if part else key, _readable(key, part, one)) for part, one in inner]
    out = console()
    for line in aligned(rows):
        out.print(line, markup=False, soft_wrap=True)


def _from_there(row: VantageRow) -> str:
    """Down: HTTP 503 (expected 2xx)."""
    took = measure(row["response_ms"], "response_ms") if row["response_ms"] is not None else ""
    why = "" if row["reason"] == "ok" or (row["status"] == "up" and took) else row["reason"]
    return plain(": ".join(filter(None, (row["status"], why or took))))


def _readable(key: str, part: str, value: object) -> str:
    """A fact with its unit, as people read it."""
    from busta_health_dagster.cli.glyphs import glyph_set

    if value is None or value == []:
        return glyph_set().dash
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return measure(value, key if not part or has_unit(key) else part)
    return plain(value)


@sources_app.command()
def history(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="The source.")],
    since: Annotated[str, typer.Option(help="How far back.")] = "24h",
    output: OutputOption = Output.TABLE,
) -> None:
    """Every observation of a source. Example: busta sources history odds_api --since 24h"""
    with session(context).monitor() as monitor:
        rows = monitor.history(name, since_s=seconds(since, "--since"))
    if output is Output.JSON:
        print_json(rows)
        return
    custom = list(dict.fromkeys(metric for row in rows for metric in row["metrics"]))
    names = [metric.upper() for metric in custom]
    heads = ("SLOT (UTC)", "STATUS", "RESPONSE", "ITEMS", "DATA AGE", "TRIES", *names, "WHY")
    table = Columns(heads, right=FIGURES | set(names), drop=("TRIES", *reversed(names), "DATA AGE"))
    for row in rows:
        shape, response, items, age, why = observation_cells(row)
        slot = f"{from_epoch(from_iso(row['slot'])):%d %b %H:%M}"
        table.add(slot, shape, response, items, age, str(row["attempts"]), *custom_cells(row, custom), why)
    console().print(table)


def seconds(text: str, option: str) -> int:
    """A duration given as an option. Raises BadParameter."""
    try:
        return int(parse_seconds(text))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def custom_cells(row: ObservationRow, metrics: Sequence[str]) -> list[str]:
    """The values of these custom metrics."""
    from busta_health_dagster.engines.rules.limits import value_text

    return [value_text(metric, row["metrics"].get(metric)) for metric in metrics]


def observation_cells(row: ObservationRow) -> tuple[Text, str, str, str, Text]:
    """Status, response, items, data age and why, of one observation."""
    from rich.text import Text

    from busta_health_dagster.cli.glyphs import COLOURS, glyph_set

    letters, word = glyph_set(), row["status"]
    response = letters.write(milliseconds_text(row["response_ms"]))
    return (
        Text(f"{letters.shapes[word]} {STATUS_LABEL[word]}", style=COLOURS[word]),
        response,
        letters.write(count(row["items"])),
        letters.write(duration_text(row["data_age_s"])),
        Text(" · ".join(filter(None, ("light" if row["light"] else "", row["detail"])))),
    )
