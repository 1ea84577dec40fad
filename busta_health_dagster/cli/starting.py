"""What `busta up` starts, in which order, and where it writes that down."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import time
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from busta_health_dagster.cli import ports
from busta_health_dagster.cli.dagster_processes import code_server_argv, daemon_argv
from busta_health_dagster.cli.heartbeats import Heartbeat, Works, code_server_answers, web_answers
from busta_health_dagster.cli.lost_runs import LostRuns
from busta_health_dagster.cli.run import MODULE, here
from busta_health_dagster.cli.session import err_console
from busta_health_dagster.cli.supervisor import Child, Supervisor
from busta_health_dagster.domain.errors import BustaError, HomeError
from busta_health_dagster.settings.instance import write_workspace

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from busta_health_dagster.settings.home import Home

LOOPBACK = "127.0.0.1"
SLOW_AFTER_S = 120.0
ENDED_AFTER_S = 10.0  # a killed process that waits for its disk may take a while


@dataclass(slots=True)
class Running:
    """What `up` wrote down for the other commands on this machine."""

    url: str
    host: str
    port: int
    code_port: int | None
    started_at: float
    pids: dict[str, int] = field(default_factory=dict)

    def renew(self, home: Home, children: Sequence[Child]) -> None:
        """Write down the process ids again where a child was started again: the old number may be anyone's by now."""
        pids = {child.name: child.process.pid for child in children if child.name in self.pids and child.process}
        if pids and pids != self.pids:
            self.pids = self.pids | pids
            self.write(home)

    def write(self, home: Home) -> None:
        values = {name: getattr(self, name) for name in self.__slots__}
        fresh = home.processes.with_suffix(".new")  # a reader must never meet half a file
        fresh.write_text(json.dumps(values, indent=1), encoding="utf-8")
        fresh.replace(home.processes)


def end_left_over(home: Home) -> list[str]:
    """End what a `busta up` that was killed has left running, wait for its end, and forget it; -> the names. Two daemons
    on one instance would start everything twice, and its port is free only then. Call it with the instance lock held.
    """
    try:
        pids: dict[str, int] = json.loads(home.processes.read_text(encoding="utf-8"))["pids"]
    except (OSError, ValueError, KeyError, TypeError):
        return []  # there was none, or no one can tell
    ended = [name for name, pid in pids.items() if _is_of(home, pid)]
    for name in ended:
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            process = os.pidfd_open(pids[name])
            try:
                os.killpg(pids[name], signal.SIGKILL)
                select.select([process], [], [], ENDED_AFTER_S)
            finally:
                os.close(process)
    home.processes.unlink(missing_ok=True)
    return ended


def _is_of(home: Home, pid: int) -> bool:
    """Does this process work on this home? Its number may belong to another one by now."""
    try:
        return f"BUSTA_HOME={home.root}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def start_processes(
    supervisor: Supervisor,
    home: Home,
    env: dict[str, str],
    *,
    host: str,
    listener: socket.socket,
    after: Sequence[Sequence[str]],
) -> Running | None:
    port = listener.getsockname()[1]
    code_port = ports.free()
    workspace = write_workspace(home, host=LOOPBACK, port=code_port)
    lost_runs = LostRuns(supervisor, env)
    supervisor.tasks[LostRuns.__name__] = lost_runs.retry
    lost_runs.observation()
    # The search opens the instance first, and alone: Dagster's SQLite files that several processes made at once were seen
    # with two heads, and nothing could start on them again.
    if not _until(supervisor, lambda: not lost_runs.searching, "Opening the Dagster instance"):
        return None
    code_server = Child(
        "code-server",
        code_server_argv(LOOPBACK, code_port),
        env,
        ended=lambda _: lost_runs.observation(),
        through_another=True,
        heartbeat=Heartbeat(code_server_answers(LOOPBACK, code_port), supervisor.clock),
    )
    children = [supervisor.start(code_server)]
    if not _until(supervisor, lambda: ports.accepts(LOOPBACK, code_port), "Loading the code location"):
        return None
    daemon = Child("daemon", daemon_argv(workspace), env, heartbeat=Heartbeat(Works(), supervisor.clock))
    children.append(supervisor.start(daemon))
    children.append(supervisor.start(_web(supervisor, env, host, listener, workspace)))
    supervisor.start(_first_runs(supervisor, env, after, lost_runs))
    return _served(supervisor, home, children, host=host, port=port, code_port=code_port)


