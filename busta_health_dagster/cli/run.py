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
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.session import BustaGroup, at_home, err_console
from busta_health_dagster.domain.errors import UnknownName
from busta_health_dagster.settings.home import PRIVATE_UMASK
from busta_health_dagster.settings.instance import HOST_TAG

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.cli.session import Session
    from busta_health_dagster.settings import Config

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


def _run(current: Session, job: str, tags: Mapping[str, str] | None = None) -> None:
    started = time.monotonic()
    code = execute_job(current, job, tags)
    if code:
        sys.stderr.write(f"The run of {job} failed (exit code {code}); its events say why: busta dagster run list\n")
        raise typer.Exit(1)
    err_console().print(f"{job}: done in {time.monotonic() - started:.0f} s", highlight=False)


def _job(name: str, job: str, text: str) -> None:
    def command(context: typer.Context) -> None:
        _run(at_home(context), job)

    run_app.command(name, help=f"{text} Example: busta run {name}")(command)


_job("tick", "health_tick", "Check every source that is due, now.")
_job("quality", "quality_hourly", "Score the newest sample of every source that has a suite or a validator, now.")
_job("baselines", "baselines_daily", "Show the normal operating range of every type as it is known now.")
_job("retention", "retention_daily", "Delete what is older than its retention, in our store and in Dagster's.")


@run_app.command("vantage")
def vantage(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="One of `vantages` in settings.yaml; this machine is that place.")],
) -> None:
    """Observe from a vantage point what is due there, now. Example: busta run vantage fra"""
    current = at_home(context)
    known = _config(current).settings.vantages
    if name not in known:
        there = f"There are: {', '.join(known)}." if known else "There is none; see docs/vantages.md."
        raise UnknownName(f"settings.yaml has no vantage point {name!r}. {there}")
    _run(current, "vantage_observations", {"busta/vantage": name})


@run_app.command("trends")
def trends(
    context: typer.Context,
    days: Annotated[int, typer.Option(help="How many days, in one run.", min=1, max=366)] = 1,
) -> None:
    """Fill the 30-day trends of the last whole days (UTC), from `report_start` on. Example: busta run trends --days 7"""
    current = at_home(context)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    first = max(yesterday - timedelta(days=days - 1), _config(current).first_day)
    _run(current, "trends_daily", _partitions(first, yesterday))


@run_app.command("weekly-report")
def weekly_report(
    context: typer.Context,
    weeks: Annotated[
        int, typer.Option(help="How many weeks, in one run; only the newest is sent.", min=1, max=104)
    ] = 1,
) -> None:
    """Write and keep the reports of the newest weeks that are over, from `report_start` on, and send the newest. Example: busta
    run weekly-report
    """
    current = at_home(context)
    monday = _last_monday(current)
    first = max(monday - timedelta(weeks=weeks - 1), _config(current).first_week)
    _run(current, "weekly_report", _partitions(first, monday))


def _config(current: Session) -> Config:
    from busta_health_dagster import bootstrap

    reloader = bootstrap.config_reloader(
        home=current.home, config_dir=current.config_dir, environ=current.environ, keep=False
    )
    return reloader.config


def _partitions(first: date, last: date) -> dict[str, str]:
    if first >= last:  # Dagster says it where there is no such partition
        return {"dagster/partition": last.isoformat()}
    ends = {"start": first.isoformat(), "end": last.isoformat()}
    return {f"dagster/asset_partition_range_{end}": day for end, day in ends.items()}


def _last_monday(current: Session) -> date:
    """The partition of the newest week that is over, in the configured zone."""
    from busta_health_dagster.pipeline.reporting.weekly_report import last_week

    app = current.app(create_store=True)
    try:
        return datetime.strptime(f"{last_week(app)}-1", "%G-W%V-%u").date()  # noqa: DTZ007  a day, no instant
    finally:
        app.close()


def dagster_command(
    context: typer.Context,
) -> None:
    """The dagster CLI on this project's home and workspace. Example: busta dagster run list"""
    argv = [sys.executable, "-m", "dagster", *context.args]
    env = dagster_env(at_home(context))
    sys.stdout.flush()
    os.execve(sys.executable, argv, env)  # noqa: S606  our own interpreter
