"""The decoded bytes of a packed file, and a stop where they are too many."""

from __future__ import annotations

import contextlib
import io
import zlib
from typing import IO, Any

from busta_health_dagster.probes.bounds import refuse_decoded
from busta_health_dagster.probes.port import Failed

_GZIP = b"\x1f\x8b"
_PACKED = (".gz", ".bz2", ".xz")
CORRUPT: tuple[type[Exception], ...] = (EOFError, OSError, zlib.error)
"""What reading a packed file raises where its bytes are damaged, or are no such file."""
with contextlib.suppress(ImportError):  # a Python may be built without it
    from lzma import LZMAError

    CORRUPT += (LZMAError,)


class Capped(io.RawIOBase):
    """A stream that stops at `cap` decoded bytes: a 200 kB archive may hold 200 MiB."""

    def __init__(self, inner: IO[bytes], cap: int) -> None:
        self._inner, self._left, self._cap = inner, cap, cap

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._inner.read(min(len(buffer), 1 << 20))
        self._left -= len(chunk)
        refuse_decoded(self._cap - self._left, self._cap)
        buffer[: len(chunk)] = chunk
        return len(chunk)


def unpacked(stream: IO[bytes], name: str) -> Any:
    """The decoded stream of a packed file; gzip is known by its first bytes too.

    Raises:
        Failed: it is empty: gzip would read no bytes as no rows, and be content.
    """
    lower, start = name.lower(), b""
    if stream.seekable():
        start = stream.read(2)
        stream.seek(0)
        if not start and lower.endswith(_PACKED):
            raise Failed("payload", f"no packed file: {name} has no bytes")
    if lower.endswith(".gz") or start == _GZIP:
        import gzip

        return gzip.GzipFile(fileobj=stream)
    if lower.endswith(".bz2"):
        import bz2

        return bz2.BZ2File(stream)
    if lower.endswith(".xz"):
        import lzma

        return lzma.LZMAFile(stream)
    return stream
