"""`busta sla`: how each source kept its service level in a window, exactly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.session import Output, console, print_json, session
from busta_health_dagster.cli.sources import OutputOption
from busta_health_dagster.cli.tables import Columns
from busta_health_dagster.domain.uptime_and_budget import spoken
from busta_health_dagster.wording import numbers, percentages
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.documents.service import ServiceLevelRow

WindowOption = Annotated[str, typer.Option(help="24h, 7d, 30d; week, month; 2026-W47 or 2026-11.")]
AtOption = Annotated[
    str | None, typer.Option(help="The end of the window, ISO 8601 with zone; now when left out.", show_default="now")
]
PACE = "6h"
"""The stretch whose burn rate is shown: the forecast rests on it."""


def sla(
    context: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(help="Only these sources; all when left out.")] = None,
    window: WindowOption = "30d",
    at: AtOption = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="Leave with 1 if a target is missed.")] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Uptime, coverage and error budget of [at - window, at), worst first. Example: busta sla odds_api --window 7d

    Uptime is good / (good + bad); maintenance is excluded, and what no one saw is unknown. Below 95% coverage there is
    no verdict. Imported sources are listed too.
    """
    with session(context).monitor() as monitor:
        levels = monitor.sla(names, window, at)
    if output is Output.JSON:
        print_json(levels)
    else:
        _print(levels)
    if exit_code and any(level["met"] is False for level in levels):
        raise typer.Exit(1)
    if exit_code and any(level["met"] is None for level in levels):
        raise typer.Exit(3)


def _print(levels: Sequence[ServiceLevelRow]) -> None:
    from rich.text import Text

    from busta_health_dagster.cli.glyphs import glyph_set

    letters = glyph_set()
    heads = (
        "",
        "SOURCE",
        "TARGET %",
        "UPTIME %",
        "GOOD",
        "BAD",
        "PLANNED",
        "UNKNOWN",
        "COVERAGE %",
        "BUDGET %",
        f"BURN {PACE}",
        "VERDICT",
    )
    narrow = ("GOOD", "PLANNED", "UNKNOWN", "TARGET %", f"BURN {PACE}", "COVERAGE %", "BAD")
    table = Columns(heads, right=frozenset(heads[2:-1]), drop=narrow)
    observations = {"met": ("up", "green"), "missed": ("down", "red")}

    for row in levels:
        shape, colour = observations.get(row["verdict"], ("unknown", "default"))
        table.add(
            Text(letters.shapes[shape], style=colour),
            row["source"],
            letters.write(percentages.share(row["target"])),
            letters.write(percentages.share(spoken(row["uptime"], row["coverage"]))),
            f"{row['good']:,g}",
            f"{row['bad']:,g}",
            f"{row['excluded']:,}",
            f"{row['unknown']:,}",
            letters.write(percentages.share(row["coverage"])),
            letters.write(percentages.budget(spoken(row["budget_left"], row["coverage"]))),
            letters.dash if (burn := _pace(row)) is None else numbers.decimal(burn, 2),
            Text(row["verdict"], style=colour),
        )
    out = console()
    out.print(table)
    if levels:
        first = levels[0]
        out.print(f"Window {first['window']}: {first['since']} to {first['until']}, end exclusive.")
    closest = _next_to_breach(levels)
    if closest is not None:
        left = duration_text(closest["time_to_breach_s"] or 0)
        out.print(f"Next to breach: {closest['source']}, {left} of downtime left.")
    for row in levels:
        if row["forecast"]["exhausted_in_s"]:
            out.print(f"{row['source']}: {row['forecast']['text']}.", markup=False)


def _pace(row: ServiceLevelRow) -> float | None:
    """How fast the budget goes, where there is a verdict, or where it goes too fast."""
    return row["burn"].get(PACE) if row["met"] is not None or row["burn_tier"] else None


def _next_to_breach(levels: Sequence[ServiceLevelRow]) -> ServiceLevelRow | None:
    """Of those that meet their target, the one that may be down for the shortest time; ties by budget, then by name."""
    met = [row for row in levels if row["met"]]
    return min(met, key=lambda r: (r["time_to_breach_s"] or 0, r["budget_left"] or 0, r["source"]), default=None)
