"""docs/cli.md is the command line as it is: written by `pytest tests/docs --update-golden`, checked here."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer

from busta_health_dagster.cli.main import app

DOC = Path(__file__).parents[2] / "docs" / "cli.md"
HEAD = """# Command line

Written from the commands themselves (`pytest tests/docs --update-golden`); every command has `--help`.

Options that stand before the command: `--home` (`BUSTA_HOME`, default `.busta`), `--config-dir` (`BUSTA_CONFIG_DIR`, default
`<home>/config`, then `./config`), `--url` (`BUSTA_URL`, with `BUSTA_TOKEN`). Data goes to stdout, messages to stderr. Exit
codes: 0 done, 1 the thing asked about is unhealthy, 2 usage, 3 cannot tell.

Each group can be mounted into a Typer command line of your own; home, configuration and `--url` then come from the
environment: `from busta_health_dagster.cli.main import sources_app, alerts_app`, `yours.add_typer(sources_app, name="sources")`.
"""


def commands(command, path: tuple[str, ...]):
    if hasattr(command, "commands"):
        for name, inner in command.commands.items():
            yield from commands(inner, (*path, name))
    elif not command.hidden:
        yield path, command


def everything():
    return list(commands(typer.main.get_command(app), ("busta",)))


def entry(path: tuple[str, ...], command) -> str:
    lines = [f"## `{' '.join(path)}`", "", " ".join((command.help or "").split()), ""]
    for parameter in command.params:
        if parameter.param_type_name == "option":
            if parameter.name == "help":
                continue
            names = ", ".join(f"`{o}`" for o in (*parameter.opts, *parameter.secondary_opts))
            lines.append(f"- {names}: {parameter.help or ''}".rstrip(": "))
        else:
            lines.append(f"- `{(parameter.name or '').upper()}`: {getattr(parameter, 'help', None) or 'which'}")
    return "\n".join(lines).rstrip() + "\n"


def test_the_reference_is_the_command_line(pytestconfig: pytest.Config) -> None:
    text = HEAD + "\n" + "\n".join(entry(path, command) for path, command in everything())
    if pytestconfig.getoption("--update-golden"):
        DOC.write_text(text, encoding="utf-8")
    assert DOC.read_text(encoding="utf-8") == text, "run: pytest tests/docs --update-golden"


def test_every_command_explains_itself_with_an_example() -> None:
    silent = [" ".join(path) for path, command in everything() if "Example:" not in (command.help or "")]
    assert silent == []
