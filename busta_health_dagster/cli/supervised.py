"""What `busta up`, `busta demo` and `busta web` stand on: one home that is locked, one port, one supervisor, one end."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster import __version__
from busta_health_dagster.cli import ports
from busta_health_dagster.cli.session import err_console
from busta_health_dagster.cli.starting import end_left_over
from busta_health_dagster.cli.supervisor import Stopped, Supervisor
from busta_health_dagster.domain.clock import SystemClock
from busta_health_dagster.domain.errors import BadInput, ConfigError
from busta_health_dagster.pipeline.app.supervisor_failures import FailureBook
from busta_health_dagster.settings.home import DEFAULT_HOME, PRIVATE_UMASK, InstanceLock
from busta_health_dagster.settings.settings_model import Web

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from busta_health_dagster.cli.session import Session
    from busta_health_dagster.settings.home import Home


@dataclass(frozen=True, slots=True)
class Stage:
    """`notify(text)` writes a line with the time to stderr; the listener is handed on to the web process."""

    home: Home
    supervisor: Supervisor
    failures: FailureBook
    host: str
    listener: socket.socket
    notify: Callable[[str], None]


def announce(current: Session) -> None:
    """Say at once what begins; what follows takes seconds to load."""
    home = current.home or current.environ.get("BUSTA_HOME") or DEFAULT_HOME
    err_console().print(f"busta {__version__} starts in {home}", markup=False, soft_wrap=True)


def _web(current: Session) -> Web:
    """`web:` of settings.yaml, or of its last good copy. Without either the defaults: what comes next says what is wrong."""
    from busta_health_dagster import bootstrap

    try:
        return bootstrap.config_reloader(
            home=current.home, config_dir=current.config_dir, environ=current.environ, keep=False
        ).config.settings.web
    except (ConfigError, BadInput):  # the demo's is not written yet
        return Web()


@contextmanager
def supervised(current: Session, *, host: str | None, port: int | None) -> Iterator[Stage]:
    """Everything that must be there before the first child, and is gone after the last one, however this ends. Without
    `host` and `port` it serves where settings.yaml says.

    Raises:
        AlreadyRunning: another busta runs on this home.
        PortInUse: the port cannot be had.
    """
    from busta_health_dagster import bootstrap

    os.umask(PRIVATE_UMASK)
    log = err_console()
    home = bootstrap.find_home(home=current.home, environ=current.environ).ensure()
    lock = InstanceLock(home)
    lock.acquire()

    def notify(text: str) -> None:
        log.print(f"{time.strftime('%H:%M:%S', time.gmtime())} {text}", markup=False, soft_wrap=True)

    if left_over := end_left_over(home):
        notify(f"an earlier busta was killed and left {', '.join(left_over)} running: ended")
    web = _web(current)
    address = web.host if host is None else host
    listener = ports.listen(address, port, default=web.port)  # after their end: links of messages lead to that port
    clock = SystemClock()
    failures = FailureBook(home.supervisor_failures, clock, notify)
    failures.clear()
    supervisor = Supervisor(log_dir=home.logs, clock=clock, on_event=notify, failures=failures)
    supervisor.leaving = lambda: home.processes.unlink(missing_ok=True)
    supervisor.install_signals()
    try:
        yield Stage(home, supervisor, failures, address, listener, notify)
        notify("stopped")
    except Stopped:
        notify("stopped while it was being prepared")
    finally:
        supervisor.shutdown()
        failures.clear()
        home.processes.unlink(missing_ok=True)
        listener.close()
        lock.release()
