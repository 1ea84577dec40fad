"""Whether a disk has room for what is written next."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_NEEDED_BYTES = 1 << 20


def has_room(folder: Path) -> bool:
    """True also where no one can tell."""
    try:
        return shutil.disk_usage(folder).free >= _NEEDED_BYTES
    except OSError:
        return True
