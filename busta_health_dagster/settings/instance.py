"""Dagster's instance file and workspace, written into the home. Facts and numbers behind each setting:
architecture.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from busta_health_dagster.settings.home import Home
    from busta_health_dagster.settings.settings_model import RunLauncher

LOCATION = "busta_health_dagster"
"""Name of our code location, and of the one repository in it: runs are labelled with both."""
REPOSITORY = "__repository__"
JOB_TAG = "busta/job"
"""One run at a time per value of it: an overlapping tick waits, and then skips what the first has done."""
HOST_TAG = "busta/host"
"""The machine of a run that no code server has started (`busta run`)."""
PAGE_BESIDE_DAGSTER = "BUSTA_PAGE_BESIDE_DAGSTER"
"""Set in everything that `busta up` starts: Dagster's UI and our page have one address, so that pictures and links without
a host lead somewhere.
"""
_HEADER = "# Written by busta at each start; change settings.yaml instead.\n"
_FILE = "dagster.yaml"


def instance_settings(
    *,
    postgres_env: str | None,
    tick_retention_days: int,
    max_runtime_s: int,
    max_runs: int = 4,
    run_launcher: RunLauncher | None = None,
) -> dict[str, Any]:
    """The content of dagster.yaml. `postgres_env` names the variable that holds a Postgres URL; None means SQLite
    files. Without a `run_launcher` Dagster's default starts runs on this machine.
    """
    settings: dict[str, Any] = {
        "telemetry": {"enabled": False},
        # A community dialog would cover a fresh UI.
        "nux": {"enabled": False},
        # A tick that hangs is ended, so that the next one is not held up for ever.
        "run_monitoring": {
            "enabled": True,
            "start_timeout_seconds": 120,
            "max_runtime_seconds": max_runtime_s,
            "poll_interval_seconds": 30,
        },
        # One run of each of our jobs at a time: an overlapping tick waits, then skips what the first has done.
        "concurrency": {
            "runs": {
                "max_concurrent_runs": max_runs,
                "tag_concurrency_limits": [{"key": JOB_TAG, "limit": 1, "value": {"applyLimitPerUniqueValue": True}}],
            }
        },
        "run_coordinator": {
            "module": "dagster._core.run_coordinator",
            "class": "QueuedRunCoordinator",
            "config": {"dequeue_interval_seconds": 1},
        },
        # Without threads one slow delivery holds up every other sensor (measured: 25 s).
        "sensors": {"use_threads": True, "num_workers": 4},
        "schedules": {"use_threads": True, "num_workers": 2},
        # Two sensors make 17,000 skipped ticks a day.
        "retention": {
            kind: {
                "purge_after_days": {
                    "skipped": 1,
                    "failure": tick_retention_days,
                    "success": tick_retention_days,
                    "started": tick_retention_days,
                }
            }
            for kind in ("schedule", "sensor")
        },
        # Every event of a run is in its own log; as a DEBUG line each they filled the output of the code server.
        "python_logs": {"python_log_level": "INFO"},
        # Standard output of a tick may hold what a source sent; events carry what a person needs.
        "compute_logs": {"module": "dagster._core.storage.noop_compute_log_manager", "class": "NoOpComputeLogManager"},
    }
    if postgres_env:
        settings["storage"] = {"postgres": {"postgres_url": {"env": postgres_env}}}
    if run_launcher:
        settings["run_launcher"] = run_launcher.model_dump(by_alias=True)
    return settings


def write_instance(home: Home, settings: Mapping[str, Any]) -> None:
    """Write `<home>/dagster/dagster.yaml` when it differs."""
    text = _HEADER + yaml.safe_dump(dict(settings), sort_keys=False)
    path = home.dagster / _FILE
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def written_by_us(directory: Path) -> bool:
    """Is the instance file of this DAGSTER_HOME one that busta wrote?"""
    path = directory / _FILE
    return path.is_file() and path.read_text(encoding="utf-8").startswith(_HEADER)


def write_workspace(home: Home, *, host: str, port: int) -> str:
    """Write `<home>/dagster/workspace.yaml` that points web and daemon at the one code server; returns its path."""
    entry = {"load_from": [{"grpc_server": {"host": host, "port": port, "location_name": LOCATION}}]}
    path = home.dagster / "workspace.yaml"
    path.write_text(yaml.safe_dump(entry, sort_keys=False), encoding="utf-8")
    return str(path)
