"""Foreign failures in an instance on Postgres that someone else set up: each kind of stream once."""

from __future__ import annotations

import time
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster import AssetKey, DagsterInstance
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange
from dagster._daemon.types import DaemonHeartbeat
from foreign_stories import MODELS, RULES, Foreign, place_bets

from busta_health_dagster import bootstrap
from busta_health_dagster.defs import app_cache
from busta_health_dagster.defs.build import build
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.testing import FakeClock

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning"),
]


def test_every_kind_is_read_from_postgres(home: Path, tmp_path: Path, postgres_url: str, monkeypatch) -> None:
    folder = tmp_path / "their_dagster"
    folder.mkdir()
    settings = {"telemetry": {"enabled": False}, "storage": {"postgres": {"postgres_url": postgres_url}}}
    (folder / "dagster.yaml").write_text(yaml.safe_dump(settings))
    file = tmp_path / "config" / "alerts.yaml"
    file.write_text(file.read_text().replace("channels:", RULES.lstrip("\n") + "channels:"))
    clock = FakeClock(floor_to(time.time(), 300) + 1)
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: clock)
    key = AssetKey(["reports", "pnl"])
    with DagsterInstance.from_config(str(folder)) as instance:
        foreign = Foreign(build(), instance, clock)
        foreign.sense()
        foreign.run(place_bets(), "north", works=False)
        foreign.run(MODELS, "north", works=False, assets=[AssetKey(["models", "spread"])])
        instance.report_runless_asset_event(dg.AssetCheckEvaluation(asset_key=key, check_name="sane", passed=False))
        instance._report_runless_asset_event(
            FreshnessStateChange(
                key=key,
                new_state=FreshnessState.FAIL,
                previous_state=FreshnessState.PASS,
                state_change_timestamp=time.time(),
            )
        )
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - 900, "SENSOR", "id", []))
        foreign.sense()
        assert sorted(foreign.open) == [
            "dead-daemon/SENSOR",
            "failed-check/reports/pnl:sane",
            "failed-run/north/asset:models/spread",
            "failed-run/north/place_bets",
            "late-asset/reports/pnl",
        ]
    app_cache._cache.forget()
