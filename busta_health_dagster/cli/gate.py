"""`busta gate`: may anything be built from these sources now; opened or closed by hand for a while."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from busta_health_dagster.cli.alerts import ByOption
from busta_health_dagster.cli.session import BustaGroup, Output, console, print_json, session
from busta_health_dagster.cli.sources import OutputOption, seconds
from busta_health_dagster.domain.gate import GatePolicy
from busta_health_dagster.domain.units import from_epoch, from_iso
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.gate import GatedJobRow, GateState, UsableRow

gate_app = typer.Typer(
    cls=BustaGroup, no_args_is_help=True, help="The gate before the bet. Example: busta gate check odds_api scores"
)
EVERY_S = 5.0
"""How often `--wait` asks again."""
Name = Annotated[str, typer.Argument(help="Name of the source.")]
ForOption = Annotated[str, typer.Option("--for", help="How long: 30m, 2h; at most 7d.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; it stands on the page and in alerts.")]
ConsumerOption = Annotated[
    str | None, typer.Option("--consumer", help="An entry of `consumers:`, which may ask for more than the sources do.")
]


@gate_app.command("check")
def check(
    context: typer.Context,
    sources: Annotated[list[str] | None, typer.Argument(help="Names of sources.")] = None,
    consumer: ConsumerOption = None,
    min_quality: Annotated[
        float | None, typer.Option("--min-quality", min=0, max=100, help="Ask for this score at least.")
    ] = None,
    max_data_age: Annotated[
        str | None, typer.Option("--max-data-age", help="Ask for data no older than this: 5m.")
    ] = None,
    wait: Annotated[str | None, typer.Option("--wait", help="Wait so long for them to become usable: 10m.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Leave with 0 if all of them are usable, 1 if not, 3 if no one can tell. Example: busta gate check odds_api --wait 10m"""
    if not sources and consumer is None:
        raise typer.BadParameter("name one source or more, or a --consumer", param_hint="SOURCES")
    until = time.monotonic() + (seconds(wait, "--wait") if wait else 0.0)
    policy = GatePolicy(min_quality, None if max_data_age is None else seconds(max_data_age, "--max-data-age"))
    with session(context).monitor() as monitor:
        state = monitor.gate(sources or None, consumer=consumer, policy=policy)
        while not state["usable"] and (left := until - time.monotonic()) > 0:
            time.sleep(min(EVERY_S, left))
            state = monitor.gate(sources or None, consumer=consumer, policy=policy)
    if output is Output.JSON:
        print_json(state)
    else:
        for row in state["sources"]:
            console().print(_line(row), soft_wrap=True)
    if not state["usable"]:
        raise typer.Exit(1)


@gate_app.command("status")
def status(
    context: typer.Context,
    sources: Annotated[list[str] | None, typer.Argument(help="Names of sources; all without any.")] = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show the gate of every source, and the jobs behind it. Example: busta gate status"""
    with session(context).monitor() as monitor:
        state = monitor.gate(sources or None)
    if output is Output.JSON:
        print_json(state)
        return
    out = console()
    for text in _status_lines(state):
        out.print(text, soft_wrap=True)


@gate_app.command("open")
def open_(context: typer.Context, name: Name, for_: ForOption, reason: ReasonOption, by: ByOption = None) -> None:
    """Let everything downstream use a source for a while. Example: busta gate open odds_api --for 30m --reason checked"""
    for_s = seconds(for_, "--for")
    with session(context).monitor(by=by) as monitor:
        console().print(_line(monitor.open_gate(name, for_s=for_s, reason=reason)), soft_wrap=True)


@gate_app.command("close")
def close(context: typer.Context, name: Name, for_: ForOption, reason: ReasonOption, by: ByOption = None) -> None:
    """Let nothing downstream use a source for a while. Example: busta gate close odds_api --for 2h --reason suspicious"""
    for_s = seconds(for_, "--for")
    with session(context).monitor(by=by) as monitor:
        console().print(_line(monitor.close_gate(name, for_s=for_s, reason=reason)), soft_wrap=True)


@gate_app.command("reset")
def reset(context: typer.Context, name: Name, by: ByOption = None) -> None:
    """Let the gate of a source follow its verdict again. Example: busta gate reset odds_api"""
    with session(context).monitor(by=by) as monitor:
        console().print(_line(monitor.reset_gate(name)), soft_wrap=True)


def _line(row: UsableRow) -> str:
    from rich.markup import escape

    return f"{'usable  ' if row['usable'] else 'unusable'}  {escape(row['reason'])}"


def _status_lines(state: GateState) -> list[str]:
    blocked = sorted(state["sources"], key=lambda row: row["usable"])
    lines = [_line(row) for row in blocked]
    return lines + ([""] if state["jobs"] else []) + [_job(job) for job in state["jobs"]]


def _job(job: GatedJobRow) -> str:
    from rich.markup import escape

    if job["held_since"] is not None:
        waited = duration_text(job["held_s"] or 0)
        since = f"{from_epoch(from_iso(job['held_since'])):%H:%M}"
        return f"job {escape(job['job'])} is held since {since} UTC ({waited}): {escape(job['reason'])}"
    when = "no run planned" if job["next_at"] is None else f"next {from_epoch(from_iso(job['next_at'])):%a %H:%M} UTC"
    why = f"; {escape(job['reason'])}" if job["reason"] else ""
    return f"job {escape(job['job'])} is not held; {when}{why}"
