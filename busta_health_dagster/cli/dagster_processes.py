"""Dagster's two processes: how `busta up` starts them, and `busta code-server` and `busta daemon`, each alone in a container."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.offspring import ALONE_S, has_living_child
from busta_health_dagster.cli.run import MODULE, dagster_env
from busta_health_dagster.cli.session import at_home
from busta_health_dagster.domain.errors import BadInput, HomeError
from busta_health_dagster.settings.instance import LOCATION

if TYPE_CHECKING:
    from collections.abc import Sequence

QUIET = ("--log-level", "warning")


def code_server_argv(host: str, port: int) -> list[str]:
    argv = [sys.executable, "-m", "dagster", "code-server", "start", "-h", host, "-p", str(port), "-m", MODULE]
    return [*argv, *QUIET, "--location-name", LOCATION]


def daemon_argv(workspace: str) -> list[str]:
    return [sys.executable, "-m", "dagster._daemon", "run", "-w", workspace, *QUIET]


def lost_runs_argv() -> list[str]:
    return [sys.executable, "-m", "busta_health_dagster.defs.lost_runs", "--before", f"{time.time():.3f}"]


def code_server(
    context: typer.Context,
    host: Annotated[str, typer.Option(help="Address to serve on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to serve on.", min=1, max=65535)] = 4000,
) -> None:
    """Serve the code location alone, for a container: the runs are in here. Example: busta code-server --host 0.0.0.0"""
    env = dagster_env(at_home(context))
    # The runs of a code server that was killed here would hold up the next tick for minutes.
    code = subprocess.run(lost_runs_argv(), env=env, check=False).returncode  # noqa: S603  our own argv
    if code:
        raise HomeError(f"The runs of a code server that has died could not be ended (exit code {code}, see above).")
    ended = watched(code_server_argv(host, port), env)
    if ended is None:
        raise HomeError(
            "The process that the code server answers through has gone, and the code server with it. Start it again (restart: of the "
            "container does); what ended the process stands above, or in the log of the kernel where memory ran out (dmesg)."
        )
    raise typer.Exit(ended)


def daemon(
    context: typer.Context,
    workspace: Annotated[Path, typer.Option(help="A workspace.yaml that names the code server.", show_default=False)],
) -> None:
    """Run Dagster's daemon alone, for a container: schedules, sensors, the queue. Example: busta daemon --workspace workspace.yaml"""
    if not workspace.is_file():
        raise BadInput(f"busta daemon: there is no file {workspace}; --workspace names a workspace.yaml of Dagster.")
    _become(daemon_argv(str(workspace.resolve())), dagster_env(at_home(context)))


def watched(argv: Sequence[str], env: dict[str, str], *, alone_s: float = ALONE_S) -> int | None:
    """Run a process that works through another, which it starts itself, and hand it our signals; -> its exit code. None: it lived on
    without the other, and was ended.
    """
    sys.stdout.flush()
    process = subprocess.Popen(list(argv), env=env)  # noqa: S603  our own argv
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda given, _frame: process.send_signal(given))
    alone_since: float | None = None
    while True:
        try:
            code = process.wait(min(1.0, alone_s))
        except subprocess.TimeoutExpired:
            now = time.monotonic()
            if has_living_child(process.pid) is not False:
                alone_since = now
            elif alone_since is not None and now - alone_since > alone_s:
                process.kill()
                process.wait()
                return None
        else:
            return code if code >= 0 else 128 - code


def _become(argv: Sequence[str], env: dict[str, str]) -> None:
    """The process itself, so that a signal and a health check meet what they mean."""
    sys.stdout.flush()
    os.execve(argv[0], list(argv), env)  # noqa: S606  our own interpreter
