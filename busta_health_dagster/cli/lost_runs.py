"""`busta up` ends the runs of processes that have died: Dagster would let them hold the queue for minutes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.cli.dagster_processes import lost_runs_argv
from busta_health_dagster.cli.supervisor import Child

if TYPE_CHECKING:
    from collections.abc import Mapping

    from busta_health_dagster.cli.supervisor import Supervisor

AGAIN_AFTER_S = 30.0
WHAT = "Failing the runs of dead processes"


@dataclass(slots=True, eq=False)
class LostRuns:
    """One search at a time, in a process of its own (Dagster is imported there); tried again where it fails."""

    supervisor: Supervisor
    env: Mapping[str, str]
    _child: Child | None = None
    _due: float | None = None

    @property
    def searching(self) -> bool:
        process = None if self._child is None else self._child.process
        return process is not None and process.poll() is None

    def observation(self) -> None:
        """Something has died, or we have just been started: search now, or when the search that is on has ended."""
        self._due = 0.0
        self.retry()

    def retry(self) -> None:
        """A task of the supervisor."""
        busy = self._child is not None and self._child.process is not None
        if self._due is None or busy or time.monotonic() < self._due:
            return
        self._due = None
        argv = lost_runs_argv()
        if self._child is None:
            self._child = Child("lost-runs", argv, self.env, once=True, ended=self._ended)
        self._child.argv = argv
        self.supervisor.start(self._child)

    def _ended(self, code: int) -> None:
        if code == 0:
            self.supervisor.failures.works(WHAT)
            return
        self.supervisor.failures.failed(WHAT, f"exit code {code}; see {self.supervisor.log_dir / 'lost-runs.log'}")
        self._due = time.monotonic() + AGAIN_AFTER_S
