"""OAuth 2 client credentials against a real token endpoint."""

from __future__ import annotations

import base64

import pytest
from probe_servers import SECRETS, look, reply
from pydantic import ValidationError

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.probes.http_config import HttpConfig
from busta_health_dagster.testing import EPOCH, FakeClock


def auth(web, **more) -> dict:
    grant = {"token_url": web.url("/token"), "client_id": "busta", "client_secret": {"env": "API_KEY"}, **more}
    return {"oauth2": grant}


@pytest.mark.parametrize("probe", ["http", "feed"])
async def test_a_token_is_got_and_sent_and_kept_until_it_ends(serve, probe):
    feed = b'{"version": "https://jsonfeed.org/version/1.1", "items": []}'
    token = reply({"access_token": f"t0ken-{probe}", "token_type": "Bearer", "expires_in": 300})
    web = await serve({"/token": token, "/": reply(feed)})
    config = {"url": web.url("/"), "auth": auth(web, scope="odds")}
    for at in (0, 60, 400):
        seen = await look(probe, config, clock=FakeClock(EPOCH + at))
        assert seen.status is Status.UP
        assert "t0ken" not in str(seen)
    asked = [head.split(" ")[1] for head in web.requests]
    assert asked == ["/token", "/", "/", "/token", "/"]
    basic = base64.b64encode(f"busta:{SECRETS['API_KEY']}".encode()).decode()
    assert f"Authorization: Basic {basic}" in web.requests[0]
    assert f"Authorization: Bearer t0ken-{probe}" in web.requests[1]


async def test_a_token_without_an_end_serves_once(serve):
    web = await serve({"/token": reply({"access_token": "once"}), "/": reply([1])})
    for _ in range(2):
        assert (await look("http", {"url": web.url("/"), "auth": auth(web, send="body")})).status is Status.UP
    assert [head.split(" ")[1] for head in web.requests] == ["/token", "/", "/token", "/"]
    assert "Authorization" not in web.requests[0]


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        (reply(b"<html>Login</html>"), "authentication", "gave no JSON; is token_url the right one?"),
        (reply({"token": "x"}), "authentication", "gave no access_token"),
        (reply({"access_token": "x", "token_type": "mac"}), "authentication", "tokens of type 'mac'"),
        (reply({"error": "invalid_client"}, 401), "authentication", "answered 401: invalid_client"),
        (reply(b"busy", 503), "http_status", "the token endpoint 127.0.0.1 answered 503"),
    ],
)
async def test_without_a_token_the_source_is_down_and_says_why(serve, answer, reason, words):
    web = await serve({"/token": answer, "/": reply([1])})
    seen = await look("http", {"url": web.url("/"), "auth": auth(web)})
    assert (seen.status, seen.reason) == (Status.DOWN, reason)
    assert words in seen.detail
    assert len(web.requests) == 1


async def test_a_token_endpoint_that_asks_for_a_pause_gets_it(serve):
    web = await serve({"/token": reply(b"", 429, headers={"Retry-After": "120"}), "/": reply([1])})
    seen = await look("http", {"url": web.url("/"), "auth": auth(web)}, confirm=2)
    assert (seen.status, seen.reason, seen.retry_after_s) == (Status.DEGRADED, "rate_limited", 120)
    assert seen.detail.startswith("the token endpoint 127.0.0.1 answered 429, too many requests; asks for a pause")
    assert len(web.requests) == 1


@pytest.mark.parametrize("wrong", [{}, {"oauth2": None}, {"bearer": {"env": "X"}, "oauth2": {}}])
def test_one_way_to_authenticate_is_named(wrong):
    with pytest.raises(ValidationError):
        HttpConfig(url="https://example.com", auth=wrong)
