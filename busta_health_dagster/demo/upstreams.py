"""`<home>/demo/upstreams.json`: where the running fleet answers, and in which slot its story began."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

VERSION = 1


@dataclass(frozen=True, slots=True)
class Address:
    """What the demo's configuration needs to know. `pid` is None once the fleet has stopped; its ports are taken up
    again.
    """

    scenario: str
    anchor: int
    pid: int | None
    ports: dict[str, int]
    urls: dict[str, str]
    paths: dict[str, str]
    version: int = VERSION

    def stopped(self) -> Address:
        return replace(self, pid=None)


def directory(home: Path) -> Path:
    """Everything the fleet writes lies here."""
    return home / "demo"


def write(home: Path, address: Address) -> None:
    path = directory(home) / "upstreams.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".json.part")
    aside.write_text(json.dumps(asdict(address), indent=1) + "\n", encoding="utf-8")
    aside.replace(path)


def read(home: Path) -> Address | None:
    """The address of the last fleet on this home; None when there never was one, or when another version wrote it.

    Raises:
        BadInput: the file is not what the fleet writes.
    """
    path = directory(home) / "upstreams.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Address(**found) if found.get("version") == VERSION else None
    except FileNotFoundError:
        return None
    except (json.JSONDecodeError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise BadInput(
            f"{path} is not what the demo fleet writes ({error}). Delete it and start the demo again."
        ) from error


def wait_until_ready(home: Path, pid: int, *, alive: Callable[[], bool], timeout_s: float = 600.0) -> Address:
    """Block until the fleet process `pid` answers.

    Raises:
        BadInput: it ended or did not come up in time.
    """
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        found = read(home)
        if found is not None and found.pid == pid:
            return found
        if not alive():
            raise BadInput(
                "The demo fleet ended before it answered. Its output says why (the log of `demo-fleet` in the home)."
            )
        time.sleep(0.05)
    raise BadInput(
        f"The demo fleet (pid {pid}) did not answer within {timeout_s:.0f} s. "
        "Check its log in the home; the machine may be busy."
    )
