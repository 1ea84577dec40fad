"""`busta code-server` in a container of its own: it ends with the process that it answers through, and passes signals on."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from busta_health_dagster.cli import dagster_processes
from busta_health_dagster.cli.offspring import has_living_child

THROUGH_ANOTHER = (
    "import os, subprocess, sys, time; "
    "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    "open({file!r} + '.part', 'w').write(str(p.pid)); os.replace({file!r} + '.part', {file!r}); time.sleep(600)"
)


@pytest.fixture
def ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The code that it ends with when this is done once it was seen with the other process, whose pid is given."""
    file, seen = tmp_path / "pid", threading.Event()

    def noted(pid: int) -> bool | None:
        found = has_living_child(pid)
        if found and file.exists():
            seen.set()
        return found

    monkeypatch.setattr(dagster_processes, "has_living_child", noted)
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def run(what) -> int | None:
        def then() -> None:
            if seen.wait(60):
                what(int(file.read_text()))

        threading.Thread(target=then, daemon=True).start()
        code = THROUGH_ANOTHER.format(file=str(file))
        return dagster_processes.watched([sys.executable, "-c", code], dict(os.environ), alone_s=0.2)

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)
    with suppress(ProcessLookupError):
        os.kill(int(file.read_text()), signal.SIGKILL)


def test_a_code_server_that_lost_its_server_ends_so_that_the_container_starts_again(ended) -> None:
    assert ended(lambda other: os.kill(other, signal.SIGKILL)) is None


def test_the_signal_that_stops_a_container_reaches_the_code_server(ended) -> None:
    assert ended(lambda _: os.kill(os.getpid(), signal.SIGTERM)) == 128 + signal.SIGTERM
