"""Bodies that come packed (Content-Encoding), decoded piece by piece up to where their packing says that they end.

A body that is cut decodes without an error up to the cut: a table of which half is missing, or a list that closes by
chance, would pass for the whole. Every packing says where it ends, so what breaks off before is known to.
"""

from __future__ import annotations

import sys
import zlib
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PIECE = 256 * 1024  # decoded bytes at a time: a bomb is met at the cap, not in memory


class Damaged(Exception):
    """The bytes are not packed as the header says."""


class Unpacking(Protocol):
    def feed(self, data: bytes) -> Iterator[bytes]:
        """What can be decoded by now.

        Raises:
            Damaged: these bytes are not packed in this way.
        """

    @property
    def whole(self) -> bool:
        """Has it come to its end? A body of no bytes has."""


def unpacking(encoding: str) -> Unpacking | None:
    """How to decode a body with this Content-Encoding; None for one that is not packed, or in a way no one knows."""
    kind = _KINDS.get(encoding.strip().lower())
    return None if kind is None else kind()


class _Members:
    """gzip, deflate and zstd: one member after another, each with an end of its own."""

    def __init__(self, begin: Callable[[bytes], Any], error: type[Exception]) -> None:
        self._begin, self._error = begin, error
        self._member: Any = None

    @property
    def whole(self) -> bool:
        return self._member is None

    def feed(self, data: bytes) -> Iterator[bytes]:
        more = False
        while data or more:
            if self._member is None:
                data = data.lstrip(b"\0")  # a gzip file may be padded
                if not data:
                    return
                self._member = self._begin(data)
            try:
                piece = self._member.decompress(data, PIECE)
            except self._error as error:
                raise Damaged from error
            if piece:
                yield piece
            if self._member.eof:
                data, more, self._member = self._member.unused_data, False, None
            else:
                data, more = getattr(self._member, "unconsumed_tail", b""), len(piece) == PIECE


class _Brotli:
    def __init__(self) -> None:
        import brotli

        self._stream, self._error = brotli.Decompressor(), brotli.error
        self.whole = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        piece = b"more"
        while piece and not (self.whole and not data):
            try:
                piece = self._stream.process(data, output_buffer_limit=PIECE)
            except self._error as error:
                raise Damaged from error
            data, self.whole = b"", self._stream.is_finished()
            if piece:
                yield piece


def _gzip() -> Unpacking:
    return _Members(lambda _data: zlib.decompressobj(zlib.MAX_WBITS | 16), zlib.error)


def _deflate() -> Unpacking:
    """With the zlib header that is asked for, or without it as some servers send it."""
    return _Members(
        lambda data: zlib.decompressobj(zlib.MAX_WBITS if data[0] & 0xF == 8 else -zlib.MAX_WBITS), zlib.error
    )


def _zstd() -> Unpacking:
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return _Members(lambda _data: zstd.ZstdDecompressor(), zstd.ZstdError)


_KINDS: dict[str, Callable[[], Unpacking]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _Brotli,
    "zstd": _zstd,
}