def start_web(
    supervisor: Supervisor,
    home: Home,
    env: dict[str, str],
    *,
    host: str,
    listener: socket.socket,
    workspace: str | None,
) -> Running | None:
    """The web process alone, beside a Dagster of another team; with its UI where a workspace is given."""
    children = [supervisor.start(_web(supervisor, env, host, listener, workspace))]
    return _served(supervisor, home, children, host=host, port=listener.getsockname()[1], code_port=None)


def _web(
    supervisor: Supervisor, env: dict[str, str], host: str, listener: socket.socket, workspace: str | None
) -> Child:
    argv = [sys.executable, "-m", "busta_health_dagster.web", "--host", host, "--listener", str(listener.fileno())]
    argv += ["--workspace", workspace] if workspace is not None else []
    heartbeat = Heartbeat(web_answers(host, listener.getsockname()[1]), supervisor.clock)
    return Child("web", argv, env, inherits=(listener.fileno(),), heartbeat=heartbeat)


def _served(
    supervisor: Supervisor, home: Home, children: Sequence[Child], *, host: str, port: int, code_port: int | None
) -> Running | None:
    """Wait until pages are served, and write down what runs; None when asked to stop meanwhile."""
    if not _until(supervisor, lambda: ports.answers(host, port), "Starting the web process"):
        return None
    pids = {child.name: child.process.pid for child in children if child.process is not None}
    shown = host if ":" not in host else f"[{host}]"
    running = Running(f"http://{shown}:{port}", host, port, code_port, time.time(), pids)
    running.write(home)
    return running


def _first_runs(
    supervisor: Supervisor, env: dict[str, str], after: Sequence[Sequence[str]], lost_runs: LostRuns
) -> Child:
    """A check once, then the scores that it allows, then the jobs `after`, one behind the other.

    The scores come in the schedule's name: a job that a person starts scores everything again, due or not.
    """
    from busta_health_dagster import bootstrap

    with bootstrap.open_app(environ=env) as app:
        scored = any(source.quality is not None for source in app.config.sources.values())
    job = [sys.executable, "-m", "dagster", "job", "execute", "-m", MODULE, "-j"]
    due = json.dumps(here() | {"dagster/schedule_name": "quality_hourly"})
    runs = [Child("first-tick", [*job, "health_tick", "--tags", json.dumps(here())], env, once=True)]
    runs += [Child("first-scores", [*job, "quality_hourly", "--tags", due], env, once=True)] if scored else []
    busta = [sys.executable, "-m", "busta_health_dagster.cli", "run"]
    runs += [Child(f"first-{words[0]}", [*busta, *words], env, once=True) for words in after]
    for run in runs:
        run.ended = lambda code: lost_runs.observation() if code else None
    runs[0].ended = lambda code: lost_runs.observation() if code else supervisor.on_event(_first_tick(env))
    for run, following in pairwise(runs):
        run.then = following
    return runs[0]


def _first_tick(env: dict[str, str]) -> str:
    """What the first tick found, for who waits for it."""
    from busta_health_dagster import bootstrap
    from busta_health_dagster.pipeline.views.status import fleet_health
    from busta_health_dagster.wording.glyphs import STATUS_COUNTED
    from busta_health_dagster.wording.lists import listed, plural

    try:
        with bootstrap.open_app(environ=env) as app:
            health = fleet_health(app)
    except BustaError as error:  # edited or moved meanwhile: what runs goes on
        return f"the first tick is done; what it found cannot be read: {error}"
    found = listed((f"{n:,} {STATUS_COUNTED[status]}" for status, n in health.counts.items() if n), most=5)
    return f"the first tick is done: {plural(len(health.rows), 'source')}, {found}"


def _until(supervisor: Supervisor, ready: Callable[[], bool], text: str) -> bool:
    """Wait for something a child does, however slow the machine is; False when asked to stop meanwhile.

    Raises:
        HomeError: a child ended; the message names the log.
    """
    slow_at = time.monotonic() + SLOW_AFTER_S
    with err_console().status(text):
        while not ready():
            if supervisor.stopping:
                return False
            for child in supervisor.children:
                code = child.process.poll() if child.process else None
                if code and not child.once:
                    raise HomeError(f"{text}: {child.name} ended with exit code {code}. {_end_of_log(child)}")
            if time.monotonic() > slow_at:
                slow_at = float("inf")
                supervisor.on_event(
                    f"{text} takes longer than {SLOW_AFTER_S:.0f} s: the machine is busy. Still waiting; "
                    f"see the logs in {supervisor.log_dir}"
                )
            time.sleep(0.1)
    return True


def _end_of_log(child: Child) -> str:
    if child.log is None:
        return "It left no log."
    child.log.settle()
    return f"The last lines of {child.log.path}:\n{child.log.tail(12)}"
