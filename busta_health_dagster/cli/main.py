"""The `busta` command: options that stand before every command, and the commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
import typer.exceptions

from busta_health_dagster import __version__
from busta_health_dagster.cli.alerts import alerts_app
from busta_health_dagster.cli.anomalies import anomalies_app
from busta_health_dagster.cli.audit import audit_app
from busta_health_dagster.cli.backtest import backtest
from busta_health_dagster.cli.baselines import baselines_app
from busta_health_dagster.cli.config import config_app
from busta_health_dagster.cli.dagster_processes import code_server, daemon
from busta_health_dagster.cli.db import db_app
from busta_health_dagster.cli.delivery import register as register_delivery
from busta_health_dagster.cli.gate import gate_app
from busta_health_dagster.cli.incidents import incidents_app
from busta_health_dagster.cli.init import init
from busta_health_dagster.cli.maintenance import maintenance_app
from busta_health_dagster.cli.quality import quality_app
from busta_health_dagster.cli.report import report_app
from busta_health_dagster.cli.run import dagster_command, run_app
from busta_health_dagster.cli.session import BustaGroup, Session
from busta_health_dagster.cli.sla import sla
from busta_health_dagster.cli.source_actions import register as register_source_actions
from busta_health_dagster.cli.sources import sources_app
from busta_health_dagster.cli.tokens import tokens_app
from busta_health_dagster.cli.up import demo, up
from busta_health_dagster.cli.web import web
from busta_health_dagster.garbage import collect_rarely

_START, _SEE, _CARE = "Run the monitor", "See how things are", "Change and look after it"

app = typer.Typer(
    name="busta",
    cls=BustaGroup,
    invoke_without_command=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Watches the data sources a betting platform lives on, and tells the right person once.\n\n"
    "Example: [bold]busta sources health --watch[/]. Alone, [bold]busta[/] says in ten lines how things are.\n\n"
    "Exit codes: 0 done, 1 the thing asked about is unhealthy, 2 usage, 3 cannot tell.",
)
register_source_actions(sources_app)
app.add_typer(sources_app, name="sources", rich_help_panel=_SEE)
register_delivery(alerts_app)
app.add_typer(alerts_app, name="alerts", rich_help_panel=_SEE)
app.add_typer(gate_app, name="gate", rich_help_panel=_SEE)
app.add_typer(maintenance_app, name="maintenance", rich_help_panel=_CARE)
app.add_typer(quality_app, name="quality", rich_help_panel=_SEE)
app.add_typer(baselines_app, name="baselines", rich_help_panel=_SEE)
app.add_typer(anomalies_app, name="anomalies", rich_help_panel=_SEE)
app.add_typer(config_app, name="config", rich_help_panel=_CARE)
app.add_typer(db_app, name="db", rich_help_panel=_CARE)
app.add_typer(report_app, name="report", rich_help_panel=_SEE)
app.add_typer(run_app, name="run", rich_help_panel=_CARE)
app.add_typer(incidents_app, name="incidents", rich_help_panel=_SEE)
app.command("sla", rich_help_panel=_SEE)(sla)
app.command("backtest", rich_help_panel=_CARE)(backtest)
app.add_typer(tokens_app, name="tokens", rich_help_panel=_CARE)
app.add_typer(audit_app, name="audit", rich_help_panel=_CARE)
app.command("init", rich_help_panel=_START)(init)
app.command("up", rich_help_panel=_START)(up)
app.command("web", rich_help_panel=_START)(web)
app.command("code-server", rich_help_panel=_START)(code_server)
app.command("daemon", rich_help_panel=_START)(daemon)
app.command("demo", rich_help_panel=_START)(demo)
app.command(
    "dagster",
    rich_help_panel=_START,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)(dagster_command)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"busta {__version__}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    home: Annotated[
        Path | None, typer.Option(help="Where the monitor keeps its state.", envvar="BUSTA_HOME", show_default=".busta")
    ] = None,
    config_dir: Annotated[
        Path | None,
        typer.Option(
            help="Where the configuration lies.", envvar="BUSTA_CONFIG_DIR", show_default="<home>/config, ./config"
        ),
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Talk to a remote busta over REST, with BUSTA_TOKEN.", envvar="BUSTA_URL")
    ] = None,
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    context.obj = Session(home=home, config_dir=config_dir, url=url)
    if context.invoked_subcommand is None:
        from busta_health_dagster.cli.at_a_glance import at_a_glance

        at_a_glance(context.obj)


def main() -> None:
    """The entry point. With `--nagios` every usage error and crash is UNKNOWN (3): a plug-in must never invent a
    state.
    """
    collect_rarely()
    if "--nagios" not in sys.argv:
        app()
        return
    try:
        code = app(standalone_mode=False)
    except typer.exceptions.TyperException as error:
        sys.stdout.write(f"UNKNOWN - {error}\n")
        code = 3
    except Exception as error:  # noqa: BLE001  the contract of a monitoring plug-in: whatever broke, say UNKNOWN
        sys.stdout.write(f"UNKNOWN - busta broke: {type(error).__name__}: {error}\n")
        code = 3
    raise SystemExit(code or 0)
