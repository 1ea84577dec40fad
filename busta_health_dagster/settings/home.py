"""The home: the one directory that a running monitor writes to. Everything in it can be named from its path alone."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import AlreadyRunning, HomeNotWritable

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_HOME = ".busta"
PRIVATE_UMASK = 0o077
"""What our processes write is for this user only: samples, tokens, logs with what sources sent."""
PRIVATE = 0o700
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class Home:
    """Paths below one root. Nothing is created until `ensure()`."""

    root: Path

    @property
    def database_url(self) -> str:
        """Where the store lies when neither the environment nor settings.yaml says otherwise."""
        return f"sqlite:///{self.root / 'busta.sqlite3'}"

    @property
    def dagster(self) -> Path:
        """DAGSTER_HOME: the instance file, and Dagster's own SQLite databases."""
        return self.root / "dagster"

    @property
    def config(self) -> Path:
        return self.root / "config"

    @property
    def last_good(self) -> Path:
        """A copy of the newest configuration that loaded, for every process that starts while the files are broken."""
        return self.root / "last_good_config"

    @property
    def lock(self) -> Path:
        return self.root / "busta.lock"

    @property
    def processes(self) -> Path:
        """What `busta up` started: URL, ports and pids, for the other commands on this machine."""
        return self.root / "up.json"

    @property
    def store_trouble(self) -> Path:
        """What the store refused: a full database cannot hold the news that it is full. Empty while nothing is wrong."""
        return self.root / "store_trouble"

    @property
    def supervisor_failures(self) -> Path:
        """What `busta up` itself cannot do at present, for the page and the metrics. Empty while nothing is wrong."""
        return self.root / "supervisor_failures"

    @property
    def link_key(self) -> Path:
        """What the links of messages are signed with; for this user only."""
        return self.root / "link.key"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def ensure(self) -> Home:
        """Make the home, for this user only, and see that it can be written to. A full disk is no reason to stop.

        Raises:
            HomeNotWritable: no permission, or a file stands where the home should be.
        """
        try:
            if self._is_ours():
                _make_private(self.root)
            for path in (self.root, self.dagster):
                path.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
            _make_private(self.dagster)
            # Without a place for logs everything works but the logs: `busta up` says so and tries again.
            with contextlib.suppress(OSError):
                self.logs.mkdir(exist_ok=True, mode=PRIVATE)
                _make_private(self.logs)
            probe = self.root / f".writable-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            if error.errno in _NO_ROOM:
                return self
            raise HomeNotWritable(
                f"The home {self.root} cannot be written to ({error.strerror or error}). Give this user write permission, "
                "or choose another home with --home or BUSTA_HOME."
            ) from error
        return self

    def _is_ours(self) -> bool:
        """Does the root exist for us alone? Someone may have named `/tmp`, or the directory that they live in."""
        if not self.root.is_dir() or self.root.stat().st_mode & stat.S_ISVTX:
            return False
        if str(self.root) == os.path.expanduser("~"):  # noqa: PTH111  pathlib raises where there is none
            return False
        return (self.dagster / "dagster.yaml").is_file() or not any(self.root.iterdir())


def _make_private(path: Path) -> None:
    """Nothing for strangers; a group that an operator let in keeps its rights."""
    found = path.stat()
    if found.st_uid == os.geteuid() and found.st_mode & stat.S_IRWXO:
        path.chmod(PRIVATE)


def find_home(flag: Path | None, environ: Mapping[str, str], cwd: Path) -> Home:
    """The home asked for: the flag, then BUSTA_HOME, then `.busta` in the project. Always absolute."""
    chosen = flag or environ.get("BUSTA_HOME") or DEFAULT_HOME
    return Home((cwd / chosen).resolve())


class InstanceLock:
    """Held by `busta up` for as long as it lives; the kernel lets go of it even after SIGKILL, so no stale lock can
    remain.
    """

    def __init__(self, home: Home) -> None:
        self._path = home.lock
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            AlreadyRunning: another process holds it; the message names its pid.
        """
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise AlreadyRunning(
                f"busta already runs on {self._path.parent} (pid {holder}). Stop it with `kill {holder}`, "
                "or start this one on another home with --home."
            ) from error
        os.ftruncate(fd, 0)
        os.write(fd, str(os.getpid()).encode())
        self._fd = fd

    def release(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
