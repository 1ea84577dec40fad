"""One HTTP request within a deadline: new connection, every hop checked, decoded bytes capped.

aiohttp does HTTP, on the connections of connector.py. Redirects are followed by hand, so that each hop
is seen and a secret meant for one host never reaches another.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from busta_health_dagster.domain.observation import Phases, Status
from busta_health_dagster.domain.observation_limits import BODY_BYTES
from busta_health_dagster.probes.address import AddressRefused
from busta_health_dagster.probes.connector import Connector
from busta_health_dagster.probes.content_encoding import Damaged, unpacking
from busta_health_dagster.probes.dial import (
    Resolver,
    error_text,
    timing,
)
from busta_health_dagster.probes.port import Failed
from busta_health_dagster.probes.proxy import LOGIN, Proxy, unknown
from busta_health_dagster.probes.urls import address, redirected, shown
from busta_health_dagster.wording.lists import plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CHARSET = re.compile(r"charset=[\"']?([\w.:-]+)", re.IGNORECASE)
_PART = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)", re.IGNORECASE)  # of how many, where that is known
_HEADER_BYTES, _HEADERS = 256 * 1024, 1000  # a policy or a cookie of 20 kB is HTTP; gigabytes of it are not


@dataclass(frozen=True, slots=True)
class Request:
    """`headers` go to every hop of the first origin only where named in `secrets` (lower case); the rest goes everywhere.
    So do `digest` (user, password) and `tls` with its client certificate; `tls_elsewhere` is for other origins. `proxy` is
    asked for every hop.
    """

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    params: Sequence[tuple[str, str]] = ()
    body: bytes | None = None
    max_bytes: int = BODY_BYTES
    redirects: int = 5
    guarded: bool = True
    tls: ssl.SSLContext | None = None
    tls_elsewhere: ssl.SSLContext | None = None
    digest: tuple[str, str] | None = None
    proxy: Proxy | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A complete answer; `url` is where it came from in the end, `shown_url` the same without query and user.

    `elapsed_ms` is request start to last body byte, all hops. `elsewhere`: a redirect led to another host.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: URL
    hops: int
    phases: Phases
    elapsed_ms: float
    tls_not_after: float | None
    elsewhere: bool = False

    @property
    def answered(self) -> str:
        """Who answered, where that is not the host that was asked."""
        return f"{self.url.host}, to which it redirects, answered" if self.elsewhere else "answered"

    @property
    def charset(self) -> str:
        """One that makes text of bytes: what the label says, or UTF-8 where no one knows it (utf8mb4)."""
        found = _CHARSET.search(self.headers.get("Content-Type", ""))
        name = found[1] if found else "utf-8"
        try:
            b"a".decode(name, "replace")
        except (LookupError, UnicodeError):  # to look it up is not enough: hex is an encoding, too
            return "utf-8"
        return name

    @property
    def shown_url(self) -> str:
        return shown(self.url)


class Http:
    """Sessions of one `check()`: one for guarded sources, one for those with allow_private; opened when needed."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    def _session(self, guarded: bool) -> aiohttp.ClientSession:
        session = self._sessions.get(guarded)
        if session is None:
            session = self._sessions[guarded] = aiohttp.ClientSession(
                connector=Connector(self._resolver, guarded=guarded),
                cookie_jar=aiohttp.DummyCookieJar(),  # one source's cookie must never reach another
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),  # the prober's deadline covers everything
                headers={"User-Agent": "busta-health/1", "Accept": "*/*"},
                max_line_size=_HEADER_BYTES,
                max_field_size=_HEADER_BYTES,
                max_headers=_HEADERS,
                auto_decompress=False,  # aiohttp takes a packed body that breaks off for the whole
            )
            session._retry_connection = False  # noqa: SLF001  a reset is a failed attempt; aiohttp would hide the first one
        return session

    async def close(self) -> None:
        for session in self._sessions.values():
            await session.close()

    async def fetch(self, request: Request) -> Fetched:
        """The whole answer, or why not.

        Raises:
            Failed: `dns`, `connect`, `tls`, `reset`, `protocol`, `redirects`, `too_large`, `address_refused`,
            `payload`.
        """
        loop, times = asyncio.get_running_loop(), timing()
        started = loop.time()
        url, method, headers, body = _url(request.url, request.params), request.method, request.headers, request.body
        seen: list[str] = []
        origin = url.origin()
        # Cookies of this one observation: a site that sets one and redirects wants it back.
        cookies: aiohttp.CookieJar | None = None
        while True:
            try:
                own, sent = url.origin() == origin, cookies.filter_cookies(url) if cookies is not None else None
                step = f"{method} {url} {sent.output([]) if sent else ''}"
                if step in seen:  # with other cookies the same address may answer otherwise
                    raise Failed(
                        "redirects", f"redirect loop: back at {shown(url)} after {plural(len(seen), 'redirect')}"
                    )
                async with self._session(request.guarded).request(
                    method,
                    url,
                    headers=headers,
                    data=body,
                    allow_redirects=False,
                    ssl=(request.tls if own else request.tls_elsewhere) or True,
                    cookies=sent,
                    proxy=request.proxy.url if request.proxy else None,
                    proxy_headers=request.proxy.headers if request.proxy else None,
                    middlewares=(aiohttp.DigestAuthMiddleware(*request.digest),) if request.digest and own else (),
                ) as response:
                    if request.proxy and response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
                        raise unknown(f"{request.proxy.name} {LOGIN}")
                    if response.cookies:
                        cookies = cookies or aiohttp.CookieJar(unsafe=True)  # an address may set some, too
                        cookies.update_cookies(response.cookies, url)
                    now = loop.time()
                    if response.status not in _REDIRECTS or "Location" not in response.headers:
                        _refuse_part(response, headers)
                        content = await self._read(response, request.max_bytes, loop)
                        ended = loop.time()
                        return Fetched(
                            status=response.status,
                            headers=response.headers,
                            body=content,
                            url=url,
                            hops=len(seen),
                            phases=_phases(started, now, ended),
                            elapsed_ms=(ended - started) * 1000,
                            tls_not_after=times.not_after,
                            elsewhere=url.host != origin.host,
                        )
                    status, location = response.status, response.headers["Location"]
            except AddressRefused as refused:
                raise _refused(refused, bool(seen)) from refused
            except aiohttp.ClientError as error:
                raise _client_failure(error, url) from error
            except ValueError as error:  # a header or method that HTTP cannot carry, often a secret with a line break
                raise unknown(f"the request cannot be written: {error_text(error)}") from error
            seen.append(step)
            url = _next(url, location, seen, request.redirects)
            if url.origin() != origin:
                headers = {name: value for name, value in headers.items() if name.lower() not in request.secrets}
                if body is not None and status in (307, 308):
                    raise Failed(
                        "redirects", f"redirects the request body to another host, {shown(url)}; it was not sent there"
                    )
            if status == 303 or (status in (301, 302) and method == "POST"):
                method, body = "GET", None

    @staticmethod
    async def _read(response: aiohttp.ClientResponse, cap: int, loop: asyncio.AbstractEventLoop) -> bytes:
        times, content = timing(), response.content
        times.stage, start = f"the rest of the body from {response.url.host}", loop.time()
        chunks: list[bytes] = []
        size = 0
        packing = response.headers.get("Content-Encoding", "")
        unpacked = unpacking(packing)
        while chunk := await content.readany():
            try:
                for piece in (chunk,) if unpacked is None else unpacked.feed(chunk):
                    size += len(piece)
                    if size > cap:
                        response.close()
                        raise Failed(
                            "too_large",
                            f"more than {cap:,} bytes when decoded; cut there (max_bytes)",
                            phases=times.phases(),
                        )
                    chunks.append(piece)
                    if unpacked is not None:
                        await asyncio.sleep(0)  # a small chunk may unpack to megabytes: others have their turn
            except Damaged as error:
                raise Failed(
                    "payload",
                    f"the body from {response.url.host} cannot be decoded: it is not {packing}, as its Content-Encoding says",
                    phases=times.phases(),
                ) from error
        if unpacked is not None and not unpacked.whole:
            raise Failed(
                "payload",
                f"the body from {response.url.host} breaks off: its {packing} does not end after {size:,} decoded bytes",
                phases=times.phases(),
            )
        times.add("body", start, loop.time())
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _refuse_part(response: aiohttp.ClientResponse, asked: Mapping[str, str]) -> None:
    """206 is a part of the whole. One that no one asked for, as a cache may send it, is not what is asked about.

    Raises:
        Failed: `payload`, unless the part is the whole.
    """
    if response.status != HTTPStatus.PARTIAL_CONTENT or "range" in {name.lower() for name in asked}:
        return
    part = _PART.fullmatch(response.headers.get("Content-Range", "").strip())
    if part is None or (part[3] != "*" and int(part[1]) == 0 and int(part[2]) + 1 >= int(part[3])):
        return
    raise Failed(
        "payload",
        f"{response.url.host} answers 206 with a part ({part[0]}), and no part was asked for",
        phases=timing().phases(),
    )


