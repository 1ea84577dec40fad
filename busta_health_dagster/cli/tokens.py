"""`busta tokens`: who may come through the web door, and as what."""

from __future__ import annotations

from typing import Annotated

import typer

from busta_health_dagster.cli.session import BustaGroup, Output, console, print_json, session
from busta_health_dagster.cli.sources import OutputOption
from busta_health_dagster.cli.tables import Columns
from busta_health_dagster.domain.access import Role

tokens_app = typer.Typer(
    cls=BustaGroup, no_args_is_help=True, help="Tokens of the web door. Example: busta tokens list"
)


@tokens_app.command()
def create(
    context: typer.Context,
    role: Annotated[Role, typer.Option(help="viewer reads, operator acts, admin manages tokens, push only beats.")],
    name: Annotated[str, typer.Option(help="Whose it is; it stands in the audit log.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a token; it is shown this once. Example: busta tokens create --role operator --name op-1"""
    with session(context).monitor(create_store=True) as monitor:
        secret = monitor.create_token(name, role)["token"]
    if output is Output.JSON:
        print_json({"token": secret})
    else:
        console().print(secret, markup=False, soft_wrap=True)


@tokens_app.command("list")
def list_(context: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """Every token, without its secret. Example: busta tokens list"""
    with session(context).monitor() as monitor:
        rows = monitor.tokens()
    if output is Output.JSON:
        print_json(rows)
        return
    if not rows:
        console().print(
            "There is no token: who connects from this machine is admin. Make one: busta tokens create --role admin --name NAME",
            soft_wrap=True,
        )
        return
    from busta_health_dagster.cli.glyphs import glyph_set

    dash = glyph_set().dash
    table = Columns(("NAME", "ROLE", "CREATED", "BY", "LAST USED", "REVOKED"), drop=("BY", "CREATED"))
    for row in rows:
        used, revoked = row["last_used_at"] or dash, row["revoked_at"] or dash
        table.add(row["name"], row["role"], row["created_at"], row["created_by"], used, revoked)
    console().print(table)


@tokens_app.command()
def revoke(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the token.")],
    force: Annotated[bool, typer.Option("--force", help="Revoke it even if it is the last admin token.")] = False,
) -> None:
    """End a token and every session opened with it. Example: busta tokens revoke op-1"""
    with session(context).monitor() as monitor:
        monitor.revoke_token(name, force=force)
    console().print(f"revoked {name}")
