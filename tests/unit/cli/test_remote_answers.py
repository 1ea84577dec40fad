"""`busta --url` at a server that answers, and is not a busta: exit 3 and a sentence, whatever it says."""

from __future__ import annotations

import pytest
from page_stories import serving
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from typer.testing import CliRunner

from busta_health_dagster.cli.main import app as busta

EVERY = [
    ["sources", "list"],
    ["sources", "health"],
    ["sources", "health", "-o", "json"],
    ["sources", "info", "a"],
    ["sources", "history", "a"],
    ["sources", "check", "a"],
    ["alerts", "list"],
    ["alerts", "show", "1"],
    ["alerts", "ack", "1"],
    ["alerts", "explain", "1"],
    ["gate", "status"],
    ["maintenance", "list"],
    ["sla"],
    ["incidents", "list"],
    ["incidents", "show", "INC-1"],
    ["quality", "show"],
    ["report", "weekly"],
    ["tokens", "list"],
]


@pytest.fixture(scope="module", params=["[]", "{}", "", "null", "3", '"busta"', "<html>", '{"items": 3, "next": null}'])
def stranger(request):
    async def answer(_) -> Response:
        return Response(request.param, media_type="application/json")

    with serving(Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])) as url:
        yield url


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_a_server_that_is_not_a_busta_is_told_apart(stranger: str, words: list[str]) -> None:
    done = CliRunner().invoke(busta, ["--url", stranger, *words])
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    assert done.exit_code == 3, done.output
    assert "is not a busta. Is --url right?" in " ".join(done.output.replace("│", " ").split())
