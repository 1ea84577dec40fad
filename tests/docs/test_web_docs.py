"""docs/rest.md and docs/security.md say what the program does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer.main
from page_stories import world
from typer.testing import CliRunner

from busta_health_dagster.cli.main import app as busta
from busta_health_dagster.domain.access import RIGHTS, Right, Role
from busta_health_dagster.testing import FakeClock
from busta_health_dagster.web.api import build

DOCS = Path(__file__).parents[2] / "docs"
ROW = re.compile(r"^\| `([A-Z]+) (/api/[^`]*)` \| (.*) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> dict:
    with world(tmp_path_factory.mktemp("spec"), FakeClock(1_795_000_000)) as app:
        return build(app).openapi()


def test_every_endpoint_is_written_down_and_every_one_written_down_exists(spec: dict) -> None:
    described = {
        (m.upper(), f"/api{path}"): op["summary"]
        for path, methods in spec["paths"].items()
        for m, op in methods.items()
    }
    written = {
        (method, path): text for method, path, text in ROW.findall((DOCS / "rest.md").read_text(encoding="utf-8"))
    }
    assert written == described


def test_what_works_over_url_is_written_down() -> None:
    text = (DOCS / "rest.md").read_text(encoding="utf-8").partition("## Over `--url`")[2]
    named = set()
    for phrase in re.findall(r"`([a-z]+(?: [a-z|]+)?)`", text):
        group, _, verbs = phrase.partition(" ")
        named |= {f"{group} {verb}".strip() for verb in verbs.split("|")}
    assert named == set(_over_url())


def _over_url() -> list[str]:
    """The commands that ask anyone who is at --url: no one is, and they say so."""
    said = {"role": "viewer", "for_": "1h"}
    more = {"maintenance add": ["--all"], "gate check": ["odds_api"]}
    found = []
    for name, command in _commands(typer.main.get_command(busta)):
        words = [*name.split(), *more.get(name, [])]
        for parameter in command.params:
            if parameter.required:
                option = [] if parameter.param_type_name == "argument" else [parameter.opts[0]]
                words += [*option, said.get(parameter.name, "1")]
        done = CliRunner().invoke(busta, ["--url", "http://127.0.0.1:9", *words])
        if done.exit_code == 3 and "No answer" in done.stderr:
            found.append(name)
    return found


def _commands(group, prefix: str = ""):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix}{name} ")
        elif not command.hidden:
            yield f"{prefix}{name}", command


def test_the_table_of_roles_is_the_one_in_force() -> None:
    text = (DOCS / "security.md").read_text(encoding="utf-8")
    rights = (Right.READ, Right.ACT, Right.MANAGE, Right.HEARTBEAT)
    for role in Role:
        cells = ["yes" if right in RIGHTS[role] else "no" for right in rights]
        assert f"| {role} | {' | '.join(cells)} |" in text


def test_every_request_body_has_an_example(spec: dict) -> None:
    shapes = spec["components"]["schemas"]
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
            for name in re.findall(r"#/components/schemas/(\w+)", str(schema or "")):
                assert shapes[name].get("examples"), f"{method} {path}: {name}"
