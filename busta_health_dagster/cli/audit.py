"""`busta audit`: who did what, when."""

from __future__ import annotations

from typing import Annotated

import typer

from busta_health_dagster.cli.session import BustaGroup, Output, console, print_json, session
from busta_health_dagster.cli.sources import OutputOption
from busta_health_dagster.wording.lists import plural

audit_app = typer.Typer(cls=BustaGroup, no_args_is_help=True, help="Who did what, when. Example: busta audit list")


@audit_app.command("list")
def list_(
    context: typer.Context,
    actor: Annotated[str, typer.Option(help="Only what this one did.")] = "",
    action: Annotated[str, typer.Option(help="Only this: alert.ack, or alert for all of its kind.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many, the newest.")] = 100,
    output: OutputOption = Output.TABLE,
) -> None:
    """The audit log, newest first; over --url for an admin. Example: busta audit list --action alert"""
    with session(context).monitor() as monitor:
        rows = monitor.audit(actor=actor, action=action, limit=limit)
    if output is Output.JSON:
        print_json(rows)
        return
    from busta_health_dagster.cli.tables import Columns

    out = console()
    if rows:
        table = Columns(("AT (UTC)", "WHO", "DID", "WHAT", "DETAIL"), drop=("DETAIL",))
        for row in rows:
            at = row["at"].replace("T", " ").removesuffix("Z")
            table.add(at, row["actor"], row["action"], row["subject"], row["detail"] or "")
        out.print(table)
    more = ", the newest ones; more: --limit" if len(rows) == limit else ""
    nothing = "No entry of the audit log matches." if actor or action else "Nothing was done yet."
    out.print(f"{plural(len(rows), 'entry', 'entries')}{more}" if rows else nothing, soft_wrap=True)
