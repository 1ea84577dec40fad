"""`busta run` and `busta dagster`: the jobs that the schedules run, and the dagster CLI, with this project's home and
workspace.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from busta_health_dagster.cli.session import BustaGroup, at_home, err_console
from busta_health_dagster.settings.home import PRIVATE_UMASK
from busta_health_dagster.settings.instance import HOST_TAG

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from busta_health_dagster.cli.session import Session

run_app = typer.Typer(
    cls=BustaGroup,
    no_args_is_help=True,
    help="Run a scheduled job now, through the dagster CLI. Example: busta run tick",
)

MODULE = "busta_health_dagster.definitions"


def dagster_env(current: Session, *, max_runs: int | None = None) -> dict[str, str]:
    """The environment every Dagster process gets: home, configuration, instance. Creates the home, store and instance
    file. What is written from now on, here and in every process started, is for this user only.
    """
    from busta_health_dagster import bootstrap

    os.umask(PRIVATE_UMASK)
    return bootstrap.prepare_home(
        home=current.home, config_dir=current.config_dir, environ=current.environ, max_runs=max_runs
    )


def here() -> dict[str, str]:
    """The tag of a run whose process was started on this machine without a code server: who finds it dead may say so."""
    return {HOST_TAG: platform.node()}


def execute_job(current: Session, job: str, tags: Mapping[str, str] | None = None) -> int:
    """Run a job in this machine's Dagster instance, recorded like any other run. Returns the exit code."""
    env = dagster_env(current)
    # Dagster prints every event of a run; a person wants what went wrong. All of it is in the run's own log.
    quiet = Path(env["DAGSTER_HOME"]) / "quiet.yaml"
    quiet.write_text("loggers: {console: {config: {log_level: WARNING}}}\n", encoding="utf-8")
    argv = [sys.executable, "-m", "dagster", "job", "execute", "-m", MODULE, "-j", job, "-c", str(quiet)]
    argv += ["--tags", json.dumps(here() | dict(tags or {}))]
    return subprocess.run(argv, env=env, check=False).returncode  # noqa: S603  our own argv


def _job(name: str, job: str, text: str, tags: Callable[[Session], Mapping[str, str]] | None = None) -> None:
    def command(context: typer.Context) -> None:
        current, started = at_home(context), time.monotonic()
        code = execute_job(current, job, tags(current) if tags is not None else None)
        if code:
            sys.stderr.write(
                f"The run of {job} failed (exit code {code}); its events say why: busta dagster run list\n"
            )
            raise typer.Exit(1)
        err_console().print(f"{job}: done in {time.monotonic() - started:.0f} s", highlight=False)

    run_app.command(name, help=f"{text} Example: busta run {name}")(command)


def _yesterday(_: Session) -> dict[str, str]:
    return {"dagster/partition": (datetime.now(UTC).date() - timedelta(days=1)).isoformat()}


def _last_week(current: Session) -> dict[str, str]:
    """The partition is the Monday of the newest week that is over, in the configured zone."""
    from busta_health_dagster.pipeline.reporting.weekly_report import last_week

    app = current.app(create_store=True)
    try:
        monday = datetime.strptime(f"{last_week(app)}-1", "%G-W%V-%u").date()  # noqa: DTZ007  a day, no instant
    finally:
        app.close()
    return {"dagster/partition": monday.isoformat()}


_job("tick", "health_tick", "Check every source that is due, now.")
_job("quality", "quality_hourly", "Score the newest sample of every source that has a suite or a validator, now.")
_job("trends", "trends_daily", "Fill the 30-day trends of the last whole day (UTC).", _yesterday)
_job("baselines", "baselines_daily", "Show the normal operating range of every type as it is known now.")
_job("weekly-report", "weekly_report", "Write, keep and send the report of the newest week that is over.", _last_week)
_job("retention", "retention_daily", "Delete what is older than its retention, in our store and in Dagster's.")


def dagster_command(
    context: typer.Context,
) -> None:
    """The dagster CLI on this project's home and workspace. Example: busta dagster run list"""
    argv = [sys.executable, "-m", "dagster", *context.args]
    env = dagster_env(at_home(context))
    sys.stdout.flush()
    os.execve(sys.executable, argv, env)  # noqa: S606  our own interpreter