def _phases(started: float, headers_at: float, ended: float) -> Phases:
    """First byte: what is left of the time to the headers once the connections are taken off."""
    times = timing()
    connecting = (times.dns or 0.0) + (times.connect or 0.0) + (times.tls or 0.0)
    first = max(0.0, (headers_at - started) * 1000 - connecting)
    times.first_byte = first
    return Phases(times.dns, times.connect, times.tls, first, (ended - headers_at) * 1000)


def _url(text: str, params: Sequence[tuple[str, str]]) -> URL:
    try:
        return address(text, params)
    except ValueError as error:
        raise unknown("its URL is not an http(s) URL; write https://host/path") from error


def _next(url: URL, location: str, seen: list[str], limit: int) -> URL:
    if len(seen) > limit:
        raise Failed("redirects", f"more than {plural(limit, 'redirect')}, the last from {shown(url)}")
    try:
        return redirected(url, location)
    except ValueError as error:
        raise Failed("redirects", f"{shown(url)} redirects to something that is not an http(s) URL") from error


def _refused(refused: AddressRefused, redirected: bool) -> Failed:
    if redirected:  # the source sends us there: that is its fault, and it is down
        return Failed("address_refused", f"redirected: {refused.sentence}; not followed")
    return Failed(
        "address_refused",
        f"{refused.sentence}; if that is meant, set allow_private: true where its address stands",
        status=Status.UNKNOWN,
    )


def _client_failure(error: aiohttp.ClientError, url: URL) -> Failed:
    host, phases = url.host, timing().phases()
    if isinstance(error, aiohttp.ClientPayloadError):
        return Failed("payload", f"the body from {host} breaks off or cannot be decoded", phases=phases)
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError):
        return Failed("reset", f"{host} closed the connection before the answer was complete", phases=phases)
    if isinstance(error, aiohttp.ClientResponseError):
        said = error_text(Exception(error.message)).rstrip(": ")
        return Failed("protocol", f"what {host} sent is not HTTP, or longer than it says: {said}", phases=phases)
    return Failed("protocol", f"{host}: {error_text(error)}", phases=phases)
