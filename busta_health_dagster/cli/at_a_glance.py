"""`busta` alone: how things are, in ten lines; and where nothing is watched yet, what to do first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from busta_health_dagster.cli.session import complain, console
from busta_health_dagster.domain.errors import BustaError

if TYPE_CHECKING:
    from busta_health_dagster.cli.session import Session

_FIRST = (
    "busta demo             twelve simulated sources, some of them failing",
    "busta init monitor     a small configuration that works, in a directory of its own",
    "busta up               the monitor of the configuration here",
    "busta --help           every command",
)


def at_a_glance(current: Session) -> None:
    """Print the worst of the fleet. Leaves with the error's code where nothing can be said."""
    from busta_health_dagster.cli.glance_view import glance
    from busta_health_dagster.cli.glyphs import glyph_set

    out = console()
    try:
        with current.monitor() as monitor:
            fleet = monitor.fleet(None, bars=True)
    except BustaError as error:
        complain(error)
        for hint in _FIRST:
            out.print(f"  {hint}", markup=False, soft_wrap=True)
        raise typer.Exit(error.exit_code) from error
    for line in glance(fleet, width=out.width, letters=glyph_set()):
        out.print(line, soft_wrap=True)
