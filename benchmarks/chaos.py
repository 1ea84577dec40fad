"""Everything at once: what a live night has, and besides stopped processes, a locked store, a full disk, a clock that jumps, files
that are edited and broken, on a real `busta up` at one-minute intervals.

    make chaos MINUTES=20               python -m benchmarks.chaos --minutes 20 [--seed 1] [--keep]

The ledger of the night at the end, and besides: every minute of every source was observed or one of the faults explains why not, no
observation says other than its source was, no process was restarted for hanging that we had not stopped. What this machine cannot do
(no root for a small disk, no libfaketime) is left out, and said.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

from benchmarks.chaos_ledger import Disturbance, Truth, unexplained
from benchmarks.live_night import SOURCES, Night, Place, main
from busta_health_dagster import bootstrap
from busta_health_dagster.domain.alert import AlertState
from tests.e2e.up_stories import processes_of
from tests.faults.shifted_clock import ShiftedClock

DISK_MB = 400
STARTS_IN_PEACE = 0.95
RECOVERS_IN_S = {"killed": 120.0, "stopped": 200.0, "locked": 120.0, "disk full": 150.0, "clock": 150.0, "edited": 90.0}
"""After the end of each fault: to start again and to tick again, on a machine that is busy with the other faults."""
AHEAD_S = 30.0


class Chaos(Night):
    def __init__(self, base: Path, rng: random.Random, sources: Place, readers: dict[str, Place]) -> None:
        super().__init__(base, rng, sources, readers)
        self.home = base / "home"
        self.home.mkdir()
        self.disk = self._small_disk()
        self.clock = ShiftedClock(base / "clock")
        self.environ |= self.clock.environ()
        self.truth = {name: Truth() for name in SOURCES}
        self.disturbances: list[Disturbance] = []
        self.began = self.ended = time.time()
        self.threads: list[threading.Thread] = []
        self.whole = (self.config / "sources.yaml").read_text()
        if not self.disk:
            self.counts["left out, for want of root: a full disk"] = 1

    def turn(self, name: str, *, down: bool) -> None:
        super().turn(name, down=down)
        self.truth[name].turned.append((time.time(), down))

    def kill(self) -> None:
        self.disturb("killed", 0)
        super().kill()

    def keep_up(self) -> None:
        if self.monitor is not None and self.monitor.poll() is not None:
            self.disturb("killed", 60)
        super().keep_up()

    def disturb(self, what: str, seconds: float) -> None:
        now = time.time()
        self.disturbances.append(Disturbance(what, now, now + seconds + RECOVERS_IN_S[what]))

    def step(self) -> None:
        if not (self.home / "up.json").exists() and self.rng.random() < STARTS_IN_PEACE:
            self.keep_up()  # one that never gets to its first tick shows nothing
            return
        super().step()
        befalls = [(self._stop_one, 1 / 36), (self._lock, 1 / 24), (self._edit, 1 / 24), (self._jump, 1 / 60)]
        befalls += [(self._fill, 1 / 60)] if self.disk else []
        for what, chance in befalls:
            if self.rng.random() < chance:
                what()

    def stop(self) -> None:
        self.ended = time.time()
        super().stop()

    def let_well(self) -> None:
        for thread in self.threads:
            thread.join()
        self._write(self.whole)
        super().let_well()

    def leave(self) -> None:
        if self.disk:
            subprocess.run(["umount", str(self.home)], check=True)

    def wrong(self) -> list[str]:
        with bootstrap.open_app(environ=self.environ) as app, app.store.read() as uow:
            seen = uow.observations.window(list(SOURCES), 0, int(time.time() + self.clock.ahead_s) + 60)
            alerts = uow.alerts.list(limit=100_000)
        found, counts = unexplained(seen, self.truth, self.disturbances, self.began, self.clock.jumps, self.ended)
        self.counts |= counts
        said = (self.base / "up.log").read_text(errors="replace")
        self.counts["named as hanging"] = named = said.count("no sign of life")
        if named > self.counts["processes stopped"]:
            found.append(
                f"{named} processes were restarted for hanging, {self.counts['processes stopped']} were stopped"
            )
        if "Traceback" in said:
            found.append("a traceback in the output of busta up")
        found += [f"still open: {a.fingerprint}" for a in alerts if a.source == "guest" and a.state is AlertState.OPEN]
        return found

    def _small_disk(self) -> bool:
        if os.geteuid() != 0 or shutil.which("mount") is None:
            return False
        size = ["-o", f"size={DISK_MB}m", "tmpfs"]
        return subprocess.run(["mount", "-t", "tmpfs", *size, str(self.home)], check=False).returncode == 0

    def _stop_one(self) -> None:
        """SIGSTOP to one of the three that busta up keeps, or to the process that the code server works through."""
        with contextlib.suppress(OSError, ValueError, LookupError):  # it is just being started
            pids = json.loads((self.home / "up.json").read_text())["pids"]
            name, pid = self.rng.choice(sorted(pids.items()))
            if name == "code-server" and self.rng.random() < 0.5:
                pid = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
            if pid in processes_of(str(self.home)):
                self.disturb("stopped", 0)
                os.kill(pid, signal.SIGSTOP)
                self.counts["processes stopped"] += 1

    def _lock(self) -> None:
        seconds = self.rng.choice((2.0, 8.0, 25.0))
        self.disturb("locked", seconds)
        self.counts["lock storms"] += 1

        def hold() -> None:
            ends = time.monotonic() + seconds
            with (
                contextlib.suppress(sqlite3.OperationalError),
                contextlib.closing(
                    sqlite3.connect(self.home / "busta.sqlite3", timeout=10, isolation_level=None)
                ) as store,
            ):
                store.execute("BEGIN IMMEDIATE")
                time.sleep(max(0.0, ends - time.monotonic()))
                store.execute("ROLLBACK")

        self._beside(hold)

    def _fill(self) -> None:
        seconds = self.rng.choice((20.0, 60.0))
        self.disturb("disk full", seconds)
        self.counts["full disks"] += 1
        ballast = self.home / "ballast"

        def fill() -> None:
            with ballast.open("wb") as file, contextlib.suppress(OSError):
                while True:
                    file.write(bytes(1 << 16))
                    file.flush()
            time.sleep(seconds)
            ballast.unlink()

        self._beside(fill)

    def _jump(self) -> None:
        """Ahead and back again: until the clock is there once more nothing is observed. An hour is tests/faults/test_clock_jumps.py."""
        by = self.rng.choice((120.0, 180.0))
        self.disturb("clock", AHEAD_S + by)
        self.counts["clock jumps"] += 2

        def ahead_and_back() -> None:
            self.clock.jump(by)
            time.sleep(AHEAD_S)
            self.clock.jump(-by)

        self._beside(ahead_and_back)

    def _edit(self) -> None:
        """One source more, one less, or half a file; the next edit mends it."""
        self.disturb("edited", 0)
        self.counts["edits"] += 1
        *lines, last = self.whole.splitlines(keepends=True)  # one that is taken from the end looks like half a file
        more = "".join([*lines, last.replace(SOURCES[-1], "guest"), last])
        self._write(self.rng.choice((self.whole, more, self.whole[: len(self.whole) // 2])))

    def _write(self, text: str) -> None:
        fresh = self.config / "sources.new"
        fresh.write_text(text)
        fresh.replace(self.config / "sources.yaml")

    def _beside(self, do) -> None:
        thread = threading.Thread(target=do, daemon=True)
        thread.start()
        self.threads.append(thread)


if __name__ == "__main__":
    sys.exit(main(Chaos, __doc__))
