"""`busta up` watches the configuration: an accepted change reaches the code location and the web process."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from busta_health_dagster.cli.supervisor import Child
from busta_health_dagster.domain.errors import MissingSecret, StoreError, StoreMissing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from busta_health_dagster.cli.session import Session
    from busta_health_dagster.cli.supervisor import Supervisor
    from busta_health_dagster.pipeline.app.supervisor_failures import FailureBook

EVERY_S = 5.0
_COPY = "The copy of the configuration"


def config_watch(
    current: Session,
    notify: Callable[[str], None],
    failures: FailureBook,
    *,
    reload_code: Callable[[], None],
    renew_web: Callable[[], None],
) -> Callable[[], None]:
    """Reads the configuration every few seconds. An accepted one renews the web process, whose pages reconnect by
    themselves; a changed set of sources reloads the code location first.
    """
    from busta_health_dagster import bootstrap

    reloader = bootstrap.config_reloader(home=current.home, config_dir=current.config_dir, environ=current.environ)
    next_observation = 0.0
    said = ""

    def watch() -> None:
        nonlocal next_observation, said
        if time.monotonic() < next_observation:
            return
        next_observation = time.monotonic() + EVERY_S
        outcome = reloader.poll(time.time())
        if reloader.copy_problem is None:
            failures.works(_COPY)
        else:
            failures.failed(_COPY, reloader.copy_problem)
        if outcome.problem and outcome.problem != said:
            notify(f"configuration not accepted, the last good one stays:\n{outcome.problem}")
        said = outcome.problem or ""
        if not outcome.changed:
            return
        notify(f"configuration accepted ({outcome.config.sha[:7]}, {len(outcome.config.sources)} sources)")
        for sentence in _orphans(current):
            notify(sentence)
        (reload_code if outcome.sources_changed else renew_web)()

    return watch


def _orphans(current: Session) -> list[str]:
    """The open alerts that lose a channel under the configuration that has just been accepted."""
    from busta_health_dagster import bootstrap
    from busta_health_dagster.pipeline.views.doctor import orphaned_alerts

    try:
        with bootstrap.open_app(home=current.home, config_dir=current.config_dir, environ=current.environ) as app:
            return orphaned_alerts(app)
    except StoreMissing:
        return []
    except (StoreError, MissingSecret) as why:
        return [f"the open alerts could not be read, so no one can tell whether one loses a channel: {why}"]


def code_reload(
    supervisor: Supervisor, env: Mapping[str, str], host: str, port: int, then: Callable[[], None]
) -> Callable[[], None]:
    """Asks the code server to load again, in a process of its own: the children are watched meanwhile."""
    argv = [sys.executable, "-m", "busta_health_dagster.defs.reload", "--host", host, "--port", str(port)]

    def ended(code: int) -> None:
        if code == 0:
            supervisor.on_event("code location reloaded: the set of sources changed")
        then()

    child = Child("code-reload", argv, env, once=True, ended=ended)

    def reload_code() -> None:
        if child.process is None:
            supervisor.start(child)
        else:
            supervisor.restart(child)  # it may have read the files before this change

    return reload_code


def renewal(supervisor: Supervisor) -> Callable[[], None]:
    """Starts the web process again, which then reads the configuration that has been accepted."""

    def renew_web() -> None:
        for child in supervisor.children:
            if child.name == "web":
                supervisor.restart(child)

    return renew_web
