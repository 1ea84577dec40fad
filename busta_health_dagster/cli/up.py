"""`busta up` and `busta demo`: code server, daemon and web process on one home, under one supervisor."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli import ports
from busta_health_dagster.cli.run import MODULE, dagster_env
from busta_health_dagster.cli.session import Session, at_home, console, err_console
from busta_health_dagster.cli.supervisor import Child, Supervisor, tail
from busta_health_dagster.domain.clock import SystemClock
from busta_health_dagster.domain.errors import HomeError
from busta_health_dagster.settings.home import Home, InstanceLock
from busta_health_dagster.settings.instance import LOCATION, write_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

START_TIMEOUT_S = 120.0
_LOOPBACK = "127.0.0.1"

HostOption = Annotated[str, typer.Option(help="Address to serve on.")]
PortOption = Annotated[int | None, typer.Option(help="Port to serve on; the next free one from 3000 when left out.")]
WorkersOption = Annotated[int | None, typer.Option(help="How many Dagster runs may run at once.", min=1)]


def up(
    context: typer.Context, host: HostOption = _LOOPBACK, port: PortOption = None, workers: WorkersOption = None
) -> None:
    """Run the monitor: Dagster's code server, daemon and UI on one home, until Ctrl-C. Example: busta up --port 3000"""
    raise typer.Exit(run_up(at_home(context), host=host, port=port, workers=workers))


@dataclass(slots=True)
class Running:
    """What `up` wrote down for the other commands on this machine."""

    url: str
    host: str
    port: int
    code_port: int
    started_at: float
    pids: dict[str, int] = field(default_factory=dict)

    def write(self, home: Home) -> None:
        values = {name: getattr(self, name) for name in self.__slots__}
        home.processes.write_text(json.dumps(values, indent=1), encoding="utf-8")


def run_up(
    current: Session,
    *,
    host: str,
    port: int | None,
    workers: int | None = None,
    before: Callable[[Supervisor, dict[str, str]], None] | None = None,
    after: Sequence[str] = (),
) -> int:
    """Start everything and stay. `before` starts what must run first (the demo's upstreams); `after` are jobs of
    `busta run` for once the first tick is over. Returns the exit code.
    """
    from busta_health_dagster import bootstrap

    out, log = console(), err_console()
    home = bootstrap.find_home(home=current.home, environ=current.environ).ensure()
    lock = InstanceLock(home)
    lock.acquire()
    chosen = ports.choose(host, port)
    clock = SystemClock()

    def tell(text: str) -> None:
        log.print(f"{time.strftime('%H:%M:%S', time.gmtime())} {text}", markup=False, soft_wrap=True)

    supervisor = Supervisor(log_dir=home.logs, clock=clock, on_event=tell)
    supervisor.install_signals()
    try:
        if before is not None:
            before(supervisor, dict(current.environ))
        env = dagster_env(current, max_runs=workers)
        running = _start(supervisor, home, env, host=host, port=chosen, after=after)
        if running is None:
            supervisor.shutdown()
            return 0 if supervisor.stopping else 3
        lines = (
            f"  Health         [bold]{running.url}/source-health[/]",
            f"  Dagster UI     {running.url}",
            f"  Live           busta sources health --watch{_home_hint(current)}",
            "  Stop           Ctrl-C",
        )
        out.print("\n" + "\n".join(lines) + "\n")
        sys.stdout.flush()

        def renew_web() -> None:
            for child in supervisor.children:
                if child.name == "web":
                    supervisor.restart(child)

        supervisor.every.append(_config_watch(current, env, running.code_port, tell, renew_web))
        supervisor.run()
        tell("stopped")
    finally:
        supervisor.shutdown()
        home.processes.unlink(missing_ok=True)
        lock.release()
    return 0


def _home_hint(current: Session) -> str:
    return f" [dim](with BUSTA_HOME={current.home})[/]" if current.home else ""


def _start(
    supervisor: Supervisor, home: Home, env: dict[str, str], *, host: str, port: int, after: Sequence[str]
) -> Running | None:
    python = sys.executable
    code_port = ports.free()
    workspace = write_workspace(home, host=_LOOPBACK, port=code_port)
    code = [
        "-m",
        "dagster",
        "code-server",
        "start",
        "-h",
        _LOOPBACK,
        "-p",
        str(code_port),
        "-m",
        MODULE,
        "--log-level",
        "warning",
    ]
    code += ["--location-name", LOCATION]
    children = [supervisor.start(Child("code-server", [python, *code], env))]
    if not _until(supervisor, lambda: ports.accepts(_LOOPBACK, code_port), "Loading the code location"):
        return None
    daemon = [python, "-m", "dagster._daemon", "run", "-w", workspace, "--log-level", "warning"]
    web = [python, "-m", "busta_health_dagster.web", "--workspace", workspace, "--host", host, "--port", str(port)]
    children.append(supervisor.start(Child("daemon", daemon, env)))
    children.append(supervisor.start(Child("web", web, env)))
    supervisor.start(_first_runs(env, after))
    if not _until(supervisor, lambda: ports.accepts(host, port), "Starting the web process"):
        return None
    pids = {child.name: child.process.pid for child in children if child.process is not None}
    shown = host if ":" not in host else f"[{host}]"
    running = Running(f"http://{shown}:{port}", host, port, code_port, time.time(), pids)
    running.write(home)
    return running


