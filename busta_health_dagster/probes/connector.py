"""New connections for aiohttp, so that DNS, TCP and TLS are timed apart (its tracing reports them as one) and the connected
address is checked on each hop.
"""

from __future__ import annotations

import ssl
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

from busta_health_dagster.probes.dial import dial, note_certificate, timing, tls_context, tls_failure
from busta_health_dagster.probes.proxy import Proxy, connected

if TYPE_CHECKING:
    from busta_health_dagster.probes.dial import Resolver

_TLS_BYE_S = 0.2  # a peer that never says goodbye would otherwise hold its socket for asyncio's default of 30 s


class _Answer(ResponseHandler):
    """Takes a head by itself. aiohttp's parser fails at bytes behind the announced end of a body, and what it read in the same
    breath is lost: an answer with a blank too many would be no HTTP. So a body that came whole is at its end by then. Other bytes
    behind the end are what every reader of the announced length misses: that stays an error.
    """

    _in_body = False

    def data_received(self, data: bytes) -> None:
        while data[-1:].isspace() and not self._in_body and 4 <= (end := data.find(b"\r\n\r\n") + 4) < len(data):
            self._in_body = data[9:10] != b"1"  # HTTP/1.1 103 is followed by another head
            super().data_received(data[:end])
            data = data[end:]
        super().data_received(data)


class Connector(aiohttp.BaseConnector):
    """A new connection for each request; `_create_connection` is the hook that aiohttp leaves to its subclasses."""

    allowed_protocol_schema_set = frozenset({"http", "https"})

    def __init__(self, resolver: Resolver, *, guarded: bool) -> None:
        super().__init__(force_close=True, limit=0)
        self._factory = partial(_Answer, loop=self._loop)  # type: ignore[assignment]  # partial is invariant
        self._resolver, self._guarded = resolver, guarded

    async def _create_connection(self, req: aiohttp.ClientRequest, traces: Any, timeout: Any) -> ResponseHandler:  # noqa: ARG002, ASYNC109
        host, port = (req.url.raw_host or "").rstrip("."), req.url.port or 80
        loop, times = self._loop, timing()
        plain = req.url.scheme == "http"
        if req.proxy is None:
            sock = await dial(host, port, self._resolver, guarded=self._guarded)
        else:
            proxy = Proxy(req.proxy.host or "", req.proxy.port or 0, req.proxy_headers or {})
            sock = await connected(proxy, host, port, self._resolver, tunnel=not plain, guarded=self._guarded)
            if plain:
                req.headers.update(proxy.headers)
        if plain:
            _, unencrypted = await loop.create_connection(self._factory, sock=sock)
            return unencrypted
        context = req.ssl if isinstance(req.ssl, ssl.SSLContext) else tls_context()
        times.stage, start = f"the TLS handshake with {host}:{port}", loop.time()
        try:
            transport, protocol = await loop.create_connection(
                self._factory, sock=sock, ssl=context, server_hostname=host, ssl_shutdown_timeout=_TLS_BYE_S
            )
        except OSError as error:  # ssl.SSLError is one
            raise tls_failure(host, error) from error
        finally:
            times.add("tls", start, loop.time())
        note_certificate(transport)
        times.stage = f"an answer from {host}:{port}"
        return protocol
