"""A host dies in the middle of a tick, and another one takes over on the same Postgres: code server, daemon and page each in a process
of its own as in deploy/docker, killed with SIGKILL, started elsewhere on another home. Nothing is sent twice.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import requests
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from busta_health_dagster.cli import ports
from tests.e2e.up_stories import BUSTA, eventually, kill_all
from tests.foreign.deployment import ALERTS, SOURCES, Odds

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.foreign, pytest.mark.postgres]


class Host:
    """One machine: a home, and the three processes on it, under the machine's name as the containers are."""

    def __init__(self, base: Path, name: str, environ: dict[str, str]) -> None:
        self.base, self.home = base, base / name
        self.environ = environ | {"BUSTA_HOME": str(self.home)}
        self.ports = {part: ports.free() for part in ("code", "web")}
        self.page = f"http://127.0.0.1:{self.ports['web']}"
        self.workspace = base / f"{name}.yaml"
        server = {"host": platform.node(), "port": self.ports["code"], "location_name": "busta_health_dagster"}
        self.workspace.write_text(json.dumps({"load_from": [{"grpc_server": server}]}))
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        self._run("code-server", "--host", "0.0.0.0", "--port", str(self.ports["code"]))
        eventually(lambda: ports.accepts("127.0.0.1", self.ports["code"]), "the code server serves")
        self._run("daemon", "--workspace", str(self.workspace))
        self._run("web", "--port", str(self.ports["web"]), "--workspace", str(self.workspace))
        eventually(lambda: ports.answers("127.0.0.1", self.ports["web"]), "the page answers")

    def die(self) -> None:
        """As a machine does that loses its power: everything at once."""
        kill_all(str(self.home))
        for process in self.processes:
            process.wait()

    def _run(self, *words: str) -> None:
        with (self.base / f"{self.home.name}-{words[0]}.log").open("a") as log:
            argv = [*BUSTA, *words]
            self.processes.append(
                subprocess.Popen(argv, env=self.environ, stdout=log, stderr=log, start_new_session=True)
            )


@contextmanager
def host(base: Path, name: str, environ: dict[str, str]) -> Iterator[Host]:
    machine = Host(base, name, environ)
    try:
        machine.start()
        yield machine
    finally:
        machine.die()


def sent(base: Path) -> list[tuple[str, str]]:
    """(kind, key) of every message that has left."""
    path = base / "notifications.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [(line["type"], line["key"]) for line in map(json.loads, lines)]


def test_a_host_that_dies_in_a_tick_is_replaced_by_another_and_no_message_is_sent_twice(
    tmp_path: Path, postgres_url: str
) -> None:
    odds = Odds()
    config = tmp_path / "config"
    config.mkdir()
    (config / "sources.yaml").write_text(SOURCES % odds.server.server_address[1])
    (config / "alerts.yaml").write_text(ALERTS % tmp_path)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUSTA_", "DAGSTER_"))}
    environ = clean | {"BUSTA_CONFIG_DIR": str(config), "BUSTA_DATABASE_URL": postgres_url, "PYTHONWARNINGS": "ignore"}
    odds.down = True
    with host(tmp_path, "first", environ) as first:
        eventually(lambda: sent(tmp_path), "someone is notified of the outage")
        with instance_of(first) as instance:
            died = eventually(lambda: ticks(instance, DagsterRunStatus.STARTED), "a tick is under way")
            first.die()
            assert died
    began = time.time()
    with host(tmp_path, "second", environ) as second, instance_of(second) as instance:
        assert ticks(instance, DagsterRunStatus.STARTED) == [], "the run that died with the first host holds nothing up"
        eventually(lambda: any(run.end_time > began for run in successes(instance)), "the second host observes")
        assert [kind for kind, _ in sent(tmp_path)] == ["alert.opened"]
        odds.down = False
        odds.new_prices()
        eventually(lambda: len(sent(tmp_path)) > 1, "everyone hears of the end")
        assert [kind for kind, _ in sent(tmp_path)] == ["alert.opened", "alert.resolved"]
        assert requests.get(f"{second.page}/api/v1/alerts?state=open", timeout=60).json()["items"] == []
    odds.close()


@contextmanager
def instance_of(machine: Host) -> Iterator[DagsterInstance]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BUSTA_DATABASE_URL", machine.environ["BUSTA_DATABASE_URL"])
        with DagsterInstance.from_config(str(machine.home / "dagster")) as instance:
            yield instance


def ticks(instance: DagsterInstance, status: DagsterRunStatus) -> list[str]:
    found = instance.get_run_records(RunsFilter(job_name="health_tick", statuses=[status]))
    return [record.dagster_run.run_id for record in found]


def successes(instance: DagsterInstance) -> list:
    return list(instance.get_run_records(RunsFilter(job_name="health_tick", statuses=[DagsterRunStatus.SUCCESS])))
