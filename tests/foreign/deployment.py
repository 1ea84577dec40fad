"""A Dagster deployment as another team runs it: Postgres, two code servers, daemon, webserver; and `busta web` beside it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
import requests
from dagster import AssetKey, DagsterInstance, DagsterRunStatus
from dagster_graphql import DagsterGraphQLClient

from busta_health_dagster.cli import ports
from tests.e2e.up_stories import BUSTA, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT = Path(__file__).parent / "project"
MODEL = AssetKey(["models", "moneyline"])
PNL = AssetKey(["reports", "pnl"])
SOURCES = """\
version: 1
sources:
  - name: odds_api
    type: odds
    probe: http
    url: http://127.0.0.1:%d/odds
    allow_private: true
    interval: 1m
    timeout: 10s
    confirm: 0
    items: $.games[*]
    data_age: {path: "$.games[*].updated"}
    feeds: [models/moneyline]
"""
ALERTS = """\
version: 1
rules:
  - {name: source-down, metric: status, op: "==", value: down, severity: critical}
channels:
  - {name: log, kind: file, path: "%s/notifications.jsonl"}
escalations:
  - {name: default, steps: [{after: 0m, severity: critical, notify: [log]}]}
routes:
  - {select: {}, escalation: default}
"""


class Odds:
    """The provider: prices of now, or 503."""

    def __init__(self) -> None:
        self.down, self.updated = False, time.time()
        odds = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps({"games": [{"id": 1, "updated": odds.updated}]}).encode()
                self.send_response(503 if odds.down else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def new_prices(self) -> None:
        self.updated = time.time()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Deployment:
    """Their processes by name, their instance, and what happened in it."""

    def __init__(self, base: Path, postgres_url: str, odds: Odds) -> None:
        self.base, self.odds = base, odds
        self.home, config, dagster_home = base / "busta", base / "config", base / "dagster"
        for folder in (config, dagster_home):
            folder.mkdir()
        (config / "sources.yaml").write_text(SOURCES % odds.server.server_address[1])
        (config / "alerts.yaml").write_text(ALERTS % base)
        shutil.copy(PROJECT / "dagster.yaml", dagster_home)
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUSTA_", "DAGSTER_"))}
        self.environ = clean | {
            "DAGSTER_HOME": str(dagster_home),
            "THEIR_POSTGRES_URL": postgres_url,
            "BUSTA_HOME": str(self.home),
            "BUSTA_CONFIG_DIR": str(config),
            "BUSTA_DATABASE_URL": postgres_url,
            "PYTHONWARNINGS": "ignore",
            "NO_COLOR": "1",
        }
        self.ports = {name: ports.free() for name in ("betting", "webserver", "page")}
        self.workspace = base / "workspace.yaml"
        self.workspace.write_text(
            "load_from:\n"
            f"  - grpc_server: {{host: 127.0.0.1, port: {self.ports['betting']}, location_name: betting}}\n"
            f"  - python_file: {{relative_path: {PROJECT / 'research.py'}, location_name: research}}\n"
        )
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.page = f"http://127.0.0.1:{self.ports['page']}"

    def start(self, name: str) -> None:
        dagster = [sys.executable, "-m", "dagster"]
        there = ["-h", "127.0.0.1", "-p", str(self.ports.get(name, 0))]
        argv = {
            "betting": [*dagster, "code-server", "start", "-f", str(PROJECT / "betting.py"), *there],
            "daemon": [sys.executable, "-m", "dagster._daemon", "run", "-w", str(self.workspace)],
            "webserver": [sys.executable, "-m", "dagster_webserver", "-w", str(self.workspace), *there],
            "page": [*BUSTA, "web", "--no-dagster", "--port", there[-1]],
        }[name]
        with (self.base / f"{name}.log").open("a") as log:
            self.processes[name] = subprocess.Popen(
                argv, env=self.environ, cwd=PROJECT, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, name: str) -> None:
        """With everything that it started, which a container's end would take too."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def busta(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*BUSTA, *words], env=self.environ, check=False, capture_output=True, text=True)

    def submit(self, job: str, location: str, **more: Any) -> str:
        client = DagsterGraphQLClient("127.0.0.1", port_number=self.ports["webserver"])
        return client.submit_job_execution(job, location, "__repository__", **more)

    def gate(self) -> dict[str, Any]:
        return requests.get(f"{self.page}/api/v1/gate", params={"sources": "odds_api"}, timeout=60).json()

    def log(self) -> None:
        for path in sorted(self.base.glob("*.log")):
            sys.stderr.write(f"--- {path.name}\n{path.read_text(errors='replace')[-6000:]}\n")


class Happened:
    """What the instance remembers."""

    def __init__(self, instance: DagsterInstance) -> None:
        self.instance = instance

    def runs(self, job: str) -> list[dg.DagsterRun]:
        """Newest first."""
        return list(self.instance.get_runs(dg.RunsFilter(job_name=job)))

    def bets(self) -> list[dg.DagsterRun]:
        """Those that the gated sensor started, newest first."""
        return [run for run in self.runs("place_bets") if "busta/slot" in run.tags]

    def models(self) -> int:
        return len(self.instance.fetch_materializations(MODEL, limit=100).records)

    def ended(self, run_id: str) -> DagsterRunStatus | None:
        run = self.instance.get_run_by_id(run_id)
        return run.status if run is not None and run.is_finished else None

    def said(self, sensor: str) -> str:
        """The reason of the newest tick that skipped."""
        for state in self.instance.all_instigator_state():
            if state.instigator_name == sensor:
                ticks = self.instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
                return (ticks[0].skip_reason or "") if ticks else ""
        return ""


@contextmanager
def deployment(base: Path, postgres_url: str) -> Iterator[tuple[Deployment, Happened]]:
    odds = Odds()
    made = Deployment(base, postgres_url, odds)
    try:
        made.start("betting")
        eventually(lambda: ports.accepts("127.0.0.1", made.ports["betting"]), "their code server loads")
        for name in ("webserver", "daemon", "page"):
            made.start(name)
        eventually(lambda: ports.answers("127.0.0.1", made.ports["webserver"]), "their webserver answers")
        os.environ["THEIR_POSTGRES_URL"] = postgres_url
        with DagsterInstance.from_config(made.environ["DAGSTER_HOME"]) as instance:
            yield made, Happened(instance)
    except BaseException:
        made.log()
        raise
    finally:
        os.environ.pop("THEIR_POSTGRES_URL", None)
        for name in list(made.processes):
            made.kill(name)
        odds.close()
