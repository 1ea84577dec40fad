"""The log of a supervised process: what it prints comes through a pipe and is written here.

So a log that was moved, deleted or is on a full disk costs its own lines and nothing else: the process never waits for
it, and it is opened again as soon as that works.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from busta_health_dagster.settings.home import PRIVATE

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

    from busta_health_dagster.pipeline.app.supervisor_failures import FailureBook

CAP_BYTES = 10 * 1024 * 1024
_CHUNK = 65_536


class ChildLog:
    """One file of at most `CAP_BYTES`, and one older one."""

    def __init__(self, path: Path, failures: FailureBook) -> None:
        self.path = path
        self._failures = failures
        self._lock = threading.Lock()
        self._file: FileIO | None = None
        self._lost = 0
        self._pump: threading.Thread | None = None

    def follow(self, stream: IO[bytes]) -> None:
        """Write all that comes out of `stream`, until its last writer has ended. The file is there from the beginning: the log of a
        process that has printed nothing is empty, and not missing.
        """
        with suppress(OSError):  # the first line that cannot be written is reported
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
            self.path.touch()
        self._pump = threading.Thread(target=self._follow, args=(stream,), daemon=True, name=self.path.name)
        self._pump.start()

    def settle(self, timeout_s: float = 2.0) -> None:
        """Wait until what an ended process printed is written."""
        if self._pump is not None:
            self._pump.join(timeout_s)

    def close(self) -> None:
        """After the last process that wrote to it has ended."""
        self.settle(0.5)
        with self._lock:
            self._close()

    def retry(self) -> None:
        """Where output was lost: try again, also while the process says nothing more."""
        if self._lost:
            self.write(b"")

    def write(self, chunk: bytes) -> None:
        """Append; what cannot be written is counted, reported and gone."""
        with self._lock:
            note = f"[{self._lost} bytes of output were lost here]\n".encode() if self._lost else b""
            try:
                self._append(note + chunk)
            except OSError as error:
                self._lost += len(chunk)
                self._close()
                self._failures.failed(f"The log {self.path}", f"cannot be written ({error.strerror or error})")
            else:
                self._lost = 0
                self._failures.works(f"The log {self.path}")

    def tail(self, lines: int = 8) -> str:
        """The last lines, each cut to what a person reads."""
        try:
            with self.path.open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - _CHUNK))
                text = file.read(_CHUNK).decode(errors="replace")
        except OSError as error:
            return f"(it cannot be read: {error.strerror or error})"
        return "\n".join(line[:300] for line in text.splitlines()[-lines:])

    def _follow(self, stream: IO[bytes]) -> None:
        with stream:
            while chunk := os.read(stream.fileno(), _CHUNK):
                self.write(chunk)

    def _append(self, data: bytes) -> None:
        file = self._open()
        if file.write(data) < len(data):
            raise OSError("no room for all of it")
        if file.tell() > CAP_BYTES:
            self._close()
            self.path.replace(self.path.with_suffix(".log.1"))
            self._open()

    def _open(self) -> FileIO:
        if self._file is not None and self._moved(self._file):
            self._close()
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
            self._file = self.path.open("ab", buffering=0)
        return self._file

    def _moved(self, file: FileIO) -> bool:
        try:
            return not os.path.samestat(self.path.stat(), os.fstat(file.fileno()))
        except FileNotFoundError:
            return True

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
