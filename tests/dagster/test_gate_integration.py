"""Our definitions in a project of somebody else's: merged in both orders, edges that are real, checks on their assets."""

from __future__ import annotations

import os
import subprocess
import sys

import dagster as dg
import pytest
from dagster import AssetKey
from gate_stories import ODDS, Story

from busta_health_dagster import bootstrap
from busta_health_dagster.defs import keys
from busta_health_dagster.defs.alerts import alert_sensor
from busta_health_dagster.domain.errors import BadInput, BustaError
from busta_health_dagster.gate import gated_sensor
from busta_health_dagster.integration import build_defs, with_sources
from busta_health_dagster.pipeline.facade import Monitor

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")
MONEYLINE = AssetKey(["models", "moneyline"])
RAW = AssetKey(["odds", "raw"])


@pytest.fixture(autouse=True)
def _no_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keys.PREFIX_VARIABLE, "")


@dg.asset(key=["odds", "prices"])
def prices() -> float:
    return 1.9


@dg.asset(key=MONEYLINE, ins={"price": dg.AssetIn(["odds", "prices"])})
def moneyline(price: float) -> None:
    assert price == 1.9


@dg.asset(key=["bets", "slip"], deps=[MONEYLINE])
def slip() -> None: ...


place_bets = dg.define_asset_job("place_bets", selection=dg.AssetSelection.assets(["bets", "slip"]))


def theirs(**more: object) -> dg.Definitions:
    schedule = dg.ScheduleDefinition(
        name="at_three",
        job=place_bets,
        cron_schedule="0 15 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    return dg.Definitions(assets=[prices, moneyline, slip], jobs=[place_bets], schedules=[schedule], **more)


@pytest.mark.parametrize("first", ["ours", "theirs"])
def test_both_orders_of_a_merge_keep_their_executor(story: Story, first: str) -> None:
    parts = [build_defs(), theirs(executor=dg.multiprocess_executor)]
    whole = dg.Definitions.merge(*(parts if first == "ours" else reversed(parts)))
    repository = whole.get_repository_def()
    assert whole.executor is dg.multiprocess_executor
    assert repository.get_job("health_tick").executor_def.name == "in_process"
    assert repository.get_job("place_bets").executor_def.name == "multiprocess"
    assert set(build_defs().resources) == {"busta"}
    assert build_defs().executor is None


def test_a_prefix_stands_before_every_key_and_the_tick_finds_its_sources(story: Story) -> None:
    ours = build_defs(key_prefix="monitor/data")
    found = {key.to_user_string() for key in ours.resolve_all_asset_keys()}
    assert found
    assert all(key.startswith("monitor/data/") for key in found)
    with bootstrap.open_app() as app:
        assert {key.to_user_string() for key in keys.own_keys(app.config)} >= found
    assert ours.resolve_job_def("health_tick").execute_in_process(instance=story.instance).success
    assert story.instance.fetch_materializations(AssetKey(["monitor", "data", "sources", "odds_api"]), limit=1).records
    with pytest.raises(BadInput, match="key_prefix 'a b' cannot stand before an asset key"):
        build_defs(key_prefix="a b")


def test_what_a_source_feeds_depends_on_it_and_keeps_its_arguments(story: Story) -> None:
    linked = with_sources(theirs())
    graph = linked.resolve_asset_graph()
    assert graph.get(MONEYLINE).parent_keys == {AssetKey(["odds", "prices"]), ODDS}
    assert graph.get(AssetKey(["bets", "slip"])).parent_keys == {MONEYLINE}
    both = dg.Definitions.merge(linked, build_defs())
    assert {"odds_api", "scores"} <= {k.path[-1] for k in both.resolve_asset_graph().get_all_asset_keys()}
    job = both.resolve_implicit_global_asset_job_def()
    wanted = [AssetKey(["odds", "prices"]), MONEYLINE]
    assert job.execute_in_process(instance=story.instance, asset_selection=wanted).success


def test_the_report_is_downstream_of_every_source(story: Story) -> None:
    graph = build_defs().resolve_asset_graph()
    selected = dg.AssetSelection.from_string('+key:"reports/weekly"').resolve(graph)
    upstream = dg.AssetSelection.assets(["reports", "weekly"]).upstream().resolve(graph)
    assert {ODDS, AssetKey(["sources", "scores"]), AssetKey(["health", "sla"])} <= upstream
    assert selected <= upstream
    for key in (["trends", "response"], ["health", "fleet"], ["health", "open_alerts"], ["health", "sla"]):
        assert graph.get(AssetKey(key)).parent_keys >= {ODDS}


def test_an_equal_key_and_a_graph_are_refused_with_the_remedy(story: Story) -> None:
    @dg.asset(key=["health", "fleet"])
    def fleet() -> None: ...

    with pytest.raises(BadInput, match=r"Your asset health/fleet has the key of one of ours.*key_prefix='monitor'"):
        with_sources(dg.Definitions(assets=[fleet]))

    @dg.op
    def price() -> int:
        return 1

    @dg.graph_asset(key=MONEYLINE)
    def built() -> int:
        return price()

    with pytest.raises(BadInput, match="models/moneyline is built by a graph, to which Dagster adds no dependency"):
        with_sources(dg.Definitions(assets=[built]))


def test_a_dependency_on_a_key_that_a_source_does_not_have_here_is_refused(story: Story) -> None:
    @dg.asset(key=["models", "spread"], deps=[ODDS])
    def spread() -> None: ...

    assert with_sources(dg.Definitions(assets=[spread]))
    build_defs(key_prefix="monitor")
    says = r"models/spread depends on sources/odds_api, which is monitor/sources/odds_api here"
    with pytest.raises(BadInput, match=says):
        with_sources(dg.Definitions(assets=[spread]))


def test_the_monitor_learns_what_a_source_hits_and_when_it_runs_next(story: Story) -> None:
    @dg.job
    def hedge() -> None: ...

    whole = dg.Definitions.merge(with_sources(theirs()), build_defs())
    story.observe(0)
    gated = gated_sensor(hedge, cron="0 16 * * *", sources=["odds_api"])
    with dg.build_sensor_context(instance=story.instance, last_sensor_start_time=1.0) as context:
        gated.evaluate_tick(context)
    with dg.build_sensor_context(instance=story.instance, repository_def=whole.get_repository_def()) as context:
        alert_sensor.evaluate_tick(context)
    with bootstrap.open_app() as app:
        info = Monitor(app, "test").source("odds_api")
        assert Monitor(app, "test").source("scores")["hits"] is None
    assert info["feeds_without_asset"] == []
    assert info["hits"] in {
        "2 assets, 2 jobs; next place_bets 15:00 UTC",
        "2 assets, 2 jobs; next hedge 16:00 UTC",
    }


def attached(story: Story) -> dg.Definitions:
    sources = story.config / "sources.yaml"
    sources.write_text(sources.read_text().replace("confirm: 0, feeds", "confirm: 0, asset: odds/raw, feeds"))

    @dg.asset(key=RAW)
    def raw() -> None: ...

    return dg.Definitions.merge(dg.Definitions(assets=[raw]), build_defs())


def test_the_checks_of_an_attached_source_stand_on_their_asset(story: Story) -> None:
    whole = attached(story)
    graph = whole.resolve_asset_graph()
    assert {check.name for check in graph.get_check_keys_for_assets({RAW})} == {"connectivity", "usable"}
    assert ODDS not in {key for key in graph.get_all_asset_keys() if graph.get(key).is_materializable}
    whole.resolve_job_def("health_tick").execute_in_process(instance=story.instance)
    check = dg.AssetCheckKey(RAW, "usable")
    found = story.instance.event_log_storage.get_latest_asset_check_execution_by_key([check])[check]
    assert found.evaluation.passed
    assert len(story.instance.fetch_materializations(RAW, limit=9).records) == 1, (
        "nobody else says that it has new data"
    )


def test_an_asset_that_their_runs_materialize_is_theirs_to_materialize(story: Story) -> None:
    whole = attached(story)
    job = whole.resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=story.instance, asset_selection=[RAW]).success
    for _ in range(2):
        story.clock.advance(300)
        story.new_odds(f"home,price\nKC,{story.clock.now()}\n")
        whole.resolve_job_def("health_tick").execute_in_process(instance=story.instance)
    assert len(story.instance.fetch_materializations(RAW, limit=9).records) == 1
    assert len(story.instance.fetch_observations(RAW, limit=9).records) == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"key_prefix": ["monitor"]}, r"key_prefix \['monitor'\] cannot stand before an asset key"),
        ({"key_prefix": "a//b"}, "key_prefix 'a//b' cannot stand before an asset key"),
        ({"config_dir": 5}, "config_dir 5 is no path; write config_dir="),
        ({"home": ["home"]}, r"home \['home'\] is no path; write home="),
    ],
)
def test_arguments_of_build_defs_that_cannot_be_used_are_named(story: Story, arguments, said) -> None:
    with pytest.raises(BadInput, match=said):
        build_defs(**arguments)


