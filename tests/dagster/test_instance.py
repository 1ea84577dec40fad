"""The Dagster instance that busta writes, and what of it is the operator's choice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from dagster import DagsterInstance

from busta_health_dagster import bootstrap
from busta_health_dagster.defs.build import build

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")

SETTINGS = """\
version: 1
limits: {shards: 6}
dagster: {run_launcher: {module: dagster._core.launcher.sync_in_memory_run_launcher, class: SyncInMemoryRunLauncher}}
"""


def test_the_run_launcher_is_the_operators_choice_and_every_shard_may_run_at_once(home: Path) -> None:
    config = Path(os.environ["BUSTA_CONFIG_DIR"])
    (config / "settings.yaml").write_text(SETTINGS)
    bootstrap.prepare_home(home=None, config_dir=None, environ=os.environ)
    with DagsterInstance.get() as instance:
        assert type(instance.run_launcher).__name__ == "SyncInMemoryRunLauncher"
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == 8


def test_nothing_else_of_the_instance_can_be_set(home: Path) -> None:
    config = Path(os.environ["BUSTA_CONFIG_DIR"])
    (config / "settings.yaml").write_text("version: 1\ndagster: {telemetry: {enabled: true}}\n")
    with bootstrap.open_app(environ=os.environ) as app:
        assert "Unknown key `telemetry`" in str(app.config_problem)


def test_a_run_prints_no_line_for_each_event(home: Path, capfd) -> None:
    with DagsterInstance.get() as instance:
        done = build().resolve_job_def("health_tick").execute_in_process(instance=instance)
        said = capfd.readouterr()
        assert " DEBUG " not in said.out + said.err
        assert any(entry.dagster_event for entry in instance.all_logs(done.run_id)), "all of it is in the run's own log"
