"""What every command starts from: home, configuration, store, output. Built from the options, or from the environment
when mounted.
"""

from __future__ import annotations

import copy
import json
import os
import sys
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from busta_health_dagster.domain.errors import BustaError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.console import Console

    from busta_health_dagster.pipeline.app import App


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

    def remotely(self, command: str, params: dict[str, Any]) -> None:
        """Have the busta at `url` do the command, and print its answer."""
        from busta_health_dagster.cli.remote import Remote
        from busta_health_dagster.cli.remote_commands import run

        assert self.url is not None
        run(Remote(self.url, self.environ.get("BUSTA_TOKEN")), command, params)


def session(context: typer.Context) -> Session:
    """This run's session; a mounted sub-application without our root gets one from the environment."""
    found = context.find_object(Session)
    if found is not None:
        return found
    made = Session()
    made.url = made.environ.get("BUSTA_URL")
    return made


class BustaGroup(TyperGroup):
    """Prints a BustaError as one paragraph and leaves with its exit code, wherever the application is mounted. With
    `--url` a command is done by the busta there.
    """

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        found = super().get_command(ctx, cmd_name)
        if found is None or isinstance(found, TyperGroup) or found.callback is None:
            return found
        local = found.callback
        name = cmd_name if ctx.parent is None else f"{self.name} {cmd_name}"

        def anywhere(**params: Any) -> Any:
            current = session(ctx)
            return local(**params) if current.url is None else current.remotely(name, params)

        copied = copy.copy(found)
        copied.callback = anywhere
        return copied

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BustaError as error:
            complain(error)
            raise typer.Exit(error.exit_code) from error


def complain(error: BustaError) -> None:
    """The error on stderr: what happened and the remedy, no traceback."""
    err_console().print(f"[bold red]Error:[/] {_escape(str(error))}", soft_wrap=True, highlight=False)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def console() -> Console:
    """Data goes to stdout. Rich honours NO_COLOR, and drops colour in a pipe by itself."""
    from rich.console import Console

    piped = not sys.stdout.isatty()
    # A pipe has no edge to wrap at; Rich would cut tables at 80 columns.
    return Console(
        highlight=False, soft_wrap=piped, width=PIPE_WIDTH if piped and "COLUMNS" not in os.environ else None
    )


def err_console() -> Console:
    """Logs and errors go to stderr."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def print_json(data: Any) -> None:
    """JSON on stdout, indented for a person, plain for a pipe; NaN cannot occur."""
    indent = 2 if sys.stdout.isatty() else None
    sys.stdout.write(json.dumps(data, indent=indent, ensure_ascii=False, allow_nan=False) + "\n")