def test_a_directory_that_is_not_there_is_not_kept_in_the_environment(story: Story, tmp_path, monkeypatch) -> None:
    for before in (str(story.config), None):
        if before is None:
            monkeypatch.delenv("BUSTA_CONFIG_DIR")
        with pytest.raises(BustaError):
            build_defs(config_dir=tmp_path / "nowhere", key_prefix="monitor")
        assert os.environ.get("BUSTA_CONFIG_DIR") == before
        assert os.environ[keys.PREFIX_VARIABLE] == ""


def test_an_asset_that_would_be_built_from_itself_is_refused_with_its_circle(story: Story) -> None:
    sources = story.config / "sources.yaml"
    sources.write_text(sources.read_text().replace("confirm: 0,", "confirm: 0, asset: models/moneyline,", 1))
    with pytest.raises(BadInput, match=r"would be built from itself, .*: models/moneyline -> models/moneyline"):
        with_sources(theirs())


def test_what_is_no_definitions_is_refused(story: Story) -> None:
    with pytest.raises(BadInput, match=r"with_sources: \[\] is no dg.Definitions"):
        with_sources([])


def test_importing_the_public_names_opens_nothing_and_loads_nothing_heavy() -> None:
    heavy = ("pandas", "great_expectations", "aiohttp", "fastapi", "matplotlib")
    code = (
        "import dagster, sys; before = set(sys.modules); import busta_health_dagster.gate, busta_health_dagster.integration; "
        f"new = set(sys.modules) - before; print(sorted(m for m in new if m in {heavy!r} or '.store' in m))"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
