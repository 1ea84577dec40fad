"""The key that signs the links of messages: `web.link_key`, else a file in the home that only this user may read."""

from __future__ import annotations

import os
import secrets
import stat
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import HomeError, HomeNotWritable, MissingSecret

if TYPE_CHECKING:
    from pathlib import Path

    from busta_health_dagster.pipeline.app.app import App

SHORTEST = 32
_BYTES = 32


def link_key(app: App) -> bytes:
    """The key; the first process that needs one makes it.

    Raises:
        MissingSecret: `web.link_key` cannot be resolved, or is too short.
        HomeError: the key in the home cannot be read or made, or others can read it.
    """
    configured = app.config.settings.web.link_key
    if configured is not None:
        key = app.secrets(configured).encode()
        if len(key) < SHORTEST:
            raise MissingSecret(f"web.link_key {configured} {_short(key)}")
        return key
    path = app.home.link_key
    try:
        if not path.exists():
            _make(path)
        mode = path.stat().st_mode
        key = path.read_bytes().strip()
    except OSError as error:
        raise HomeNotWritable(
            f"The key of the links in messages cannot be kept in {path}: {error.strerror or error}. Give this user write "
            "permission to the home, or set web.link_key in settings.yaml."
        ) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise HomeError(
            f"The key {path} can be read by others, who could sign links with it. Remove it, so that a new one is made: rm {path}"
        )
    if len(key) < SHORTEST:
        raise HomeError(f"The key {path} {_short(key)}")
    return key


def _make(path: Path) -> None:
    """Written whole under another name and then linked: of two processes that begin at once one key remains."""
    ours = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(ours, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(secrets.token_hex(_BYTES).encode())
            file.flush()
            os.fsync(file.fileno())
        os.link(ours, path)
    except FileExistsError:
        return  # another process was first; its key is ours
    finally:
        ours.unlink(missing_ok=True)


def _short(key: bytes) -> str:
    return (
        f"has {len(key)} characters; {SHORTEST} are the least that signs links of messages safely. Make one with: "
        "openssl rand -hex 32"
    )
