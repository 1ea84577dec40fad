"""Which file `probe: file` means, opened: on this machine or wherever fsspec leads; of several matches the newest."""

from __future__ import annotations

from datetime import datetime
from typing import IO, Any

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.extras import SCHEMES, remedy
from busta_health_dagster.probes.ages import in_future, to_epoch
from busta_health_dagster.probes.port import Failed


class Opened:
    """An open file and what is known of it. `modified` is epoch seconds or None."""

    def __init__(self, name: str, stream: IO[bytes], size: int, modified: float | None, matches: int = 1) -> None:
        self.name, self.stream, self.size, self.modified, self.matches = name, stream, size, modified, matches


def open_local(path: str, now: float) -> Opened:
    """A path, or the newest match of a glob. Raises OSError, Failed (`missing`: nothing matches)."""
    import glob
    import os
    from pathlib import Path

    names = [path]
    if glob.has_magic(path) and not os.path.exists(path):  # noqa: PTH110
        names = [name for name in glob.glob(path, recursive=True) if os.path.isfile(name)]  # noqa: PTH113, PTH207
        if not names:
            raise Failed("missing", f"no file matches {Path(path).absolute()}")
    about = {name: os.stat(name) for name in names} if len(names) > 1 else {}  # noqa: PTH116
    newest = max(names, key=lambda name: _rank(about[name].st_size, about[name].st_mtime, now)) if about else names[0]
    stream = Path(newest).open("rb")  # noqa: SIM115  closed by the caller
    opened = os.fstat(stream.fileno())
    return Opened(newest, stream, opened.st_size, opened.st_mtime, len(names))


def open_remote(url: str, options: dict[str, Any], now: float) -> Opened:
    """An fsspec URL, or the newest match of one. Raises OSError, Failed (`missing`, or `dependency` with what to install)."""
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(url, **options)
    except (ImportError, ValueError) as error:
        extra = SCHEMES.get(url.partition("://")[0])
        hint = f"; {remedy(extra)}" if extra is not None and isinstance(error, ImportError) else ""
        raise Failed("dependency", f"{str(error)[:200]}{hint}", status=Status.UNKNOWN) from error
    names = [path]
    if any(sign in path for sign in "*?["):
        names = [name for name in system.glob(path) if system.isfile(name)]
        if not names:
            raise Failed("missing", f"no file matches {url}")
    newest = names[0]
    if len(names) > 1:
        newest = max(names, key=lambda name: _rank(system.info(name).get("size"), _modified(system, name), now))
    about = system.info(newest)
    return Opened(newest, system.open(newest, "rb"), int(about.get("size") or 0), _modified(system, newest), len(names))


def _rank(size: int | None, modified: float | None, now: float) -> tuple[bool, bool, float]:
    """Which match counts: the newest that has content, and a time that can be true."""
    return size != 0, modified is None or not in_future(modified, now), modified or 0.0


def _modified(system: Any, name: str) -> float | None:
    try:
        at = system.modified(name)
    except NotImplementedError:
        return None
    return at.timestamp() if isinstance(at, datetime) and at.tzinfo else to_epoch(at)
