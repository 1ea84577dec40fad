"""A tick that is killed, doubled or overlapped: real processes, real SIGKILL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_home import ALERTS

from busta_health_dagster import bootstrap
from busta_health_dagster.pipeline.views.status import fleet_health

pytestmark = pytest.mark.e2e

TICK = "from busta_health_dagster import bootstrap; from busta_health_dagster.pipeline.tick.tick import run_tick\nwith bootstrap.open_app(create_store=True) as app: print(len(run_tick(app).observations))"
SOURCES = """\
version: 1
defaults: {interval: 1h}
sources:
  - {name: good_file, type: stats, probe: file, path: "%(data)s/good.csv", max_data_age: 26h, confirm: 0}
  - {name: gone_file, type: stats, probe: file, path: "%(data)s/gone.csv", max_data_age: 26h, confirm: 0}
"""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    data, config = tmp_path / "data", tmp_path / "config"
    data.mkdir()
    config.mkdir()
    (data / "good.csv").write_text("a\n1\n")
    (config / "sources.yaml").write_text(SOURCES % {"data": data})
    (config / "alerts.yaml").write_text(ALERTS % {"data": data})
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("BUSTA_", "DAGSTER_"))}
    return clean | {"BUSTA_HOME": str(tmp_path / "home"), "BUSTA_CONFIG_DIR": str(config)}


def tick(env: dict[str, str], failpoint: str = "") -> subprocess.Popen[str]:
    extra = {"BUSTA_FAILPOINT": failpoint} if failpoint else {}
    return subprocess.Popen(
        [sys.executable, "-c", TICK], env=env | extra, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=240)
    assert process.returncode in (0, -signal.SIGKILL), err
    return out.strip()


def wait_for_room_in_the_slot() -> None:
    """A tick needs a few seconds, on a busy machine many; one that crosses into the next slot would find other work."""
    left = 3600 - time.time() % 3600
    if left < 120:
        time.sleep(left + 0.5)


def test_killed_during_the_looks_the_slot_stays_unknown_and_the_next_tick_runs(env: dict[str, str]) -> None:
    wait_for_room_in_the_slot()
    assert finish(tick(env, "during_probe")) == ""
    with bootstrap.open_app(environ=env) as app:
        rows = fleet_health(app).rows
        assert {row.shown for row in rows} == {"unknown"}
    assert finish(tick(env)) == "2"


def test_killed_between_looking_and_judging_the_next_pass_makes_it_up(env: dict[str, str]) -> None:
    wait_for_room_in_the_slot()
    assert finish(tick(env, "after_observe")) == ""
    with bootstrap.open_app(environ=env) as app, app.store.read() as uow:
        assert all(state.pending for state in uow.states.all().values())
    assert finish(tick(env)) == "0", "the observations were kept: nothing is due"
    with bootstrap.open_app(environ=env) as app, app.store.read() as uow:
        assert not any(state.pending for state in uow.states.all().values())


def test_two_ticks_at_the_same_time_keep_one_look_per_slot(env: dict[str, str]) -> None:
    wait_for_room_in_the_slot()
    both = [tick(env), tick(env)]
    kept = sorted(int(finish(process)) for process in both)
    assert sum(kept) == 2, kept
    with bootstrap.open_app(environ=env) as app, app.store.read() as uow:
        seen = uow.observations.window(None, 0, int(time.time()) + 1)
    assert {name: len(rows) for name, rows in seen.items()} == {"good_file": 1, "gone_file": 1}
