"""Runs whose process was killed are ended at once; one that lives, or that is someone else's, is left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.test_utils import create_run_for_test

from busta_health_dagster.defs.lost_runs import fail_lost_runs

HANGS = """\
import pathlib, time
import dagster as dg

@dg.op
def hang():
    pathlib.Path(%(note)r).touch()
    time.sleep(600)

@dg.job(tags=%(tags)r, executor_def=dg.in_process_executor)
def tick():
    hang()
"""


@pytest.fixture
def hanging(home: Path, tmp_path: Path):
    """-> start a run in a process of its own that hangs in its step; it returns once it is there."""
    started: list[subprocess.Popen] = []

    def start(name: str, tags: dict[str, str]) -> subprocess.Popen:
        note, module = tmp_path / f"{name}.there", tmp_path / f"{name}.py"
        module.write_text(HANGS % {"note": str(note), "tags": tags})
        argv = [sys.executable, "-m", "dagster", "job", "execute", "-f", str(module), "-j", "tick"]
        process = subprocess.Popen(argv, env=dict(os.environ), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        started.append(process)
        hang_guard = time.monotonic() + 120
        while not note.exists():
            assert process.poll() is None
            assert time.monotonic() < hang_guard
            time.sleep(0.05)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def states(instance: DagsterInstance) -> list[str]:
    return sorted(f"{r.tags.get('busta/job', 'theirs')} {r.status.value}" for r in instance.get_runs())


def test_a_killed_run_of_ours_is_failed_and_says_why(hanging, instance: DagsterInstance) -> None:
    dead = hanging("dead", {"busta/job": "health_tick"})
    hanging("alive", {"busta/job": "trends_daily"})
    foreign = hanging("foreign", {})
    for process in (dead, foreign):
        process.kill()
        process.wait()
    lost = fail_lost_runs(instance, before=time.time())
    assert states(instance) == ["health_tick FAILURE", "theirs STARTED", "trends_daily STARTED"]
    (event,) = [e.message for e in instance.all_logs(lost[0]) if "has died" in (e.message or "")]
    assert event == "The process of this run has died; busta ended the run for it."
    assert fail_lost_runs(instance, before=time.time()) == []


def test_a_run_that_has_not_said_where_it_is_counts_as_lost_when_it_is_older_than_the_death(
    instance: DagsterInstance,
) -> None:
    tags = {"busta/job": "health_tick"}
    create_run_for_test(instance, "health_tick", status=DagsterRunStatus.STARTING, tags=tags)
    assert fail_lost_runs(instance, before=time.time() - 3600) == [], "it was launched since: its process is on its way"
    assert len(fail_lost_runs(instance, before=time.time() + 5)) == 1
    assert states(instance) == ["health_tick FAILURE"]


def test_what_waits_in_the_queue_is_not_lost(instance: DagsterInstance) -> None:
    tags = {"busta/job": "health_tick"}
    code = GrpcServerCodeLocationOrigin(host="127.0.0.1", port=4000, location_name="busta_health_dagster")
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(code, "__repository__"), "health_tick")
    waiting = {"status": DagsterRunStatus.QUEUED, "tags": tags, "remote_job_origin": origin}
    create_run_for_test(instance, "health_tick", **waiting)
    assert fail_lost_runs(instance, before=time.time() + 5) == []


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("tags", "ours"),
    [
        ({}, False),
        ({"busta/host": "another-machine"}, False),
        ({".dagster/grpc_info": '{"host": "code.example.com", "port": 4000}'}, False),
        ({".dagster/grpc_info": '{"host": "127.0.0.1", "port": 4000}'}, True),
        ({".dagster/grpc_info": '{"host": "HERE", "port": 4000}'}, True),
        ({"busta/host": "HERE"}, True),
    ],
)
def test_in_a_database_that_others_share_only_runs_of_this_machine_are_judged(
    home: Path, tmp_path: Path, postgres_url: str, tags: dict[str, str], ours: bool
) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "dagster.yaml").write_text(f"storage: {{postgres: {{postgres_url: '{postgres_url}'}}}}\n")
    here = {k: v.replace("HERE", os.uname().nodename) for k, v in tags.items()}
    with DagsterInstance.from_config(str(folder)) as shared:
        wanted = here | {"busta/job": "health_tick"}
        create_run_for_test(shared, "health_tick", status=DagsterRunStatus.STARTED, tags=wanted)
        assert len(fail_lost_runs(shared, before=time.time() + 5)) == ours
