"""The door: who gets in, with what right, and what the rest is answered."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import threading

import pytest

from busta_health_dagster.domain.access import Principal, Role
from busta_health_dagster.web.auth_middleware import AuthMiddleware
from busta_health_dagster.web.authenticator import Authenticator, host_name

PEOPLE = {role.value: Principal(f"{role}-1", role, "token") for role in Role}
SESSION = Principal("ann", Role.OPERATOR, "session", csrf="c5rf")


def keeper(**changes) -> Authenticator:
    values = {
        "hosts": frozenset({"127.0.0.1", "health.example.com"}),
        "guarded": lambda: True,
        "by_token": PEOPLE.get,
        "by_cookie": {"s3ss10n": SESSION}.get,
    }
    return Authenticator(**(values | changes))


async def inside(scope, receive, send) -> None:
    name = scope["state"]["principal"].name if "principal" in scope.get("state", {}) else "nobody"
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": name.encode()})


async def ask(
    method: str,
    path: str,
    headers: dict[str, str] | None = None,
    *,
    kind: str = "http",
    query: str = "",
    client="127.0.0.1",
    **changes,
):
    sent: list[dict] = []
    lines = {"host": "127.0.0.1:3000"} | (headers or {})
    scope = {
        "type": kind,
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "client": (client, 5),
        "headers": [(k.encode(), v.encode()) for k, v in lines.items()],
    }

    async def send(message) -> None:
        sent.append(message)

    await AuthMiddleware(inside, keeper(**changes))(scope, None, send)
    return sent


def status(sent) -> int:
    return sent[0]["status"]


def token(role: str) -> dict[str, str]:
    return {"authorization": f"Bearer {role}"}


async def test_without_a_token_a_script_is_told_how_to_get_one() -> None:
    sent = await ask("GET", "/api/v1/status")
    assert status(sent) == 401
    assert (b"www-authenticate", b'Bearer realm="busta"') in sent[0]["headers"]
    assert "busta tokens create" in json.loads(sent[1]["body"])["detail"]


async def test_without_a_session_a_browser_is_sent_to_the_login_form_and_back() -> None:
    sent = await ask("GET", "/source-health", {"accept": "text/html"}, query="state=down")
    assert status(sent) == 303
    assert dict(sent[0]["headers"])[b"location"] == b"/source-health/login?next=/source-health%3Fstate%3Ddown"


@pytest.mark.parametrize(
    ("role", "method", "path", "expected"),
    [
        ("viewer", "GET", "/api/v1/status", 200),
        ("viewer", "POST", "/api/v1/alerts/1/ack", 403),
        ("operator", "POST", "/api/v1/alerts/1/ack", 200),
        ("operator", "GET", "/api/v1/tokens", 403),
        ("admin", "GET", "/api/v1/tokens", 200),
        ("push", "POST", "/api/v1/heartbeat/nightly", 200),
        ("push", "GET", "/api/v1/status", 403),
        ("push", "POST", "/api/v1/alerts/1/ack", 403),
        ("viewer", "POST", "/report_asset_materialization/sources/odds_api", 403),
        ("viewer", "POST", "/graphql", 200),  # the subclass that executes it refuses mutations
    ],
)
async def test_each_role_may_what_it_may(role: str, method: str, path: str, expected: int) -> None:
    assert status(await ask(method, path, token(role))) == expected


async def test_a_person_who_may_not_reads_so_on_a_page_and_it_is_written_down() -> None:
    noted: list[tuple[str, str, str]] = []
    written = threading.Event()

    def note(*said: str) -> None:
        noted.append(said)
        written.set()

    sent = await ask("GET", "/source-health/audit", token("viewer") | {"accept": "text/html,*/*"}, audit=note)
    assert await asyncio.to_thread(written.wait, 60)
    text = sent[1]["body"].decode()
    assert status(sent) == 403
    assert "viewer-1 is viewer; this asks for the right to manage." in text
    assert "<!doctype html>" in text
    assert noted == [("viewer-1", "GET /source-health/audit", "403 Not allowed, from 127.0.0.1")]
    script = await ask("GET", "/source-health/audit", token("viewer"))
    assert (status(script), json.loads(script[1]["body"])["title"]) == (403, "Not allowed")


async def test_a_rebound_name_is_refused_even_where_nobody_logs_in() -> None:
    assert status(await ask("GET", "/", {"host": "evil.example"}, guarded=lambda: False)) == 421
    assert status(await ask("GET", "/livez", {"host": "evil.example"})) == 421


async def test_a_write_from_another_origin_is_refused_even_where_nobody_logs_in() -> None:
    foreign = {"origin": "https://evil.example"}
    assert status(await ask("POST", "/graphql", foreign, guarded=lambda: False)) == 403
    assert status(await ask("POST", "/graphql", {"sec-fetch-site": "cross-site"}, guarded=lambda: False)) == 403
    assert status(await ask("POST", "/graphql", {"origin": "http://127.0.0.1:3000"}, guarded=lambda: False)) == 200


async def test_graphql_in_the_address_is_refused() -> None:
    assert status(await ask("GET", "/graphql", token("admin"), query="query=mutation{x}")) == 405


async def test_a_sessions_write_needs_its_csrf_token() -> None:
    cookie = {"cookie": "busta_session=s3ss10n"}
    assert status(await ask("POST", "/api/v1/alerts/1/ack", cookie)) == 403
    assert status(await ask("POST", "/api/v1/alerts/1/ack", cookie | {"x-csrf-token": "wrong"})) == 403
    assert status(await ask("POST", "/api/v1/alerts/1/ack", cookie | {"x-csrf-token": "c5rf"})) == 200


async def test_a_websocket_needs_a_caller_and_our_own_origin() -> None:
    assert (await ask("GET", "/graphql", kind="websocket"))[0]["type"] == "websocket.close"
    foreign = token("viewer") | {"origin": "https://evil.example"}
    assert (await ask("GET", "/graphql", foreign, kind="websocket"))[0]["type"] == "websocket.close"
    assert (await ask("GET", "/graphql", token("viewer"), kind="websocket"))[0]["type"] == "websocket.accept"


async def test_a_proxys_header_is_believed_from_the_proxy_only() -> None:
    proxied = {
        "proxies": [ipaddress.ip_network("10.0.0.0/24")],
        "by_proxy": lambda name: Principal(name, Role.VIEWER, "proxy"),
        "proxy_header": "x-forwarded-user",
    }
    header = {"x-forwarded-user": "eve"}
    assert status(await ask("GET", "/api/v1/status", header, client="10.0.0.9", **proxied)) == 200
    assert status(await ask("GET", "/api/v1/status", header, client="192.0.2.7", **proxied)) == 401
    assert status(await ask("GET", "/api/v1/status", header, client="10.0.0.9")) == 401


async def test_without_tokens_everybody_on_loopback_is_at_home() -> None:
    sent = await ask("POST", "/api/v1/alerts/1/ack", guarded=lambda: False)
    assert sent[1]["body"] == b"local"


@pytest.mark.parametrize("peer", ["10.0.0.9", "203.0.113.5", "fe80::1", "not an address", ""])
async def test_without_tokens_nobody_else_comes_in(peer: str) -> None:
    assert status(await ask("GET", "/api/v1/status", guarded=lambda: False, client=peer)) == 401


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"])
async def test_loopback_has_more_than_one_address(peer: str) -> None:
    assert status(await ask("GET", "/api/v1/status", guarded=lambda: False, client=peer)) == 200


async def test_a_wrong_token_is_never_at_home() -> None:
    assert status(await ask("GET", "/api/v1/status", token("stolen"), guarded=lambda: False)) == 401


def test_host_names_are_compared_without_port_and_case() -> None:
    assert [host_name(h) for h in ("[::1]:3000", "Health.Example.com.:80", "127.0.0.1", "")] == [
        "::1",
        "health.example.com",
        "127.0.0.1",
        "",
    ]


@pytest.mark.parametrize(
    "path", ["/livezX", "/livez/", "/readyzz", "/source-health/loginX", "/source-health/static", "//livez"]
)
async def test_only_the_open_addresses_themselves_are_open(path: str) -> None:
    assert status(await ask("GET", path)) == 401


@pytest.mark.parametrize("path", ["/graphqlX", "/graphql/x"])
async def test_only_graphql_itself_needs_no_csrf_token(path: str) -> None:
    assert status(await ask("POST", path, {"cookie": "busta_session=s3ss10n"})) == 403


@pytest.mark.parametrize(
    ("role", "path", "expected"),
    [
        (
            "operator",
            "/api/v1/tokensX",
            200,
        ),  # no such thing, says anyone who answers; it is not the tokens' right that it asks for
        ("operator", "/api/v1/tokens/dana", 403),
        ("viewer", "/notebook", 403),
        ("viewer", "/download_debug/1", 403),
        ("operator", "/notebook", 200),
        ("viewer", "/notebooks", 200),
    ],
)
async def test_a_right_belongs_to_an_address_and_not_to_how_it_begins(role: str, path: str, expected: int) -> None:
    assert status(await ask("GET", path, token(role))) == expected


@pytest.mark.parametrize("name", ["host", "authorization", "origin", "x-csrf-token"])
async def test_two_headers_of_one_that_decides_are_refused(name: str) -> None:
    sent: list[dict] = []
    lines = [(b"host", b"127.0.0.1"), (b"authorization", b"Bearer viewer"), (name.encode(), b"127.0.0.1")]
    if name not in {"host", "authorization"}:
        lines.append((name.upper().encode(), b"evil.example"))
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "client": ("127.0.0.1", 5),
        "headers": lines,
    }

    async def send(message) -> None:
        sent.append(message)

    await AuthMiddleware(inside, keeper())(scope, None, send)
    assert status(sent) == 400
    assert name in json.loads(sent[1]["body"])["detail"]