def _first_runs(env: dict[str, str], after: Sequence[str]) -> Child:
    """A look at once, then the scores that it allows, then the jobs `after`, one behind the other.

    The scores come in the schedule's name: a job that a person starts scores everything anew, due or not.
    """
    from busta_health_dagster import bootstrap

    with bootstrap.open_app(environ=env) as app:
        scored = any(source.quality is not None for source in app.config.sources.values())
    job = [sys.executable, "-m", "dagster", "job", "execute", "-m", MODULE, "-j"]
    due = json.dumps({"dagster/schedule_name": "quality_hourly"})
    runs = [Child("first-tick", [*job, "health_tick"], env, once=True)]
    runs += [Child("first-scores", [*job, "quality_hourly", "--tags", due], env, once=True)] if scored else []
    busta = [sys.executable, "-m", "busta_health_dagster.cli", "run"]
    runs += [Child(f"first-{name}", [*busta, name], env, once=True) for name in after]
    for run, following in pairwise(runs):
        run.then = following
    return runs[0]


def _until(supervisor: Supervisor, ready: Callable[[], bool], text: str) -> bool:
    """Wait for something a child does; False when told to stop meanwhile.

    Raises:
        HomeError: a child ended, or the time is over; the message names the log.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    with err_console().status(text):
        while not ready():
            if supervisor.stopping:
                return False
            for child in supervisor.children:
                code = child.process.poll() if child.process else None
                if code and not child.once:
                    path = supervisor.log_dir / f"{child.name}.log"
                    raise HomeError(
                        f"{text}: {child.name} ended with exit code {code}. The last lines of {path}:\n{tail(path, 12)}"
                    )
            if time.monotonic() > deadline:
                raise HomeError(
                    f"{text} took longer than {START_TIMEOUT_S:.0f} s; see the logs in {supervisor.log_dir}."
                )
            time.sleep(0.1)
    return True


def _config_watch(
    current: Session, env: dict[str, str], code_port: int, tell: Callable[[str], None], renew_web: Callable[[], None]
) -> Callable[[], None]:
    """Looks at the configuration every few seconds. An accepted one renews the web process, whose pages reconnect by
    themselves; a changed set of sources reloads the code location first.
    """
    import subprocess

    from busta_health_dagster import bootstrap

    reloader = bootstrap.config_reloader(home=current.home, config_dir=current.config_dir, environ=current.environ)
    next_look = 0.0
    said = ""

    def watch() -> None:
        nonlocal next_look, said
        if time.monotonic() < next_look:
            return
        next_look = time.monotonic() + 5.0
        outcome = reloader.poll(time.time())
        if outcome.problem and outcome.problem != said:
            tell(f"configuration not accepted, the last good one stays:\n{outcome.problem}")
        said = outcome.problem or ""
        if not outcome.changed:
            return
        tell(f"configuration accepted ({outcome.config.sha[:7]}, {len(outcome.config.sources)} sources)")
        if outcome.sources_changed:
            argv = [
                sys.executable,
                "-m",
                "busta_health_dagster.defs.reload",
                "--host",
                _LOOPBACK,
                "--port",
                str(code_port),
            ]
            done = subprocess.run(argv, env=env, check=False, capture_output=True, text=True)  # noqa: S603  our own argv
            tell("code location reloaded: the set of sources changed" if done.returncode == 0 else done.stderr.strip())
        renew_web()

    return watch


def demo(
    context: typer.Context,
    host: HostOption = _LOOPBACK,
    port: PortOption = None,
    days: Annotated[int, typer.Option(help="Days of history to generate.", min=0, max=60)] = 30,
    history: Annotated[
        bool, typer.Option("--history/--no-history", help="Generate the past, so that reports have something to say.")
    ] = True,
    scenario: Annotated[str, typer.Option(help="Which script of incidents to play.")] = "default",
) -> None:
    """Twelve simulated sources over real sockets and files, some of them failing, in a home of its own. Example: busta
    demo
    """
    from busta_health_dagster.demo.command import prepare

    given = at_home(context)
    home = given.home or Path(given.environ.get("BUSTA_HOME") or ".busta/demo")
    current = Session(
        home=home.resolve(),
        config_dir=None,
        environ={k: v for k, v in given.environ.items() if k != "BUSTA_CONFIG_DIR"},
    )
    before = prepare(home, days=days if history else 0, scenario=scenario)
    # What the daily and weekly schedules would fill tonight and on Monday.
    after = ("trends", "baselines", "weekly-report") if history and days else ()
    raise typer.Exit(run_up(current, host=host, port=port, before=before, after=after))
