"""Through a proxy to the source: a tunnel for https, the proxy's own request for http, and whose fault is whose."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import probe_servers
import pytest
from probe_servers import look, reply, server_tls
from pydantic import ValidationError

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.probes.http_config import HttpConfig
from busta_health_dagster.probes.proxy import parse_proxy

LOGIN = "Basic " + base64.b64encode(b"desk:s3cret").decode()


@dataclass
class Tunnels:
    """A proxy that does what it is asked, if the login is right. `heads` are the requests that it got."""

    port: int = 0
    login: str | None = None
    heads: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.heads.append(head)
            method, target, _ = head.split(" ", 2)
            if self.login and f"Proxy-Authorization: {self.login}" not in head:
                writer.write(reply(b"", 407))
            elif method == "CONNECT":
                host, _, port = target.rpartition(":")
                there = await asyncio.open_connection(host, int(port))
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await asyncio.gather(_pipe(reader, there[1]), _pipe(there[0], writer))
            else:
                parts = urlsplit(target)
                there = await asyncio.open_connection(parts.hostname, parts.port)
                there[1].write(head.replace(target, parts.path or "/").encode())
                await _pipe(there[0], writer)
                there[1].close()
        writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while part := await reader.read(4096):
            writer.write(part)
            await writer.drain()
    writer.close()


@pytest.fixture
async def tunnels():
    proxy, tasks = Tunnels(), set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())
        await proxy.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    yield proxy
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await server.wait_closed()
    await asyncio.sleep(0.01)


async def test_https_goes_through_a_tunnel_and_the_certificate_is_the_sources(serve, authority, ca_file, tunnels):
    web = await serve(reply([1, 2]), server_tls(authority, "localhost"))
    asked = {"url": web.url(host="localhost"), "items": "$[*]", "tls": {"ca_file": ca_file}, "proxy": tunnels.url}
    seen = await look("http", asked | {"headers": {"X-Api-Key": {"env": "API_KEY"}}})
    assert (seen.status, seen.items) == (Status.UP, 2), seen.detail
    assert seen.tls_days_left > 0
    (head,) = tunnels.heads
    assert head.startswith(f"CONNECT localhost:{web.port} HTTP/1.1\r\n")
    assert "s3cret-key" not in head, "what is for the source is in the tunnel"


async def test_http_is_asked_of_the_proxy_with_the_whole_address(serve, tunnels):
    web = await serve(reply([1]))
    seen = await look("http", {"url": web.url("/odds"), "items": "$[*]", "proxy": tunnels.url})
    assert (seen.status, seen.items) == (Status.UP, 1), seen.detail
    assert tunnels.heads[0].startswith(f"GET {web.url('/odds')} HTTP/1.1")


@pytest.mark.parametrize("tls", [True, False])
async def test_a_login_is_for_the_proxy_alone(serve, authority, ca_file, tunnels, monkeypatch, tls):
    tunnels.login = LOGIN
    web = await serve(reply([1]), server_tls(authority, "localhost") if tls else None)
    asked = {"url": web.url(host="localhost"), "items": "$[*]", "tls": {"ca_file": ca_file}}
    monkeypatch.setitem(probe_servers.SECRETS, "HTTPS_PROXY", tunnels.url.replace("//", "//desk:s3cret@"))
    seen = await look("http", asked | {"proxy": {"env": "HTTPS_PROXY"}})
    assert seen.status is Status.UP, seen.detail
    if tls:
        assert not any("Proxy-Authorization" in head for head in web.requests)
    refused = await look("http", asked | {"proxy": tunnels.url})
    assert (refused.status, refused.reason) == (Status.UNKNOWN, "probe_error")
    assert "asks for a login (407)" in refused.detail
    assert "s3cret" not in refused.detail


@pytest.mark.parametrize(
    ("answer", "status", "reason", "said"),
    [
        (reply(b"", 503), Status.DOWN, "connect", "could not connect to example.com:443 (503)"),
        (reply(b"", 403), Status.UNKNOWN, "probe_error", "refuses to connect to example.com:443 (403)"),
        (b"SSH-2.0-x\r\n\r\n", Status.UNKNOWN, "probe_error", "does not answer as a proxy does"),
        (b"", Status.UNKNOWN, "probe_error", "does not answer as a proxy does"),
    ],
)
async def test_what_the_proxy_does_wrong_is_not_the_sources_fault(serve, answer, status, reason, said):
    proxy = await serve(answer)
    seen = await look("http", {"url": "https://example.com/", "proxy": proxy.url("")})
    assert (seen.status, seen.reason) == (status, reason)
    assert f"the proxy 127.0.0.1:{proxy.port} {said}" in seen.detail


async def test_a_proxy_that_is_away_leaves_the_source_unknown(closed_port):
    seen = await look("http", {"url": "https://example.com/", "proxy": f"http://127.0.0.1:{closed_port}"})
    assert (seen.status, seen.reason) == (Status.UNKNOWN, "probe_error")
    assert seen.detail.startswith(f"the proxy cannot be reached: 127.0.0.1:{closed_port}")


async def test_a_private_address_is_not_asked_for_through_the_proxy_either(serve, tunnels):
    web = await serve(reply([1]))
    seen = await look("http", {"url": web.url(), "proxy": tunnels.url}, allow_private=False)
    assert (seen.status, seen.reason) == (Status.UNKNOWN, "address_refused")
    lost = await look("http", {"url": "https://nowhere.invalid/", "proxy": tunnels.url}, allow_private=False)
    assert (lost.status, lost.reason) == (Status.UNKNOWN, "probe_error")
    assert "where only the proxy knows names, set allow_private: true" in lost.detail
    assert tunnels.heads == []


async def test_a_feed_and_a_file_over_http_are_asked_through_it_too(serve, tunnels):
    feed = b"<rss><channel><title>t</title><item><title>a</title><guid>1</guid></item></channel></rss>"
    web = await serve({"/feed": reply(feed), "/a.csv": reply(b"a\n1\n2\n")})
    news = await look("feed", {"url": web.url("/feed"), "data_age": "none", "proxy": tunnels.url})
    table = await look("file", {"path": web.url("/a.csv"), "proxy": tunnels.url})
    assert (news.items, table.items) == (1, 2), (news.detail, table.detail)
    assert len(tunnels.heads) == 2


@pytest.mark.parametrize(
    "url",
    [
        "socks5://127.0.0.1:1080",
        "proxy.corp:3128",
        "http://",
        "http://a:b@proxy:1",
        "http://p/x",
        "http://p:x",
        "http://a:b#c@p",
        "http://p:99999",
    ],
)
def test_what_is_no_proxy_is_refused_at_load(url):
    with pytest.raises(ValidationError, match=r"not a proxy; write http://host:3128|a literal user or password"):
        HttpConfig.model_validate({"url": "https://example.com", "proxy": url})


async def test_a_secret_that_is_no_proxy_leaves_the_source_unknown():
    seen = await look("http", {"url": "https://example.com/", "proxy": {"env": "NOT_HTTP"}})
    assert (seen.status, seen.reason) == (Status.UNKNOWN, "probe_error")
    assert seen.detail == "proxy {env: NOT_HTTP}: not a proxy; write http://host:3128"


@pytest.mark.parametrize(
    "url", ["http://ann:hun#ter2@proxy:3128", "http://ann:hun/ter2@proxy:3128", "http://proxy:hun"]
)
def test_a_secret_that_is_no_proxy_is_not_quoted_not_even_in_part(url):
    with pytest.raises(ValueError, match=r"^not a proxy; write http://host:3128$"):
        parse_proxy(url)


def test_a_proxys_port_is_3128_unless_it_says_so():
    assert (parse_proxy("http://proxy.corp").port, parse_proxy("http://[::1]:8080").host) == (3128, "::1")
    assert (
        parse_proxy("http://de%40sk:p%3Aw@proxy.corp").headers["Proxy-Authorization"]
        == "Basic " + base64.b64encode(b"de@sk:p:w").decode()
    )
