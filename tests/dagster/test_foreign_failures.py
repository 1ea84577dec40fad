"""What fails beside our sources in the same instance: each kind is an alert of its own, and ends with its own success."""

from __future__ import annotations

import json
import time
from pathlib import Path

import dagster as dg
import pytest
from dagster import AssetKey, DagsterInstance
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange
from dagster._core.storage.runs import SqlRunStorage
from dagster._daemon.types import DaemonHeartbeat
from dagster_shared.error import SerializableErrorInfo
from foreign_stories import MODELS, RULES, Foreign, place_bets
from sqlalchemy import text

from busta_health_dagster import bootstrap
from busta_health_dagster.channels.notification_text import text_of
from busta_health_dagster.defs import app_cache
from busta_health_dagster.defs.build import build
from busta_health_dagster.domain.notification import Notification
from busta_health_dagster.domain.units import floor_to, iso
from busta_health_dagster.pipeline.facade import Monitor
from busta_health_dagster.pipeline.views.alert_list import Wanted
from busta_health_dagster.pipeline.views.overview import fleet_page
from busta_health_dagster.testing import FakeClock
from busta_health_dagster.web.metrics import render

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")


class SteppingClock(FakeClock):
    """A clock on which every look costs `step` seconds: an instance that answers slowly."""

    step = 0.0

    def monotonic(self) -> float:
        self._monotonic += self.step
        return super().monotonic()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SteppingClock:
    fake = SteppingClock(floor_to(time.time(), 300) + 1)
    monkeypatch.setattr(bootstrap, "SystemClock", lambda: fake)
    return fake


@pytest.fixture
def foreign(home: Path, tmp_path: Path, instance: DagsterInstance, clock: SteppingClock, monkeypatch):
    file = tmp_path / "config" / "alerts.yaml"
    file.write_text(file.read_text().replace("channels:", RULES.lstrip("\n") + "channels:"))
    (tmp_path / "config" / "settings.yaml").write_text("version: 1\nweb: {public_url: https://health.example.com}\n")
    story = Foreign(build(), instance, clock)
    story.sense()  # it begins to look now
    yield story
    app_cache._cache.forget()


def test_a_failed_run_is_known_by_location_and_job(foreign: Foreign) -> None:
    foreign.run(place_bets(), "north", works=False)
    foreign.run(place_bets(), "south", works=True)
    foreign.sense()
    assert list(foreign.open) == ["failed-run/north/place_bets"], "the job of the same name elsewhere does not end it"
    foreign.run(place_bets(), "north", works=True)
    foreign.sense()
    assert foreign.open == {}


def test_the_message_of_a_failed_run_names_step_error_and_owner_and_links_to_the_run(foreign: Foreign) -> None:
    foreign.run(place_bets(), "north", works=False)
    foreign.sense()
    (run,) = foreign.instance.get_runs()
    (payload,) = foreign.messages()
    notification = Notification.from_json(json.dumps(payload))
    words = text_of(notification)
    assert words.headline.startswith(
        "dagster reports: run of north/place_bets failed: step place: ValueError: bookmaker refused"
    )
    assert "hunter2" not in json.dumps(payload)
    assert notification.source is not None
    assert notification.source.owners == ("team:bets",)
    assert words.buttons[0].url == f"https://health.example.com/runs/{run.run_id}"
    assert notification.incident == f"INC-{foreign.alerts[0].id}"


def test_the_success_of_one_asset_run_does_not_end_the_alert_of_another(foreign: Foreign) -> None:
    spread, totals = AssetKey(["models", "spread"]), AssetKey(["models", "totals"])
    foreign.run(MODELS, "north", works=False, assets=[spread, AssetKey("slip")])
    foreign.sense()
    assert foreign.open == {
        "failed-run/north/asset:models/spread": "run of north/asset:models/spread failed: step models__spread: "
        "ValueError: spread diverged"
    }, "what the failed run never came to is not said to have failed"
    foreign.run(MODELS, "north", works=True, assets=[totals])
    foreign.sense()
    assert list(foreign.open) == ["failed-run/north/asset:models/spread"]
    foreign.run(MODELS, "north", works=True, assets=[spread])
    foreign.sense()
    assert foreign.open == {}


def test_a_failed_check_alerts_also_under_keys_that_look_like_ours(foreign: Foreign) -> None:
    for key in (["reports", "pnl"], ["sources", "theirs"], ["sources", "good_file"]):
        foreign.instance.report_runless_asset_event(
            dg.AssetCheckEvaluation(asset_key=AssetKey(key), check_name="sane", passed=False, description="no rows")
        )
    foreign.sense()
    assert foreign.open == {
        "failed-check/reports/pnl:sane": "check reports/pnl:sane failed: no rows",
        "failed-check/sources/theirs:sane": "check sources/theirs:sane failed: no rows",
    }, "only sources/good_file is ours"


def test_a_late_asset_alerts_until_it_is_on_time(foreign: Foreign) -> None:
    def change(key: list[str], before: FreshnessState, after: FreshnessState) -> None:
        event = FreshnessStateChange(
            key=AssetKey(key), new_state=after, previous_state=before, state_change_timestamp=time.time()
        )
        foreign.instance._report_runless_asset_event(event)  # as Dagster's freshness daemon does

    change(["models", "spread"], FreshnessState.PASS, FreshnessState.FAIL)
    change(["models", "totals"], FreshnessState.PASS, FreshnessState.WARN)
    change(["sources", "good_file"], FreshnessState.PASS, FreshnessState.FAIL)
    foreign.sense()
    assert foreign.open == {"late-asset/models/spread": "asset models/spread is late: its freshness policy says FAIL"}
    change(["models", "spread"], FreshnessState.FAIL, FreshnessState.PASS)
    foreign.sense()
    assert foreign.open == {}


