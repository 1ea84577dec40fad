"""`busta up` and `busta demo`: code server, daemon and web process on one home, under one supervisor."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.config_watch import code_reload, config_watch, renewal
from busta_health_dagster.cli.run import dagster_env
from busta_health_dagster.cli.session import Session, at_home, console
from busta_health_dagster.cli.starting import LOOPBACK, start_processes
from busta_health_dagster.cli.supervised import announce, supervised
from busta_health_dagster.settings.instance import PAGE_BESIDE_DAGSTER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from busta_health_dagster.cli.supervisor import Supervisor

HostOption = Annotated[str | None, typer.Option(help="Address to serve on; that of settings.yaml when left out.")]
PortOption = Annotated[
    int | None, typer.Option(help="Port to serve on; the next free one from that of settings.yaml when left out.")
]
WorkersOption = Annotated[int | None, typer.Option(help="How many Dagster runs may run at once.", min=1)]


def up(context: typer.Context, host: HostOption = None, port: PortOption = None, workers: WorkersOption = None) -> None:
    """Run the monitor: Dagster's code server, daemon and UI on one home, until Ctrl-C. Example: busta up --port 3000"""
    current = at_home(context)
    announce(current)
    raise typer.Exit(run_up(current, host=host, port=port, workers=workers))


def run_up(
    current: Session,
    *,
    host: str | None,
    port: int | None,
    workers: int | None = None,
    before: Callable[[Supervisor, dict[str, str]], None] | None = None,
    after: Sequence[Sequence[str]] = (),
    guide: Callable[[str], Sequence[str]] = lambda _url: (),
) -> int:
    """Start everything and stay. `before` starts what must run first (the demo's upstreams); `after` are arguments of
    `busta run` for once the first tick is over; `guide` are lines to print of the address. Returns the exit code.
    """
    with supervised(current, host=host, port=port) as stage:
        supervisor, home = stage.supervisor, stage.home
        with supervisor.interruptible():
            if before is not None:
                before(supervisor, dict(current.environ))
            env = dagster_env(current, max_runs=workers) | {PAGE_BESIDE_DAGSTER: "1"}
        running = start_processes(supervisor, home, env, host=stage.host, listener=stage.listener, after=after)
        if running is None:
            return 0
        lines = (
            f"  Health         [bold]{running.url}/source-health[/]",
            f"  Dagster UI     {running.url}",
            f"  Live           busta sources health --watch{_home_hint(current)}",
            "  Stop           Ctrl-C",
        )
        console().print("\n" + "\n".join(lines) + "\n")
        for line in guide(running.url):
            console().print(line, markup=False, soft_wrap=True)
        sys.stdout.flush()
        assert running.code_port is not None
        renew_web = renewal(supervisor)
        reload_code = code_reload(supervisor, env, LOOPBACK, running.code_port, renew_web)
        watch = config_watch(current, stage.notify, stage.failures, reload_code=reload_code, renew_web=renew_web)
        supervisor.tasks["The watch over the configuration"] = watch
        supervisor.tasks["Writing down the processes"] = lambda: running.renew(home, supervisor.children)
        supervisor.run()
    return 0


def _home_hint(current: Session) -> str:
    return f" [dim](with BUSTA_HOME={current.home})[/]" if current.home else ""


def _reports_of(days: int) -> tuple[tuple[str, ...], ...]:
    """What the daily and weekly schedules would have filled in so many days, as arguments of `busta run`."""
    if not days:
        return ()
    return ("baselines",), ("trends", "--days", str(days)), ("weekly-report", "--weeks", str(days // 7 + 1))


def demo(
    context: typer.Context,
    host: HostOption = None,
    port: PortOption = None,
    days: Annotated[int, typer.Option(help="Days of history to generate.", min=0, max=60)] = 30,
    history: Annotated[
        bool, typer.Option("--history/--no-history", help="Generate the past, so that reports have something to say.")
    ] = True,
    scenario: Annotated[
        str, typer.Option(help="Which script of incidents to play: default, calm, storm, outage or flapping.")
    ] = "default",
    tour: Annotated[bool, typer.Option("--tour", help="Say what to look at, in which order, and what comes.")] = False,
) -> None:
    """Twelve simulated sources over real sockets and files, some of them failing, in a home of its own. Example: busta
    demo
    """
    given = at_home(context)
    home = given.home or Path(given.environ.get("BUSTA_HOME") or ".busta/demo")
    current = Session(
        home=home.resolve(),
        config_dir=None,
        environ={k: v for k, v in given.environ.items() if k != "BUSTA_CONFIG_DIR"},
    )
    announce(current)
    from busta_health_dagster.demo.command import prepare
    from busta_health_dagster.demo.scenarios import scenario as named
    from busta_health_dagster.demo.tour import tour as stops

    before = prepare(home, days=days if history else 0, scenario=scenario)
    after = _reports_of(days) if history else ()
    script = named(scenario)
    guide = (lambda url: stops(script, url)) if tour else (lambda _url: ())
    raise typer.Exit(run_up(current, host=host, port=port, before=before, after=after, guide=guide))
