"""Outgrown SQLite: the store and Dagster's own storage live in one Postgres database, anyone who came first."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance

from busta_health_dagster import bootstrap
from busta_health_dagster.defs.build import build
from busta_health_dagster.settings.instance import instance_settings, write_instance
from busta_health_dagster.store import Store

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning"),
]


@pytest.fixture
def on_postgres(home: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The small fleet's home, with an empty database instead of its SQLite files."""
    monkeypatch.setenv("BUSTA_DATABASE_URL", postgres_url)
    return postgres_url


@pytest.mark.parametrize("first", ["the store", "Dagster"])
def test_a_tick_is_kept_by_both_in_one_database(home: Path, on_postgres: str, first: str) -> None:
    if first == "Dagster":
        content = instance_settings(postgres_env=bootstrap.DATABASE_URL, tick_retention_days=2, max_runtime_s=180)
        opened = bootstrap.open_app(home=None, config_dir=None, environ=os.environ, need_store=False)
        write_instance(opened.home, content)
        opened.close()
        with DagsterInstance.get() as instance:
            assert instance.get_runs_count() == 0
    bootstrap.prepare_home(home=None, config_dir=None, environ=os.environ)
    with DagsterInstance.get() as instance:
        result = build().resolve_job_def("health_tick").execute_in_process(instance=instance)
        assert result.success
        assert "Postgres" in type(instance.run_storage).__name__
        assert instance.get_runs_count() == 1
        assert instance.get_latest_materialization_event(AssetKey(["health", "fleet"])) is not None
    with Store(on_postgres) as store, store.read() as uow:
        assert uow.row_counts()["observation"] == 3
