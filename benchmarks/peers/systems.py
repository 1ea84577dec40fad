"""Two monitors as their users start them: what they cost, and what they told a webhook."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.up_stories import BUSTA

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.live_night import Place

_TICKS = os.sysconf("SC_CLK_TCK")
_GROUP = "BUSTA_PEER"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class System:
    """Some processes that carry the mark of the system in their environment; `hook` is where it posts."""

    name = ""

    def __init__(self, base: Path, fleet: Place, hook: Place, sources: int) -> None:
        self.base, self.fleet, self.hook, self.sources = base, fleet, hook, sources
        self.began = time.time()
        base.mkdir()
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUSTA_", "DAGSTER_"))}
        self.environ = clean | {_GROUP: self.name, "NO_COLOR": "1"}
        self.configure()

    def configure(self) -> None:
        raise NotImplementedError

    def commands(self) -> Sequence[Sequence[str]]:
        raise NotImplementedError

    def posted_names(self, body: dict[str, object]) -> Iterator[str]:
        """The sources that a message says are down."""
        raise NotImplementedError

    @property
    def data(self) -> Path:
        raise NotImplementedError

    def start(self) -> None:
        for command in self.commands():
            with (self.base / "out.log").open("ab") as log:
                subprocess.Popen(
                    command, env=self.environ, stdout=log, stderr=log, start_new_session=True, cwd=self.base
                )

    def processes(self) -> list[int]:
        mark = f"{_GROUP}={self.name}\0".encode()
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and mark in (entry / "environ").read_bytes() + b"\0":
                    found.append(int(entry.name))
        return found

    def kill(self) -> None:
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        while self.processes():
            time.sleep(0.1)

    def cpu_s(self) -> float:
        """Of the living, and of their children that have ended."""
        total = 0
        for pid in self.processes():
            with contextlib.suppress(OSError):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                total += sum(int(value) for value in fields[11:15])
        return total / _TICKS

    def memory_mb(self) -> float:
        total = 0
        for pid in self.processes():
            with contextlib.suppress(OSError):
                lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return total / 1024

    def bytes_a_source_hour(self) -> float:
        size = sum(file.stat().st_size for file in self.data.rglob("*") if file.is_file())
        return size / self.sources / ((time.time() - self.began) / 3600)

    def told(self, name: str, since: float) -> float | None:
        """When a message first said that this source is down."""
        return next((at for at, _, body in self.hook.got if at >= since and name in self.posted_names(body)), None)

    def count(self, name: str) -> int:
        """Messages that say so, each key once: a message that is sent again after a kill carries the key of the first."""
        return len({key or str(at) for at, key, body in self.hook.got if name in self.posted_names(body)})


class Busta(System):
    name = "busta"

    def configure(self) -> None:
        config = self.base / "config"
        config.mkdir()
        lines = [
            f'  - {{name: s{n}, type: local, tier: 1, probe: http, url: "{self.fleet.url}/s{n}", allow_private: true, interval: 1m, '
            "timeout: 5s, confirm: 0}"
            for n in range(self.sources)
        ]
        (config / "sources.yaml").write_text("version: 1\nsources:\n" + "\n".join(lines) + "\n")
        (config / "alerts.yaml").write_text(
            f'version: 1\nchannels: [{{name: hook, kind: webhook, url: "{self.hook.url}", allow_private: true}}]\n'
            'rules: [{name: source-down, metric: status, op: "==", value: down, severity: warning}]\n'
            "escalations: [{name: default, steps: [{after: 0m, severity: warning, notify: [hook]}]}]\n"
            "routes: [{select: {}, escalation: default}]\n"
            "grouping: {by: [rule, source], wait: 0s, interval: 5s, provider: null}\n"
        )
        self.port = free_port()
        self.environ |= {"BUSTA_HOME": str(self.data), "BUSTA_CONFIG_DIR": str(config)}

    @property
    def data(self) -> Path:
        return self.base / "home"

    def commands(self) -> Sequence[Sequence[str]]:
        return ([*BUSTA, "up", "--port", str(self.port)],)

    def posted_names(self, body: dict[str, object]) -> Iterator[str]:
        if body["type"] in ("alert.opened", "alert.escalated", "alert.renotified"):
            yield body["data"]["source"]["name"]  # type: ignore[index]


class Prometheus(System):
    name = "Prometheus, blackbox_exporter, Alertmanager"

    def configure(self) -> None:
        self.port, self.manager, self.exporter = free_port(), free_port(), free_port()
        targets = "".join(f'          - "{self.fleet.url}/s{n}"\n' for n in range(self.sources))
        (self.base / "prometheus.yml").write_text(f"""\
global: {{scrape_interval: 1m, scrape_timeout: 5s, evaluation_interval: 15s}}
rule_files: [{self.base}/rules.yml]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:{self.manager}"]}}]}}]}}
scrape_configs:
  - job_name: fleet
    metrics_path: /probe
    params: {{module: [http_2xx]}}
    static_configs:
      - targets:
{targets}    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{source_labels: [__param_target], target_label: instance}}
      - {{target_label: __address__, replacement: "127.0.0.1:{self.exporter}"}}
""")
        (self.base / "rules.yml").write_text(
            "groups: [{name: fleet, rules: [{alert: source-down, expr: probe_success == 0}]}]\n"
        )
        (self.base / "alertmanager.yml").write_text(
            "route: {receiver: hook, group_by: [instance], group_wait: 0s, group_interval: 5s, repeat_interval: 4h}\n"
            f'receivers: [{{name: hook, webhook_configs: [{{url: "{self.hook.url}"}}]}}]\n'
        )
        (self.base / "blackbox.yml").write_text(
            "modules: {http_2xx: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4}}}\n"
        )

    @property
    def data(self) -> Path:
        return self.base / "data"

    def commands(self) -> Sequence[Sequence[str]]:
        base, data = self.base, self.data
        return (
            [
                shutil.which("prometheus-blackbox-exporter") or "",
                f"--config.file={base}/blackbox.yml",
                f"--web.listen-address=127.0.0.1:{self.exporter}",
            ],
            [
                shutil.which("prometheus-alertmanager") or "",
                f"--config.file={base}/alertmanager.yml",
                f"--storage.path={data}/alertmanager",
                f"--web.listen-address=127.0.0.1:{self.manager}",
                "--cluster.listen-address=",
            ],
            [
                shutil.which("prometheus") or "",
                f"--config.file={base}/prometheus.yml",
                f"--storage.tsdb.path={data}/prometheus",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
        )

    def posted_names(self, body: dict[str, object]) -> Iterator[str]:
        for alert in body["alerts"]:  # type: ignore[attr-defined]
            if alert["status"] == "firing":
                yield alert["labels"]["instance"].rpartition("/")[2]