def test_a_daemon_without_heartbeats_is_dead_and_one_that_fails_is_told(foreign: Foreign, clock: SteppingClock) -> None:
    def beat(kind: str, ago: float, *errors: str) -> None:
        said = [SerializableErrorInfo(message, [], "Error") for message in errors]
        foreign.instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - ago, kind, "id", said))

    beat("SENSOR", 700)
    beat("SCHEDULER", 5, "a tick failed, which has an alert of its own")
    beat("MONITORING", 5, "OperationalError: no such table")
    foreign.sense()
    assert foreign.open == {
        "dead-daemon/SENSOR": "daemon SENSOR sent no heartbeat for 11 min (limit 10m)",
        "dead-daemon/MONITORING": "daemon MONITORING fails: OperationalError: no such table",
    }
    beat("SENSOR", 0)
    beat("MONITORING", 0)
    foreign.sense()
    assert foreign.open == {}


def test_what_a_restart_interrupted_is_read_once_and_nothing_is_lost(foreign: Foreign) -> None:
    foreign.run(place_bets(), "north", works=False)
    foreign.sense()
    app_cache._cache.forget()  # the process ends
    foreign.run(place_bets(), "south", works=False)
    foreign.sense()
    assert set(foreign.open) == {"failed-run/north/place_bets", "failed-run/south/place_bets"}
    foreign.sense()
    assert [a.bad_total for a in foreign.alerts] == [1, 1], "neither is read again"


def test_a_slow_instance_delays_failures_says_by_how_much_and_loses_none(
    foreign: Foreign, clock: SteppingClock
) -> None:
    for name in ("a", "b", "c", "d"):
        foreign.run(place_bets(), name, works=False)
    clock.step = 2.0
    foreign.sense()
    first = len([name for name in foreign.open if name.startswith("failed-run")])
    assert 1 <= first < 4, "a reading that is out of time stops, and has read something"
    foreign.sense(later_s=900)
    behind = {a.rule: a.bad_reason for a in foreign.alerts if a.source == "monitor"}
    assert "behind (runs" in behind["instance-slow"]
    assert "15 min" in behind["instance-slow"]
    clock.step = 0.0
    foreign.sense()
    assert {name for name in foreign.open if name.startswith("failed-run")} == {
        f"failed-run/{name}/place_bets" for name in "abcd"
    }
    assert [a.rule for a in foreign.alerts if a.source == "monitor"] == []


def test_foreign_failures_are_counted_where_alerts_and_incidents_are(foreign: Foreign) -> None:
    foreign.run(place_bets(), "north", works=False)
    foreign.run(place_bets(), "south", works=False)
    foreign.sense()
    shown = foreign.instance.fetch_materializations(AssetKey(["health", "open_alerts"]), limit=1).records[0]
    assert shown.asset_materialization is not None
    assert shown.asset_materialization.metadata["open"].value == 2.0
    with app_cache.cached_app() as app:
        monitor = Monitor(app, "test")
        found = monitor.incidents(None, "7d", at=iso(int(foreign.clock.now()) + 1))
        listed = monitor.alerts(Wanted.OPEN)
        metrics = render(app).decode()
        shown_on_page = [one.alert.label for one in fleet_page(app, ()).alerts]
    assert {(i["source"], i["subject"]) for i in found["incidents"]} == {
        ("dagster", "north/place_bets"),
        ("dagster", "south/place_bets"),
    }, "two jobs are two incidents"
    assert listed["summary"]["open"] == 2
    assert 'busta_alerts_active{severity="warning"} 2.0' in metrics
    assert sorted(shown_on_page) == ["north/place_bets", "south/place_bets"]


def test_an_instance_that_cannot_be_read_is_an_alert_and_the_rest_is_read(foreign: Foreign) -> None:
    storage = foreign.instance.run_storage
    assert isinstance(storage, SqlRunStorage)
    with storage.connect() as connection:
        connection.execute(text("ALTER TABLE daemon_heartbeats RENAME TO elsewhere"))
    foreign.run(place_bets(), "north", works=False)
    foreign.sense()
    assert list(foreign.open) == ["failed-run/north/place_bets"]
    (slow,) = (a for a in foreign.alerts if a.rule == "instance-slow")
    assert slow.bad_reason == "the Dagster instance cannot be read: daemons: no such table: daemon_heartbeats"
    with storage.connect() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO daemon_heartbeats"))
    foreign.sense()
    assert [a.rule for a in foreign.alerts] == ["failed-run"]


def test_the_tick_reads_the_instance_where_the_sensor_does_not(foreign: Foreign) -> None:
    foreign.run(place_bets(), "north", works=False)
    job = foreign.location.resolve_job_def("health_tick")
    assert job.execute_in_process(instance=foreign.instance).success
    assert foreign.open == {}, "the sensor was here a moment ago"
    foreign.clock.jump(200)
    assert job.execute_in_process(instance=foreign.instance).success
    assert list(foreign.open) == ["failed-run/north/place_bets"]
