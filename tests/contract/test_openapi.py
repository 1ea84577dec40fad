"""Every operation of the OpenAPI, with generated requests against the real application: no crash, and nothing but what is declared."""

from __future__ import annotations

from dataclasses import dataclass

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from small_home import scored, served, small_home

from busta_health_dagster.domain.access import Role
from busta_health_dagster.pipeline.app import access
from busta_health_dagster.pipeline.app.app import App

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
STREAM = "/v1/events"
"""Never ends; tests/unit/web tells its story."""


@dataclass
class Server:
    app: App
    url: str
    made: int = 0

    def admin(self) -> dict[str, str]:
        """A caller of its own for every operation, so that the limit per caller is not what answers."""
        self.made += 1
        token = access.create_token(self.app, name=f"openapi-{self.made}", role=Role.ADMIN, by="test")
        return {"authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with small_home(tmp_path_factory.mktemp("openapi")) as app:
        scored(app)
        with served(app) as url:
            yield Server(app, url)


def test_no_request_crashes_and_no_answer_is_undeclared(server: Server) -> None:
    spec = requests.get(f"{server.url}/api/openapi.json", headers=server.admin(), timeout=120).json()
    schema = schemathesis.openapi.from_dict(spec)
    schema.config.update(base_url=f"{server.url}/api")
    tried = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path != STREAM:
            tried[operation.label] = attempt(operation, server.admin())
    assert len(tried) >= 39, tried
    assert {200, 201, 404} <= set().union(*tried.values()), tried
    assert all(code < 500 and code != 429 for codes in tried.values() for code in codes), tried


def attempt(operation, headers: dict[str, str]) -> set[int]:
    """A dozen requests to one operation; -> the status codes that came back."""
    seen: set[int] = set()

    @hypothesis.settings(
        max_examples=12,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy())
    def once(case) -> None:
        answer = case.call(headers=headers, timeout=120)
        seen.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    once()
    return seen


def test_what_no_operation_answers_is_a_problem_too(server: Server) -> None:
    for method, path, status in (("GET", "/api/v1/nowhere", 404), ("PATCH", "/api/v1/status", 405)):
        answer = requests.request(method, server.url + path, headers=server.admin(), timeout=120)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert answer.json()["status"] == status
