"""A night as it is: a real `busta up` at one-minute intervals, sources that fail, processes that are killed, receivers that are out.

    make live-night MINUTES=60          python -m benchmarks.live_night --minutes 60 [--seed 1] [--keep]

At the end everything is let well again, and the ledger is drawn from what the receivers got and what the store says: each event told
once to each reader (a message that was sent again after a kill carries the key of the first: a reader counts it once), and none after
its end.
"""

from __future__ import annotations

import argparse
import contextlib
import json
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
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from busta_health_dagster import bootstrap  # noqa: E402
from busta_health_dagster.domain.alert import AlertState  # noqa: E402
from busta_health_dagster.domain.self_monitoring import OVERLOADED  # noqa: E402
from tests.e2e.up_stories import BUSTA, kill_all, processes_of  # noqa: E402

SOURCES = ("odds", "scores", "stats", "injuries", "weather", "news")
READERS = ("chat", "pager")
FIRES = {"alert.opened", "alert.escalated", "alert.renotified", "alert.flapping_started"}
BEGINS = {"alert.opened", "alert.flapping_started"}
QUIET_S = 300
"""After the night: time to resolve, and to deliver what waited."""

ALERTS = """\
version: 1
channels:
  - {{name: chat, kind: webhook, url: "{chat}", allow_private: true}}
  - {{name: pager, kind: webhook, url: "{pager}", allow_private: true}}
rules:
  - {{name: source-down, metric: status, op: "==", value: down, severity: warning}}
  - {{name: no-data, pattern: no_data, intervals: 3, severity: warning}}
escalations:
  - name: default
    steps:
      - {{after: 0m, severity: warning, notify: [chat]}}
      - {{after: 3m, severity: critical, notify: [chat, pager]}}
    repeat: 10m
routes: [{{select: {{}}, escalation: default}}]
grouping: {{by: [rule, source], wait: 0s, interval: 5s, provider: null}}
"""


