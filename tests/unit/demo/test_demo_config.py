"""The demo's configuration loads without an error, and what a person edits stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from demo_home import ANCHOR, CHANNELS, EXPECTATIONS, PROBES, address

from busta_health_dagster.demo.catalogue import HTTP_NAMES, NAMES, UPSTREAMS
from busta_health_dagster.demo.config import FILES, Written, write_config
from busta_health_dagster.demo.scenarios import SCENARIOS
from busta_health_dagster.demo.upstreams import Address
from busta_health_dagster.domain.units import from_epoch, to_epoch
from busta_health_dagster.settings.loading import diagnose


def write(home: Path, where: Address) -> Written:
    return write_config(home, where, expectations=EXPECTATIONS)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_doctor_finds_nothing_to_mend_and_all_twelve_are_there(tmp_path: Path, scenario: str) -> None:
    home = tmp_path / "a home"
    assert write(home, address(home, scenario=scenario)).written == FILES
    found = diagnose(home / "config", PROBES, CHANNELS, {}, now=ANCHOR)
    # The one thing a demo cannot bring: someone outside who notices when this machine is gone.
    assert [p.field for p in (*found.errors, *found.warnings)] == ["dead_mans_switch"]
    assert found.config is not None
    assert set(found.config.sources) == set(NAMES)
    for name, source in found.config.sources.items():
        assert source.interval_s == 300
        assert source.owners
        assert source.runbook
        assert source.feeds
        assert source.stale_after_s == UPSTREAMS[name].limit_age_s
        assert (source.quality is not None) == (UPSTREAMS[name].quality > 0)
    assert found.config.expectations_dir == EXPECTATIONS


def test_reports_begin_with_the_history(tmp_path: Path) -> None:
    write_config(tmp_path, address(tmp_path), expectations=EXPECTATIONS, days=8)
    found = diagnose(tmp_path / "config", PROBES, CHANNELS, {}, now=ANCHOR)
    assert found.config is not None
    assert found.config.first_day == from_epoch(ANCHOR).date() - timedelta(days=8)
    assert found.config.first_week.weekday() == 0
    assert timedelta(0) <= found.config.first_day - found.config.first_week < timedelta(days=7)


def test_the_maintenance_of_the_story_holds_at_the_start(tmp_path: Path) -> None:
    write(tmp_path, address(tmp_path))
    found = diagnose(tmp_path / "config", PROBES, CHANNELS, {}, now=ANCHOR)
    assert found.config is not None
    window = next(w for w in found.config.windows if w.name == "beat-writers-migration")
    assert window.zone == "UTC"
    from datetime import UTC

    start = to_epoch(window.start.replace(tzinfo=UTC))
    assert start <= ANCHOR < start + window.duration_s
    assert timedelta(seconds=window.duration_s) == timedelta(hours=2)


def test_an_edited_file_is_kept_and_the_others_follow_the_new_start(tmp_path: Path) -> None:
    write(tmp_path, address(tmp_path))
    alerts = tmp_path / "config" / "alerts.yaml"
    alerts.write_text(alerts.read_text() + "# mine\n")
    later = replace(address(tmp_path), anchor=ANCHOR + 86400)
    done = write(tmp_path, later)
    assert (done.kept, done.moved) == (("alerts.yaml",), ())
    assert alerts.read_text().endswith("# mine\n")
    assert "2026-11-24T" in (tmp_path / "config" / "maintenance.yaml").read_text()


def test_an_edited_file_gets_the_ports_that_had_to_change_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, address(tmp_path))
    sources = tmp_path / "config" / "sources.yaml"
    mine = sources.read_text().replace("timeout: 10s", "timeout: 9s")
    sources.write_text(mine)
    moved = address(tmp_path, first_port=41001)  # every port is what another source's was
    assert write(tmp_path, moved).moved == ("sources.yaml",)
    found = diagnose(tmp_path / "config", PROBES, CHANNELS, {}, now=ANCHOR)
    assert found.config is not None
    assert all(str(found.config.sources[n].config.url) == moved.urls[n] for n in HTTP_NAMES)
    assert found.config.sources["odds_api"].timeout_s == 9
    assert write(tmp_path, moved).kept == ("sources.yaml",)
