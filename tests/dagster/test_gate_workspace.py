"""What is built from our sources in another code location: seen by the web process, in a real workspace."""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget
from gate_stories import Story

from busta_health_dagster import bootstrap
from busta_health_dagster.engines.data_version import data_version
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.pipeline.gate.stored_lineage import Lineage, built_from, put_lineage
from busta_health_dagster.web.workspace_lineage import note_workspace

pytestmark = pytest.mark.filterwarnings(
    "ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning", "ignore::DeprecationWarning"
)
ROOT = Path(__file__).parents[2]
THEIRS = """\
import dagster as dg


@dg.asset(key=["models", "spread"], deps=[dg.AssetKey(["sources", "scores"])])
def spread(): ...


@dg.asset(key=["bets", "slip"], deps=[spread])
def slip(): ...


place = dg.define_asset_job("place_bets", selection=dg.AssetSelection.assets(slip))
three = dg.ScheduleDefinition(
    name="three", job=place, cron_schedule="0 15 * * *", default_status=dg.DefaultScheduleStatus.RUNNING
)
stopped = dg.ScheduleDefinition(name="stopped", job=place, cron_schedule="* * * * *")
defs = dg.Definitions(assets=[spread, slip], jobs=[place], schedules=[three, stopped])
"""
WORKSPACE = """\
load_from:
  - python_module: {{module_name: busta_health_dagster.definitions, location_name: busta_health_dagster, working_directory: "{root}"}}
  - python_file: {{relative_path: theirs.py, location_name: betting}}
"""


def test_another_location_is_downstream_and_makes_every_version_of_the_data_count(story: Story, tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(THEIRS)
    workspace = tmp_path / "workspace.yaml"
    workspace.write_text(WORKSPACE.format(root=ROOT))
    story.observe(0)
    with (
        bootstrap.open_app() as app,
        WorkspaceProcessContext(story.instance, WorkspaceFileTarget([str(workspace)])) as process,
    ):
        note_workspace(app, process)
        assert Monitor(app, "test").source("scores")["hits"] == "2 assets, 1 job; next place_bets 15:00 UTC"
        missing = Monitor(app, "test").source("odds_api")["feeds_without_asset"]
        assert missing == ["models/moneyline"], "no location has it"
        with app.store.read() as uow:
            assert built_from(uow) == {"scores"}
            state = uow.states.get("scores")
        put_lineage(app, "renamed_since", Lineage({"odds_api": ("models/old",)}))
        note_workspace(app, process)
        with app.store.read() as uow:
            assert built_from(uow) == {"scores"}, "a location that is no longer configured is forgotten"
    process._grpc_server_registry.wait_for_processes()  # else they end by themselves, some tests later
    assert state is not None
    assert data_version(state)