@dataclass
class Place:
    """A local server: the sources, or one reader. `out` are paths that answer 503; `got` what was posted, with its instant."""

    out: set[str] = field(default_factory=set)
    got: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)
    url: str = ""

    @contextlib.contextmanager
    def serving(self):
        place = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(503 if self.path.strip("/") in place.out else 200, b'{"items": [1, 2]}')

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                if place.out:
                    self._answer(503, b"out")
                    return
                place.got.append((time.time(), self.headers["webhook-id"], json.loads(body)))
                self._answer(200, b"ok")

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                """Quiet."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A client that was killed is part of the night."""

        with Server(("127.0.0.1", 0), Handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            self.url = f"http://127.0.0.1:{server.server_address[1]}"
            yield self
            server.shutdown()


class Night:
    """The monitor and what befalls it."""

    def __init__(self, base: Path, rng: random.Random, sources: Place, readers: dict[str, Place]) -> None:
        self.base, self.rng, self.sources, self.readers = base, rng, sources, readers
        self.config = config = base / "config"
        config.mkdir()
        lines = [
            f'  - {{name: {name}, type: local, tier: 1, probe: http, url: "{sources.url}/{name}", allow_private: true, '
            "interval: 1m, timeout: 5s, confirm: 0}"
            for name in SOURCES
        ]
        (config / "sources.yaml").write_text("version: 1\nsources:\n" + "\n".join(lines) + "\n")
        (config / "alerts.yaml").write_text(ALERTS.format(**{name: place.url for name, place in readers.items()}))
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUSTA_", "DAGSTER_"))}
        self.environ = clean | {"BUSTA_HOME": str(base / "home"), "BUSTA_CONFIG_DIR": str(config), "NO_COLOR": "1"}
        self.counts: Counter[str] = Counter()
        self.monitor: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with (self.base / "up.log").open("ab") as log:
            self.monitor = subprocess.Popen(
                [*BUSTA, "up", "--port", str(port)], env=self.environ, stdout=log, stderr=log, start_new_session=True
            )

    def live(self, seconds: float) -> None:
        """Every few seconds something may happen."""
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            time.sleep(5)
            self.step()

    def step(self) -> None:
        for name in SOURCES:
            down = name in self.sources.out
            if self.rng.random() < (1 / 30 if down else 1 / 60):
                self.turn(name, down=not down)
        for place in self.readers.values():
            if self.rng.random() < (1 / 12 if place.out else 1 / 40):
                self.counts["readers back" if place.out else "readers out"] += 1
                place.out = set() if place.out else {"all"}
        if self.rng.random() < 1 / 18:
            self.kill()
        self.keep_up()

    def keep_up(self) -> None:
        """Start it again when it has gone, as a service manager would."""
        if self.monitor is not None and self.monitor.poll() is not None:
            kill_all(self.environ["BUSTA_HOME"])  # what it left behind
            self.counts["started again"] += 1
            self.start()

    def turn(self, name: str, *, down: bool) -> None:
        """A source fails, or answers again."""
        (self.sources.out.add if down else self.sources.out.discard)(name)
        self.counts["sources failed" if down else "sources recovered"] += 1

    def wrong(self) -> list[str]:
        """What else the ledger finds wrong, for nights of another kind."""
        return []

    def kill(self) -> None:
        """One of its processes; the monitor itself more seldom."""
        found = sorted(processes_of(self.environ["BUSTA_HOME"]))
        assert self.monitor is not None
        others = [pid for pid in found if pid != self.monitor.pid]
        victim = self.monitor.pid if not others or self.rng.random() < 0.15 else self.rng.choice(others)
        with contextlib.suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
            self.counts["monitor killed" if victim == self.monitor.pid else "processes killed"] += 1

    def let_well(self) -> None:
        """Everything answers again; wait until nothing is open and nothing waits to be sent."""
        for name in sorted(self.sources.out):
            self.turn(name, down=False)
        for place in self.readers.values():
            place.out = set()
        ends = time.monotonic() + QUIET_S
        while time.monotonic() < ends:
            time.sleep(5)
            self.keep_up()
            with bootstrap.open_app(environ=self.environ) as app, app.store.read() as uow:
                if not uow.alerts.open() and not uow.outbox.list("waiting", "sending", limit=1):
                    return

    def stop(self) -> None:
        if self.monitor is not None:
            self.monitor.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.monitor.wait(60)
        kill_all(self.environ["BUSTA_HOME"])

    def leave(self) -> None:
        """Give back what the home stood on."""


def ledger(environ: dict[str, str], readers: dict[str, Place]) -> tuple[list[str], dict[str, int]]:
    """What is wrong, in sentences, and what was counted."""
    wrong: list[str] = []
    with bootstrap.open_app(environ=environ) as app, app.store.read() as uow:
        rows = uow.outbox.list("waiting", "sending", "done", "dead", "dropped", limit=100_000)
        alerts = uow.alerts.list(limit=100_000)
    open_ = [a for a in alerts if a.state is AlertState.OPEN]
    # Flapping ends when it is steady, overload after twelve slots that were kept: both take longer than the quiet at the end.
    unsteady = {a.id for a in open_ if a.flapping or a.rule == OVERLOADED.name}
    counts = {"alerts": len(alerts), "still flapping or overloaded": len(unsteady), "messages in the outbox": len(rows)}
    wrong += [f"still open: {a.fingerprint}" for a in open_ if a.id not in unsteady]
    wrong += [
        f"{r.message.channel}: {r.message.kind} of {r.message.thread} is {r.state}: {r.reason}"
        for r in rows
        if r.state in {"waiting", "sending"}
    ]
    for reader, place in readers.items():
        keys = Counter(key for _, key, _ in place.got)
        counts[f"{reader}: got"] = len(place.got)
        counts[f"{reader}: sent again with its key"] = sum(n - 1 for n in keys.values())
        sent = {
            r.message.key
            for r in rows
            if r.message.channel == reader and r.state == "done" and not r.reason.startswith("not sent")
        }
        wrong += [f"{reader}: the store says {key} was sent, and it never came" for key in sorted(sent - keys.keys())]
        # Begun again while this reader was out: the message of that is told by the newer one that followed it.
        merged = {
            key
            for r in rows
            if r.message.channel == reader and r.state == "dropped" and r.message.kind == "opened"
            for key in r.message.alert_ids
        }
        wrong += twice_or_late(reader, place, unsteady, merged)
    return wrong, counts


def twice_or_late(reader: str, place: Place, unsteady: set[int | None], merged: set[int]) -> list[str]:
    """Of each alert in the order in which it came: one opening, and nothing that fires after the end until it reopens. Of those
    that are `unsteady` the end is still to come; of those in `merged` a reopening came inside another message.
    """
    wrong, seen = [], set()
    standing: dict[int, str] = {}
    events: dict[tuple[int, str, str], list[str]] = defaultdict(list)
    for _, key, body in place.got:
        if key in seen:
            continue
        seen.add(key)
        alert = (body["data"] or {}).get("alert")
        if alert is None:
            continue
        kind, number = body["type"], alert["id"]
        events[number, kind, body["timestamp"]].append(key)
        before = standing.get(number, "")
        if kind == "alert.resolved":
            if before != "fires":
                wrong.append(
                    f"{reader}: alert {number} ({alert['fingerprint']}) ended, and it was {before or 'never told'}"
                )
            standing[number] = "over"
        elif kind in FIRES:
            if kind == "alert.opened" and before == "fires":
                wrong.append(f"{reader}: alert {number} ({alert['fingerprint']}) opened twice")
            again = kind in BEGINS  # what begins again and flaps by that is one message
            if not again and before == "over" and number not in merged:
                wrong.append(f"{reader}: alert {number} ({alert['fingerprint']}) {kind} after its end")
            standing[number] = "fires"
    wrong += [f"{reader}: {what} told {len(keys)} times" for what, keys in events.items() if len(keys) > 1]
    wrong += [
        f"{reader}: alert {n} was told, and its end was not"
        for n, state in standing.items()
        if state == "fires" and n not in unsteady
    ]
    return wrong


def main(kind: type[Night] = Night, about: str | None = __doc__) -> int:
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", action="store_true", help="Leave the home for a look.")
    chosen = parser.parse_args()
    base = Path(tempfile.mkdtemp(prefix="busta-night-"))
    readers = {name: Place() for name in READERS}
    with contextlib.ExitStack() as stack:
        sources = stack.enter_context(Place().serving())
        for place in readers.values():
            stack.enter_context(place.serving())
        night = kind(base, random.Random(chosen.seed), sources, readers)
        try:
            night.start()
            night.live(60 * chosen.minutes)
            night.let_well()
        finally:
            night.stop()
        wrong, counts = ledger(night.environ, readers)
        wrong += night.wrong()
    (base / "got.json").write_text(json.dumps({name: place.got for name, place in readers.items()}, indent=1))
    for name, number in {**night.counts, **counts}.items():
        print(f"{number:6} {name}")
    for sentence in wrong:
        print(f"  WRONG {sentence}")
    print(f"{len(wrong)} wrong in {chosen.minutes:g} minutes")
    if chosen.keep or wrong:
        print(f"see {base}")
    else:
        night.leave()
        shutil.rmtree(base)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
