"""Through an HTTP proxy to the source: a tunnel (CONNECT) for https, the proxy's own request for http.

What the proxy itself does wrong says nothing about the source, which is unknown then. The source's address is checked
before the proxy is asked, as without one; the proxy's own address is the operator's word.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from aiohttp import encode_basic_auth
from yarl import URL

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.probes.dial import allowed, dial, error_text, timing
from busta_health_dagster.probes.port import Failed

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from busta_health_dagster.probes.dial import Resolver

NOT_A_PROXY = "not a proxy; write http://host:3128"
_ANSWER_BYTES = 64 * 1024
_NOT_REACHED = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
LOGIN = (
    "asks for a login (407); its URL may carry one, as a secret: proxy: {env: NAME} with http://user:password@host:3128"
)


@dataclass(frozen=True, slots=True)
class Proxy:
    """Where it is; `headers` are for it alone: the login that its URL has."""

    host: str
    port: int
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"the proxy {self.host}:{self.port}"

    @property
    def url(self) -> URL:
        """Without the login, as aiohttp wants it."""
        return URL.build(scheme="http", host=self.host, port=self.port)


def parse_proxy(url: str) -> Proxy:
    """The proxy of `http://[user:password@]host[:port]`; port 3128 where none is named.

    Raises:
        ValueError: another scheme, no host, a port that is no number. It quotes nothing of the URL.
    """
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:  # whose words hold what stands there: a part of the password, where that has a # or a /
        raise ValueError(NOT_A_PROXY) from None
    if parts.scheme != "http" or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(NOT_A_PROXY)
    headers = {}
    if parts.username is not None:
        login = encode_basic_auth(unquote(parts.username), unquote(parts.password or ""), "utf-8")
        headers["Proxy-Authorization"] = login
    return Proxy(parts.hostname, port or 3128, headers)


async def connected(
    proxy: Proxy, host: str, port: int, resolver: Resolver, *, tunnel: bool, guarded: bool
) -> socket.socket:
    """A socket to the proxy; with `tunnel` what is written to it arrives at the source.

    Raises:
        AddressRefused: `guarded`, and the source's address is one that must not be reached.
        Failed: unknown where it is the proxy or a name that cannot be checked; `connect` where it cannot reach the source.
    """
    if guarded:
        try:
            await allowed(host, port, resolver, guarded=True)
        except Failed as failed:
            raise unknown(
                f"{failed.result.detail}, so that its address cannot be checked before {proxy.name} is asked; where only the proxy "
                "knows names, set allow_private: true on this source"
            ) from failed
    try:
        sock = await dial(proxy.host, proxy.port, resolver, guarded=False)
    except Failed as failed:
        raise unknown(f"the proxy cannot be reached: {failed.result.detail}") from failed
    if not tunnel:
        return sock
    try:
        await _open_tunnel(sock, proxy, host, port)
    except BaseException:
        sock.close()
        raise
    return sock


async def _open_tunnel(sock: socket.socket, proxy: Proxy, host: str, port: int) -> None:
    loop, times = asyncio.get_running_loop(), timing()
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    own = "".join(f"{name}: {value}\r\n" for name, value in proxy.headers.items())
    times.stage, start = f"{proxy.name} to connect to {target}", loop.time()
    answer = b""
    try:
        await loop.sock_sendall(sock, f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{own}\r\n".encode("ascii"))
        while b"\r\n\r\n" not in answer and len(answer) < _ANSWER_BYTES:
            part = await loop.sock_recv(sock, 4096)
            if not part:
                break
            answer += part
    except OSError as error:
        raise unknown(f"{proxy.name}: {error_text(error)}") from error
    times.add("connect", start, loop.time())
    status = answer.split(b"\r\n", 1)[0].split(b" ", 2)
    if b"\r\n\r\n" not in answer or len(status) < 2 or not status[0].startswith(b"HTTP/1.") or not status[1].isdigit():
        raise unknown(f"{proxy.name} does not answer as a proxy does; is the address right?")
    _judge(int(status[1]), proxy, target)


def _judge(status: int, proxy: Proxy, target: str) -> None:
    if 200 <= status < 300:
        return
    if status in _NOT_REACHED:
        raise Failed("connect", f"{proxy.name} could not connect to {target} ({status})", phases=timing().phases())
    if status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        raise unknown(f"{proxy.name} {LOGIN}")
    raise unknown(f"{proxy.name} refuses to connect to {target} ({status}); ask who runs it to allow it")


def unknown(detail: str) -> Failed:
    return Failed("probe_error", detail, status=Status.UNKNOWN)
