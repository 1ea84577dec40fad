"""The head of a request has bounds, of time and of size: uvicorn by itself keeps a connection that never finishes one, and
reads headers of any size.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 10.0
HEAD_BYTES = 64 * 1024
_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n"
    b"The headers of a request may have 64 KiB.\n"
)


class Hurried(HttpToolsProtocol):
    """Drops anyone who has begun a request, or has only connected, and has not sent all its headers in time; and whose
    headers do not end.
    """

    head_s: ClassVar[float] = HEAD_S
    _hurry: asyncio.TimerHandle | None = None
    _head: int = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn itself
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        if self._hurry is not None:
            self._head += len(data)
        super().data_received(data)
        if self._hurry is not None and self._head > HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(_TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        self._expect_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_is_there()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_there()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        if self._hurry is None:
            self._hurry = asyncio.get_running_loop().call_later(self.head_s, self._drop)

    def _head_is_there(self) -> None:
        self._head = 0
        if self._hurry is not None:
            self._hurry.cancel()
            self._hurry = None

    def _drop(self) -> None:
        self._hurry = None
        transport: Any = self.transport
        if not transport.is_closing():
            transport.abort()
