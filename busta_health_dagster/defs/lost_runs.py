"""Fails the runs of ours whose process has died: `python -m busta_health_dagster.defs.lost_runs --before EPOCH_SECONDS`.

Killed together with its code server, a run stays STARTED for Dagster, and holds up the queue of its job until its maximum
runtime has passed. `busta up` runs this at its start and after each death of a process that runs were in, `busta code-server` at
its start.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dagster import DagsterEventType, DagsterInstance
from dagster._core.storage.dagster_run import ACTIVE_RUN_STATUSES, RunRecord, RunsFilter
from dagster._core.storage.runs import SqliteRunStorage
from dagster._core.storage.tags import GRPC_INFO_TAG

from busta_health_dagster.settings.instance import HOST_TAG, JOB_TAG, LOCATION

if TYPE_CHECKING:
    from dagster import DagsterRun

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_CLOCK_SLACK_S = 2.0


def fail_lost_runs(instance: DagsterInstance, *, before: float) -> list[str]:
    """Fail the runs in flight that are ours, were in a process of this machine, and whose process is gone. One that has
    not said yet which process it is in counts as gone when nothing was heard of it since `before`. Returns their ids.
    """
    lost = []
    for record in instance.get_run_records(RunsFilter(statuses=ACTIVE_RUN_STATUSES)):
        run = record.dagster_run
        if JOB_TAG not in run.tags or not _was_here(instance, run) or not _is_gone(instance, record, before):
            continue
        instance.report_run_failed(run, "The process of this run has died; busta ended the run for it.")
        lost.append(run.run_id)
    return lost


def _was_here(instance: DagsterInstance, run: DagsterRun) -> bool:
    """Did it run on this machine, as far as anybody can tell? In a shared instance others may run the same jobs."""
    origin = run.remote_job_origin
    if origin is not None and origin.location_name != LOCATION:
        return False
    if isinstance(instance.run_storage, SqliteRunStorage):
        return True  # files of this home, which is locked for us
    if GRPC_INFO_TAG in run.tags:
        # By the machine's own name where the code server is a container of its own.
        return json.loads(run.tags[GRPC_INFO_TAG]).get("host") in {*_LOOPBACK, platform.node()}
    return run.tags.get(HOST_TAG) == platform.node()


def _is_gone(instance: DagsterInstance, record: RunRecord, before: float) -> bool:
    for entry in reversed(instance.all_logs(record.dagster_run.run_id, of_type=DagsterEventType.ENGINE_EVENT)):
        event = entry.dagster_event
        pid = event.engine_event_data.metadata.get("pid") if event is not None else None
        if pid is not None:
            return not _lives(int(str(pid.value)), entry.timestamp)
    return record.update_timestamp.timestamp() < before


def _lives(pid: int, at: float) -> bool:
    """Is this the process that was there at that time? Its number may belong to another one by now."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return False  # someone else's
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        lines = Path("/proc/stat").read_text(encoding="utf-8").splitlines()
        booted = next(int(line.split()[1]) for line in lines if line.startswith("btime "))
    except (OSError, IndexError, StopIteration):
        return True  # not Linux: the number has to do
    began = booted + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return fields[0] not in "ZX" and began <= at + _CLOCK_SLACK_S


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=float, required=True)
    args = parser.parse_args()
    with DagsterInstance.get() as instance:
        for run_id in fail_lost_runs(instance, before=args.before):
            sys.stdout.write(f"{run_id}: failed, its process has died\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
