"""`busta sla`: how each source kept its service level in a window, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.session import Output, console, print_json, session
from busta_health_dagster.domain.sla import percent
from busta_health_dagster.domain.units import duration_text, floored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.pipeline.service_levels import ServiceLevel

WindowOption = Annotated[str, typer.Option(help="24h, 7d, 30d; week, month; 2026-W47 or 2026-11.")]
AtOption = Annotated[
    str | None, typer.Option(help="The end of the window, ISO 8601 with zone; now when left out.", show_default="now")
]
OutputOption = Annotated[Output, typer.Option("-o", "--output", help="table or json")]


def sla(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Only these sources; all when left out.")] = None,
    window: WindowOption = "30d",
    at: AtOption = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Leave with 1 if a target is missed.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Uptime, coverage and error budget of [at - window, at), worst first. Example: busta sla odds_api --window 7d

    Uptime is good / (good + bad); maintenance is excluded, and what nobody saw is unknown. Below 95% coverage there is
    no verdict. Imported sources are listed too.
    """
    from busta_health_dagster.pipeline.service_levels import ask, service_levels

    app = session(context).app()
    try:
        asked = ask(app, window, at)
        levels = service_levels(app, asked, names)
    finally:
        app.close()
    if output is Output.JSON:
        print_json([level.as_json() for level in levels])
    else:
        _print(levels)
    if exit_code and any(level.result.met is False for level in levels):
        raise typer.Exit(1)
    if exit_code and any(level.result.met is None for level in levels):
        raise typer.Exit(3)


def _print(levels: Sequence[ServiceLevel]) -> None:
    from rich.table import Table
    from rich.text import Text

    from busta_health_dagster.cli.shapes import alphabet
    from busta_health_dagster.pipeline.service_levels import PACE, next_to_breach

    letters = alphabet()
    table = Table(box=None, header_style="bold")
    heads = (
        "", "SOURCE", "TARGET", "UPTIME", "GOOD", "BAD", "PLANNED", "UNKNOWN", "COVERAGE", "BUDGET LEFT",
        f"BURN {PACE}", "VERDICT",
    )  # fmt: skip
    for head in heads:
        table.add_column(head, justify="right" if head not in {"", "SOURCE", "VERDICT"} else "left")
    looks = {"met": ("up", "green"), "missed": ("down", "red")}
    for level in levels:
        r = level.result
        shape, colour = looks.get(r.verdict, ("unknown", "default"))
        pace = r.burn.get(PACE)
        table.add_row(
            Text(letters.shapes[shape], style=colour), r.source, _share(percent(r.target), letters.dash),
            _share(percent(r.uptime), letters.dash), f"{float(r.good):,g}", f"{float(r.bad):,g}", f"{r.excluded:,}",
            f"{r.unknown:,}", _share(percent(r.coverage), letters.dash),
            letters.dash if r.budget_left is None else f"{floored(r.budget_left * 100, 2):g}%",
            letters.dash if pace is None else f"{floored(pace, 2):g}", Text(r.verdict, style=colour),
        )  # fmt: skip
    out = console()
    out.print(table)
    if levels:
        span = levels[0].period
        from busta_health_dagster.domain.units import iso

        out.print(f"Window {span.label}: {iso(span.since)} to {iso(span.until)}, end exclusive.")
    closest = next_to_breach(levels)
    if closest is not None and closest.spare_slices is not None:
        left = duration_text(closest.spare_slices * closest.slice_s)
        out.print(f"Next to breach: {closest.source}, {left} of downtime left.")
    for level in levels:
        if level.forecast.in_s:
            out.print(f"{level.source.name}: {level.forecast.text}.")


def _share(value: float | None, dash: str) -> str:
    return dash if value is None else f"{value:g}%"
