"""A broken plug-in, as packages bring it: its own sources and channels suffer, the doctor names module, fault, remedy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.pipeline.delivery.channel_test import channel_test
from busta_health_dagster.pipeline.observing.observe import observe

SOURCES = """\
version: 1
types: {caches: {probe: cache, host: 127.0.0.1}}
sources:
  - {name: good, type: files, probe: file, path: "%s"}
  - {name: sick, type: caches, port: 6379}
"""
ALERTS = """\
version: 1
channels:
  - {name: team, kind: pushover, room: ops, fallback: log}
  - {name: log, kind: console}
rules:
  - {name: source-down, metric: status, op: "==", value: down}
escalations:
  - {name: all, steps: [{after: 0m, notify: [team]}]}
routes:
  - {select: {}, escalation: all}
"""


def package(root: Path, name: str, entry_points: str) -> None:
    about = root / f"{name}-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (about / "entry_points.txt").write_text(entry_points)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    site = tmp_path / "site"
    site.mkdir()
    package(
        site,
        "broken",
        "[busta_health.probes]\ncache = no_such_cache:PROBE\nhttp = no_such_cache:HTTP\n"
        "[busta_health.channels]\npushover = no_such_pushover:CHANNEL\nunused = quits_at_import:CHANNEL\n",
    )
    (site / "quits_at_import.py").write_text("import sys\nsys.exit(3)\n")
    monkeypatch.syspath_prepend(str(site))
    (tmp_path / "config").mkdir()
    (tmp_path / "data.csv").write_text("a\n1\n")
    (tmp_path / "config" / "sources.yaml").write_text(SOURCES % (tmp_path / "data.csv"))
    (tmp_path / "config" / "alerts.yaml").write_text(ALERTS)
    return {"BUSTA_HOME": str(tmp_path / "home"), "BUSTA_CONFIG_DIR": str(tmp_path / "config")}


def test_every_other_source_and_channel_keeps_working(home: dict[str, str]) -> None:
    with bootstrap.open_app(environ=home, create_store=True) as app:
        seen = {o.source: o for o in observe(app)[0]}
        assert seen["good"].status is Status.UP
        assert (seen["sick"].status, seen["sick"].reason) == (Status.UNKNOWN, "plugin")
        assert "ModuleNotFoundError: No module named 'no_such_cache'" in seen["sick"].detail
        tried = channel_test(app, "team")
        assert (tried.answer, channel_test(app, "log").ok) == ("rejected", True)
        assert "no_such_pushover:CHANNEL" in tried.reason
        assert tried.remedy.startswith("Install no_such_pushover beside the monitor")


def test_the_doctor_names_module_fault_and_remedy_used_or_not(home: dict[str, str]) -> None:
    found = bootstrap.diagnose_config(Path(home["BUSTA_CONFIG_DIR"]), home)
    said = {(p.level, p.where): p for p in (*found.errors, *found.warnings) if p.where.startswith("plug-in")}
    assert set(said) == {
        ("error", "plug-in no_such_cache:PROBE"),
        ("error", "plug-in no_such_pushover:CHANNEL"),
        ("warning", "plug-in quits_at_import:CHANNEL"),
        ("warning", "plug-in no_such_cache:HTTP"),
    }
    cache = said["error", "plug-in no_such_cache:PROBE"]
    assert cache.message.endswith("No module named 'no_such_cache'. Until then sick is unknown.")
    assert cache.remedy.startswith("install no_such_cache beside the monitor")
    assert "Until then team is not notified." in said["error", "plug-in no_such_pushover:CHANNEL"].message
    assert "SystemExit: 3. Nothing uses it." in said["warning", "plug-in quits_at_import:CHANNEL"].message
    assert said["warning", "plug-in no_such_cache:HTTP"].message.endswith("The built-in one is used.")
    assert found.config is not None
