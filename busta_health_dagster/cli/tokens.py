"""`busta tokens`: who may come through the web door, and as what."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from busta_health_dagster.cli.session import BustaGroup, Output, console, print_json, session
from busta_health_dagster.domain.access import Role

tokens_app = typer.Typer(
    cls=BustaGroup, no_args_is_help=True, help="Tokens of the web door. Example: busta tokens list"
)

OutputOption = Annotated[Output, typer.Option("-o", "--output", help="table or json")]


@tokens_app.command()
def create(
    context: typer.Context,
    role: Annotated[Role, typer.Option(help="viewer reads, operator acts, admin manages tokens, push only beats.")],
    name: Annotated[str, typer.Option(help="Whose it is; it stands in the audit log.")],
    output: OutputOption = Output.TABLE,
) -> None:
    """Make a token; it is shown this once. Example: busta tokens create --role operator --name op-1"""
    from busta_health_dagster.pipeline.access import create_token

    with session(context).app(create_store=True) as app:
        secret = create_token(app, name=name, role=role, by=getpass.getuser())
    if output is Output.JSON:
        print_json({"token": secret})
    else:
        console().print(secret, markup=False, soft_wrap=True)


@tokens_app.command("list")
def list_(context: typer.Context, output: OutputOption = Output.TABLE) -> None:
    """Every token, without its secret. Example: busta tokens list"""
    from busta_health_dagster.pipeline.access import list_tokens, token_row

    with session(context).app() as app:
        rows = [token_row(token) for token in list_tokens(app)]
    if output is Output.JSON:
        print_json(rows)
        return
    from rich.table import Table

    table = Table("NAME", "ROLE", "CREATED", "BY", "LAST USED", "REVOKED", box=None, header_style="bold")
    for row in rows:
        table.add_row(
            *(
                str(row[key] or "—")
                for key in ("name", "role", "created_at", "created_by", "last_used_at", "revoked_at")
            )
        )
    console().print(table)


@tokens_app.command()
def revoke(context: typer.Context, name: Annotated[str, typer.Argument(help="Name of the token.")]) -> None:
    """End a token and every session opened with it. Example: busta tokens revoke op-1"""
    from busta_health_dagster.pipeline.access import revoke_token

    with session(context).app(create_store=True) as app:
        revoke_token(app, name=name, by=getpass.getuser())
    console().print(f"revoked {name}")
