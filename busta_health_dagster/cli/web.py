"""`busta web`: the page, REST and metrics beside a Dagster that busta does not run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from busta_health_dagster.cli.config_watch import config_watch, renewal
from busta_health_dagster.cli.run import dagster_env
from busta_health_dagster.cli.session import Session, at_home, console
from busta_health_dagster.cli.starting import start_web
from busta_health_dagster.cli.supervised import announce, supervised
from busta_health_dagster.cli.up import HostOption, PortOption
from busta_health_dagster.domain.errors import BadInput

WorkspaceOption = Annotated[
    Path | None,
    typer.Option(help="A workspace.yaml: Dagster's UI is served too, below the same tokens.", show_default=False),
]
NoDagsterOption = Annotated[bool, typer.Option("--no-dagster", help="Without Dagster's UI, as without --workspace.")]


def web(
    context: typer.Context,
    host: HostOption = None,
    port: PortOption = None,
    workspace: WorkspaceOption = None,
    no_dagster: NoDagsterOption = False,
) -> None:
    """Serve the page, REST and metrics alone: checks and alerts run in a Dagster of yours. Example: busta web --no-dagster"""
    if workspace is not None and no_dagster:
        raise BadInput("busta web: --no-dagster serves no workspace; leave one of the two out.")
    if workspace is not None and not workspace.is_file():
        raise BadInput(f"busta web: there is no file {workspace}; --workspace names a workspace.yaml of Dagster.")
    current = at_home(context)
    announce(current)
    raise typer.Exit(run_web(current, host=host, port=port, workspace=workspace))


def run_web(current: Session, *, host: str | None, port: int | None, workspace: Path | None) -> int:
    """Serve and stay. Returns the exit code."""
    from busta_health_dagster import bootstrap

    with supervised(current, host=host, port=port) as stage:
        supervisor, home = stage.supervisor, stage.home
        if workspace is not None and not current.environ.get("DAGSTER_HOME"):
            env = dagster_env(current)  # our own instance: its file says where runs and events are
        else:
            found = bootstrap.find_config_dir(home=current.home, config_dir=current.config_dir, environ=current.environ)
            env = dict(current.environ) | {"BUSTA_HOME": str(home.root), "BUSTA_CONFIG_DIR": str(found.resolve())}
        path = str(workspace.resolve()) if workspace is not None else None
        running = start_web(supervisor, home, env, host=stage.host, listener=stage.listener, workspace=path)
        if running is None:
            return 0
        console().print(f"\n  Health         [bold]{running.url}/source-health[/]\n  Stop           Ctrl-C\n")
        sys.stdout.flush()
        renew_web = renewal(supervisor)
        watch = config_watch(current, stage.notify, stage.failures, reload_code=renew_web, renew_web=renew_web)
        supervisor.tasks["The watch over the configuration"] = watch
        supervisor.tasks["Writing down the processes"] = lambda: running.renew(home, supervisor.children)
        supervisor.run()
    return 0
