"""Words that the stories about `busta up` share: a home over real files, its processes, and waiting for them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from small_home import TOLD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BUSTA = [sys.executable, "-m", "busta_health_dagster.cli"]
HANG_GUARD_S = 240

# A failure is not confirmed: that takes seven real seconds of every first tick.
SOURCES = """\
version: 1
defaults: {confirm: 0}
sources:
  - {name: good_file, type: stats, probe: file, path: "%(data)s/good.csv", max_data_age: 26h}
  - {name: gone_file, type: stats, probe: file, path: "%(data)s/gone.csv", max_data_age: 26h}
"""
RULES = """\
version: 1
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: warning}
  - {name: slow-response, metric: response_ms, op: ">", value: 5s, for: 2, severity: warning}
  - {name: stale-data, metric: data_age_s, op: ">", value: max_data_age, severity: warning}
"""


def environment(base: Path, sources: str = SOURCES) -> dict[str, str]:
    """A configured home below `base`, and the environment that names it."""
    data, config = base / "data", base / "config"
    data.mkdir()
    (data / "good.csv").write_text("game_id,play\n1,run\n2,pass\n")
    config.mkdir()
    (config / "sources.yaml").write_text(sources % {"data": data})
    (config / "alerts.yaml").write_text((RULES + TOLD) % {"data": data})
    home = {"BUSTA_HOME": str(base / "home"), "BUSTA_CONFIG_DIR": str(config)}
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUSTA_", "DAGSTER_"))}
    return clean | home | {"NO_COLOR": "1"}


def eventually(condition: Callable, what: str, seconds: float = HANG_GUARD_S):
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.25)


def processes_of(home: str) -> dict[int, str]:
    """Pid -> command line of everything that runs on this home."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environ = (entry / "environ").read_bytes()
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            if f"BUSTA_HOME={home}\0".encode() in environ and state != "Z":
                found[int(entry.name)] = (entry / "cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


@contextmanager
def up(environ: dict[str, str], *command: str) -> Iterator[subprocess.Popen]:
    """`busta up` in a process group of its own; what is left of it at the end is killed."""
    home = Path(environ["BUSTA_HOME"])
    argv = [*BUSTA, *(command or ("up",))]
    with (home.parent / "up.err").open("a") as err, (home.parent / "up.out").open("a") as out:
        process = subprocess.Popen(argv, env=environ, stdout=out, stderr=err, start_new_session=True)
        try:
            yield process
            process.send_signal(signal.SIGTERM)
            process.wait(HANG_GUARD_S)
        except BaseException:
            _print_logs(home)
            raise
        finally:
            kill_all(str(home))
            process.wait()


def _print_logs(home: Path) -> None:
    """pytest shows them beside a failure: what a machine that is far away did cannot be asked again."""
    for path in (home.parent / "up.out", home.parent / "up.err", *sorted(home.glob("logs/*.log"))):
        if path.is_file():  # a log that leads to /dev/full can be read for ever
            sys.stderr.write(f"--- {path.name}\n{path.read_text(errors='replace')[-4000:]}\n")


def kill_all(home: str) -> None:
    for pid in processes_of(home):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def running(environ: dict[str, str]) -> dict:
    """What `up` wrote down once everything answers."""
    path = Path(environ["BUSTA_HOME"]) / "up.json"
    return json.loads(eventually(lambda: path.exists() and path.read_text(), "up.json"))
