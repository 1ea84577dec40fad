"""`busta db`: the store's schema, size, retention, import and export."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from busta_health_dagster.cli import store_copies
from busta_health_dagster.cli.session import BustaGroup, Output, at_home, console, err_console, print_json

db_app = typer.Typer(cls=BustaGroup, no_args_is_help=True, help="The store. Example: busta db status")


@db_app.command()
def upgrade(context: typer.Context) -> None:
    """Create the store, or bring its schema up to this program. Example: busta db upgrade"""
    app = at_home(context).app(create_store=True)
    try:
        status = app.store.status()
        console().print(f"The store is at schema {status.current}.")
    finally:
        app.close()


@db_app.command()
def status(
    context: typer.Context,
    output: Annotated[Output, typer.Option("-o", "--output", help="table or json")] = Output.TABLE,
) -> None:
    """Where the store is, its schema and its rows; exit 3 if it cannot be used. Example: busta db status"""
    from busta_health_dagster.pipeline.app import store_admin

    app = at_home(context).app()
    try:
        report = store_admin.describe(app)
    finally:
        app.close()
    if output is Output.JSON:
        print_json(report)
    else:
        from busta_health_dagster.cli.tables import Columns

        size = f" {report['size_bytes'] / 1e6:,.1f} MB." if "size_bytes" in report else ""
        console().print(f"{report['sentence']}{size}", markup=False, soft_wrap=True)
        if "rows" in report:
            table = Columns(("TABLE", "ROWS"), right=frozenset({"ROWS"}))
            for name, count in sorted(report["rows"].items(), key=lambda row: (-row[1], row[0])):
                table.add(name, f"{count:,}")
            console().print(table)
    if report["state"] != "ok":
        raise typer.Exit(3)


@db_app.command()
def prune(context: typer.Context) -> None:
    """Delete what is older than its retention in settings.yaml. Example: busta db prune"""
    from busta_health_dagster.pipeline.app import store_admin

    app = at_home(context).app()
    try:
        deleted = store_admin.prune(app)
    finally:
        app.close()
    for table, rows in deleted.items():
        console().print(f"{table}: {rows:,} rows deleted")


@db_app.command("import")
def import_(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A CSV of observations, or a directory of <source>.csv.")],
    output: Annotated[Output, typer.Option("-o", "--output", help="table or json")] = Output.TABLE,
) -> None:
    """Take in observations from CSV; importing again changes nothing. Example: busta db import history.csv

    Columns: timestamp,source,status and optionally response_ms,items,data_age_s,quality; further columns of numbers are
    custom metrics. Every line that is not taken is
    printed on stderr with its reason, and the exit code is then 1.
    """
    from busta_health_dagster.cli.progress import bar
    from busta_health_dagster.pipeline.imports import import_history

    app = at_home(context).app(create_store=True)
    try:
        with bar("Importing", unit="rows") as advance:
            report = import_history.import_history(app, path, advance=advance)
    finally:
        app.close()
    errors = err_console()
    for rejected in report.rejected:
        errors.print(f"{rejected.where}: {rejected.reason}", markup=False, soft_wrap=True)
    if report.more_rejected:
        errors.print(f"... and {report.more_rejected} more rejected lines")
    if output is Output.JSON:
        print_json(report.as_json())
    else:
        console().print(report.sentence())
    if report.rejected:
        raise typer.Exit(1)


@db_app.command()
def export(
    context: typer.Context,
    source: Annotated[list[str] | None, typer.Argument(help="Only these sources.")] = None,
    since: Annotated[str, typer.Option(help="How far back.")] = "30d",
    out: Annotated[Path | None, typer.Option(help="Write here instead of to stdout.")] = None,
) -> None:
    """Observations as CSV, in the shape that import reads. Example: busta db export odds_api --since 7d > odds.csv"""
    from busta_health_dagster.pipeline.imports import import_history

    app = at_home(context).app()
    try:
        if out is None:
            import_history.export_history(app, source, since, sys.stdout)
        else:
            with out.open("w", encoding="utf-8", newline="") as handle:
                import_history.export_history(app, source, since, handle)
    finally:
        app.close()


for _command in (store_copies.copy, store_copies.backup, store_copies.restore, store_copies.vacuum):
    db_app.command()(_command)
