"""What every command starts from: home, configuration, store, output. Built from the options, or from the environment
when mounted.
"""

from __future__ import annotations

import io
import json
import os
import sys
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import typer
import typer.exceptions
from typer.core import TyperGroup

from busta_health_dagster.domain.errors import BadInput, BustaError, Refused
from busta_health_dagster.domain.given_text import given_name
from busta_health_dagster.wording.lists import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from busta_health_dagster.cli.remote_monitor import RemoteMonitor
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.pipeline.facade import Monitor


PIPE_WIDTH = 160


class Output(StrEnum):
    """`-o`: a table for people or JSON for scripts."""

    TABLE = "table"
    JSON = "json"


def environment(directory: Path) -> dict[str, str]:
    """The process's environment over that of `.env` in the working directory: what is set outside rules."""
    dotenv = directory / ".env"
    if not dotenv.is_file():
        return dict(os.environ)
    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(dotenv).items() if value is not None} | dict(os.environ)


@dataclass(slots=True)
class Session:
    """The options that stand before the command. Opening something is left to the command that needs it."""

    home: Path | None = None
    config_dir: Path | None = None
    url: str | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: environment(Path.cwd()))

    def monitor(
        self, *, by: str | None = None, create_store: bool = False, need_store: bool = True
    ) -> Monitor | RemoteMonitor:
        """The monitor to ask, to be closed with `with`: that of the home, or with `--url` the one there. `by` is who acts.

        Raises:
            BadInput: `by` over --url, where the token says who acts.
        """
        if self.url is None:
            from busta_health_dagster.pipeline.facade import Monitor

            actor = account() if by is None else given_name(by, "--by")
            return Monitor(self.app(create_store=create_store, need_store=need_store), actor)
        from busta_health_dagster.cli.remote import Remote
        from busta_health_dagster.cli.remote_monitor import RemoteMonitor

        if by:
            raise BadInput("Over --url the token says who acts; leave --by out.")
        return RemoteMonitor(Remote(self.url, self.environ.get("BUSTA_TOKEN")))

    def app(self, *, create_store: bool = False, need_store: bool = True) -> App:
        """The wired application. Reading commands never create or migrate a store."""
        from busta_health_dagster import bootstrap

        return bootstrap.open_app(
            home=self.home,
            config_dir=self.config_dir,
            environ=self.environ,
            create_store=create_store,
            need_store=need_store,
        )


def account() -> str:
    """The name of the account that runs this."""
    import getpass

    return getpass.getuser()


def session(context: typer.Context) -> Session:
    """This run's session; a mounted sub-application without our root gets one from the environment."""
    found = context.find_object(Session)
    if found is not None:
        return found
    made = Session()
    made.url = made.environ.get("BUSTA_URL")
    return made


def at_home(context: typer.Context) -> Session:
    """This run's session, for a command that works on a home only.

    Raises:
        Refused: with `--url`; a home is not reached over REST.
    """
    current = session(context)
    if current.url is not None:
        raise Refused(
            f"{context.command_path} works on the machine of the monitor, not over --url: run it there, or leave --url "
            "out (is BUSTA_URL set?). What works over --url: docs/rest.md."
        )
    return current


class BustaGroup(TyperGroup):
    """Prints a BustaError as one paragraph and leaves with its exit code, wherever the application is mounted."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """With help that wraps where the terminal ends: Typer keeps the line ends of a docstring in a list of commands, and
        gives every switch the type `<bool>`.
        """
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            first = (command.help or "").strip().partition("\n\n")[0]
            command.short_help = command.short_help or " ".join(first.split())
            _untyped_switches(command.get_params(ctx))
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """A name that is near none of these may be that of another group's command: busta health."""
        try:
            return super().resolve_command(ctx, args)
        except typer.exceptions.TyperException as error:
            if error.message.endswith(f"{args[0]!r}."):  # Typer has found none that is near
                error.message += f" {self._elsewhere(ctx, args[0])}"
            raise

    def _elsewhere(self, ctx: Any, word: str) -> str:
        groups = {} if ctx.parent else {name: getattr(self.commands[name], "commands", ()) for name in self.commands}
        there = [f"{ctx.command_path} {name} {word}" for name, commands in groups.items() if word in commands]
        known = listed(self.list_commands(ctx), most=len(self.commands))
        return f"Did you mean {' or '.join(there)}?" if there else f"{ctx.command_path} has {known}."

    def get_params(self, ctx: Any) -> list[Any]:
        return _untyped_switches(super().get_params(ctx))

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BustaError as error:
            complain(error)
            raise typer.Exit(error.exit_code) from error


def _untyped_switches(params: list[Any]) -> list[Any]:
    for param in params:
        if getattr(param, "is_flag", False) and param.metavar is None:
            param.metavar = ""
    return params


def complain(error: BustaError) -> None:
    """The error on stderr: what happened and the remedy, no traceback."""
    err_console().print(f"[bold red]Error:[/] {_escape(str(error))}", soft_wrap=True, highlight=False)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def console() -> Console:
    """Data goes to stdout. Rich honours NO_COLOR, and drops colour in a pipe by itself."""
    from rich.console import Console

    _forgiving(sys.stdout)
    # A pipe has no edge to wrap at, and Rich would cut tables at 80 columns; unless its reader says how wide it is.
    endless = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(highlight=False, soft_wrap=endless, width=PIPE_WIDTH if endless else None)


def _forgiving(stream: TextIO) -> None:
    """A terminal without UTF-8 gets `?` for what it cannot show: a dash in a reason must not end in a traceback."""
    if isinstance(stream, io.TextIOWrapper) and "utf" not in (stream.encoding or "").lower():
        stream.reconfigure(errors="replace")


def err_console() -> Console:
    """Logs and errors go to stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def print_json(data: Any) -> None:
    """JSON on stdout, indented for a person, plain for a pipe; NaN cannot occur."""
    _forgiving(sys.stdout)
    indent = 2 if sys.stdout.isatty() else None
    sys.stdout.write(json.dumps(data, indent=indent, ensure_ascii=False, allow_nan=False) + "\n")
