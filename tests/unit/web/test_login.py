"""The login form over a real socket: a token becomes a session, guessing is slowed, every attempt is written down."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from page_stories import serving, world
from starlette.applications import Starlette

from busta_health_dagster.domain.access import Role
from busta_health_dagster.pipeline.app import access
from busta_health_dagster.testing import FakeClock
from busta_health_dagster.web.auth_middleware import AuthMiddleware
from busta_health_dagster.web.authenticator import COOKIE
from busta_health_dagster.web.pages.login import MOST_FAILURES, Turnstile, next_page
from busta_health_dagster.web.refusals import PER_MINUTE
from busta_health_dagster.web.routes import routes
from busta_health_dagster.web.serve import doorkeeper


@pytest.fixture
def door(tmp_path: Path):
    with world(tmp_path / "home", FakeClock(1_795_000_000)) as app:
        tokens = {role: access.create_token(app, name=f"{role}-1", role=role, by="test") for role in Role}
        with serving(AuthMiddleware(Starlette(routes=routes(app)), doorkeeper(app, host="127.0.0.1", port=0))) as url:
            yield app, url, tokens


def log_in(url: str, token: str, target: str = "/source-health", **headers: str) -> requests.Response:
    return requests.post(
        f"{url}/source-health/login",
        data={"token": token, "next": target},
        headers=headers,
        allow_redirects=False,
        timeout=10,
    )


def deeds(app) -> list[tuple[str, str]]:
    with app.store.read() as uow:
        return [(entry.actor, entry.action) for entry in uow.audit.list()]


def test_a_token_opens_a_session_that_no_script_can_read(door) -> None:
    app, url, tokens = door
    answer = log_in(url, tokens[Role.OPERATOR], "/source-health?state=down")
    assert (answer.status_code, answer.headers["location"]) == (303, "/source-health?state=down")
    cookie = answer.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=strict", "path=/"))
    seen = requests.get(f"{url}/api/v1/status", cookies={COOKIE: answer.cookies[COOKIE]}, timeout=10)
    assert seen.status_code == 200
    access.revoke_token(app, name="operator-1", by="test")
    assert requests.get(f"{url}/api/v1/status", cookies={COOKIE: answer.cookies[COOKIE]}, timeout=10).status_code == 401


def test_guessing_is_slowed_and_written_down(door) -> None:
    app, url, tokens = door
    for _ in range(MOST_FAILURES):
        assert log_in(url, "busta_wrong").status_code == 403
    blocked = log_in(url, tokens[Role.ADMIN])
    assert blocked.status_code == 429
    assert int(blocked.headers["retry-after"]) > 0
    assert deeds(app).count(("unknown", "login.refused")) == MOST_FAILURES


def test_the_turnstile_opens_again_after_its_minute() -> None:
    clock = FakeClock(0)
    gate = Turnstile(clock.monotonic)
    for _ in range(MOST_FAILURES):
        gate.failed("10.0.0.9")
    assert gate.wait_s("10.0.0.9") > 0
    assert gate.wait_s("10.0.0.8") == 0
    clock.advance(61)
    assert gate.wait_s("10.0.0.9") == 0


def test_a_server_whose_last_token_was_revoked_is_closed_and_not_open(door) -> None:
    app, url, tokens = door
    admin = {"authorization": f"Bearer {tokens[Role.ADMIN]}"}
    for name in ("viewer-1", "operator-1", "push-1"):
        assert requests.delete(f"{url}/api/v1/tokens/{name}", headers=admin, timeout=10).status_code == 204
    kept = requests.delete(f"{url}/api/v1/tokens/admin-1", headers=admin, timeout=10)
    assert kept.status_code == 409
    assert "last admin token" in kept.json()["detail"]
    gone = requests.delete(f"{url}/api/v1/tokens/admin-1", params={"force": "true"}, headers=admin, timeout=10)
    assert gone.status_code == 204
    for path in ("/api/v1/status", "/source-health", "/metrics"):
        assert requests.get(f"{url}{path}", timeout=10).status_code == 401, path
    assert requests.get(f"{url}/livez", timeout=10).status_code == 200
    fresh = access.create_token(app, name="admin-2", role=Role.ADMIN, by="test")
    again = requests.get(f"{url}/api/v1/status", headers={"authorization": f"Bearer {fresh}"}, timeout=10)
    assert again.status_code == 200


def test_a_push_token_and_a_foreign_page_do_not_log_in(door) -> None:
    _, url, tokens = door
    assert log_in(url, tokens[Role.PUSH]).status_code == 403
    assert log_in(url, tokens[Role.ADMIN], origin="https://evil.example").status_code == 403


@pytest.mark.parametrize(
    "target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nb: c"]
)
def test_the_login_leads_to_our_own_pages_only(target: str) -> None:
    assert next_page(target) == "/source-health"


def test_what_people_do_is_written_down_with_their_name(door) -> None:
    app, url, tokens = door
    operator = {"authorization": f"Bearer {tokens[Role.OPERATOR]}"}
    window = {
        "name": "move",
        "select": {"names": ["odds_api"]},
        "start": "2026-12-01T02:00",
        "zone": "UTC",
        "duration": "1h",
    }
    assert requests.post(f"{url}/api/v1/maintenance", json=window, headers=operator, timeout=10).status_code == 201
    admin = {"authorization": f"Bearer {tokens[Role.ADMIN]}"}
    assert requests.delete(f"{url}/api/v1/tokens/push-1", headers=admin, timeout=10).status_code == 204
    assert requests.post(f"{url}/api/v1/sources/odds_api/check", headers=operator, timeout=30).status_code == 200
    found = deeds(app)
    assert ("operator-1", "source.check") in found
    assert ("admin-1", "token.revoke") in found
    assert any(actor == "operator-1" and action.startswith("maintenance") for actor, action in found)


def test_what_is_refused_retried_and_tried_is_written_down(door) -> None:
    app, url, tokens = door
    viewer = {"authorization": f"Bearer {tokens[Role.VIEWER]}"}
    operator = {"authorization": f"Bearer {tokens[Role.OPERATOR]}"}
    assert requests.get(f"{url}/api/v1/status", timeout=10).status_code == 401
    assert requests.post(f"{url}/api/v1/alerts/1/ack", headers=viewer, timeout=10).status_code == 403
    assert requests.post(f"{url}/api/v1/outbox/retry", headers=operator, timeout=10).status_code == 200
    assert requests.post(f"{url}/api/v1/channels/log/test", headers=operator, timeout=30).status_code == 200
    wanted = {
        ("unknown", "refused"),
        ("viewer-1", "refused"),
        ("operator-1", "outbox.retry"),
        ("operator-1", "channel.test"),
    }
    while not wanted <= set(deeds(app)):
        assert requests.get(f"{url}/livez", timeout=10).status_code == 200, "a refusal is written beside its answer"


def test_a_caller_who_knocks_all_night_does_not_fill_the_log(door) -> None:
    app, url, _ = door
    for _ in range(40):
        assert requests.get(f"{url}/api/v1/status", timeout=10).status_code == 401
    while (n := deeds(app).count(("unknown", "refused"))) < PER_MINUTE:
        assert requests.get(f"{url}/livez", timeout=10).status_code == 200
    assert n == PER_MINUTE
