"""Every `busta` command that a document or a file of deploy/ names is one that the command line takes."""

from __future__ import annotations

import pytest
import typer.main
from documents import Command, commands
from typer.exceptions import TyperException

from busta_health_dagster.cli.main import app

COMMANDS = commands()
ROOT = typer.main.get_command(app)
INCOMPLETE = {"MissingParameter", "NoArgsIsHelpError", "BadOptionUsage", "BadParameter"}
"""What prose may leave out: arguments, the subcommand, the value behind an option, a number instead of N."""


def parsed(words: list[str]) -> None:
    """As the command line does it, up to the command itself, which is not run."""
    context = ROOT.make_context("busta", list(words))
    command = ROOT
    while hasattr(command, "commands"):
        rest = [*context._protected_args, *context.args]
        if not rest:
            return
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)


def refusal(command: Command) -> str | None:
    words = command.words if command.whole else [w for w in command.words if not set(w) & set("[]") and w != "..."]
    try:
        parsed(words)
    except (TyperException, typer.Exit) as error:
        name = type(error).__name__
        if name == "Exit" or (not command.whole and name in INCOMPLETE):
            return None
        return f"{command.where}: busta {' '.join(command.words)}: {error}"
    return None


def test_the_documents_name_many_commands() -> None:
    """The finder finds: nothing below holds of a page that it cannot read."""
    assert sum(command.whole for command in COMMANDS) > 30
    assert len(COMMANDS) > 150
    assert {"docs/operations.md", "README.md"} <= {command.where.partition(":")[0] for command in COMMANDS}


def test_every_command_of_the_documents_can_be_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = []
    for command in COMMANDS:
        with monkeypatch.context() as patch:
            for name, value in command.environ.items():
                patch.setenv(name, value)
            wrong.append(refusal(command))
    capsys.readouterr()  # a group without a subcommand prints its help
    assert [text for text in wrong if text] == []


@pytest.mark.parametrize(
    ("words", "whole"),
    [("sources helath", True), ("db backup", True), ("sources health --nagois", False), ("tokens crate", False)],
)
def test_what_does_not_exist_is_found(words: str, whole: bool) -> None:
    assert refusal(Command("here", {}, words.split(), whole)) is not None
