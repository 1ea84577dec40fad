"""The code location in a fresh interpreter with a bare environment: which assets there are, and that importing does nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

LOAD = """
import json, sys

touched = []

def watch(event, args):
    if event in {"socket.connect", "socket.bind", "sqlite3.connect", "subprocess.Popen", "os.mkdir"}:
        touched.append([event, str(args[-1])])
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        touched.append([event, str(args[0])])

import dagster  # what Dagster itself does at import is not ours
sys.addaudithook(watch)
import busta_health_dagster.definitions as location

graph = location.defs.resolve_asset_graph()

print(json.dumps({
    "assets": sorted("/".join(k.path) for k in graph.get_all_asset_keys()),
    "checks": sorted(f"{'/'.join(k.asset_key.path)}:{k.name}" for k in graph.asset_check_keys),
    "schedules": sorted(s.name for s in location.defs.schedules),
    "sensors": sorted(s.name for s in location.defs.sensors or []),
    "touched": touched,
    "heavy": [m for m in ("great_expectations", "pandas") if m in sys.modules],
}))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict:
    bare = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(tmp_path_factory.mktemp("home")),
        "PYTHONWARNINGS": "ignore",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run([sys.executable, "-c", LOAD], cwd=ROOT, env=bare, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def configured() -> set[str]:
    import yaml

    entries = yaml.safe_load((ROOT / "config" / "sources.yaml").read_text(encoding="utf-8"))["sources"]
    return {entry["name"] for entry in entries}


def scored() -> set[str]:
    """Those with a quality spec, of their own or of their type."""
    from busta_health_dagster import bootstrap

    sources = bootstrap.load_config(ROOT / "config", {}).sources.values()
    return {source.name for source in sources if source.quality is not None}


def types() -> set[str]:
    """All of them: the shipped rule anomaly, shadow, selects every source."""
    from busta_health_dagster import bootstrap

    return {source.type for source in bootstrap.load_config(ROOT / "config", {}).sources.values()}


def test_every_source_is_an_asset_and_nothing_else_is_there(loaded: dict) -> None:
    assert set(loaded["assets"]) == (
        {f"sources/{name}" for name in configured()}
        | {f"quality/{name}" for name in scored()}
        | {"health/fleet", "health/open_alerts", "health/maintenance", "health/sla"}
        | {f"baselines/{kind}" for kind in types()}
        | {"trends/quality", "trends/response", "reports/weekly"}
    )


def test_every_source_carries_its_checks_and_the_fleet_its_own(loaded: dict) -> None:
    from busta_health_dagster import bootstrap
    from busta_health_dagster.quality.loader import find_suite, load_suite

    sources = bootstrap.load_config(ROOT / "config", {}).sources
    names = ("connectivity", "failure_rate", "usable")
    expected = {f"sources/{source}:{name}" for source in configured() for name in names}
    expected |= {f"sources/{s.name}:response_time" for s in sources.values() if s.probe != "heartbeat"}
    aged = [s for s in sources.values() if s.stale_after_s is not None and getattr(s.config, "tells_age", True)]
    expected |= {f"sources/{s.name}:data_age" for s in aged}
    expected |= {f"sources/{source}:quality" for source in scored()}
    expected |= {f"sources/{source}:anomaly" for source in configured()}
    for source in sources.values():
        if source.quality is not None and source.quality.suite is not None:
            checks = load_suite(find_suite(source.quality.suite, ROOT / "expectations")).checks
            weighed = {check.dimension for check in checks if check.severity.weight}
            expected |= {f"quality/{source.name}:{dimension}" for dimension in weighed}
    assert set(loaded["checks"]) == expected | {"health/fleet:no_degraded_sources"}


def test_importing_starts_no_io(loaded: dict) -> None:
    assert loaded["touched"] == []


def test_importing_loads_neither_pandas_nor_great_expectations(loaded: dict) -> None:
    assert loaded["heavy"] == []


def test_schedules_are_there(loaded: dict) -> None:
    assert {"health_tick", "retention_daily", "quality_hourly", "trends_daily"} <= set(loaded["schedules"])
