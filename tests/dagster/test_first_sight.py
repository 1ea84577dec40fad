"""What a person sees who opens Dagster: what is wrong without a click, true edges, links that lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster import AssetKey
from gate_stories import ODDS, Story

from busta_health_dagster.defs.build import build
from busta_health_dagster.defs.metadata import column_schema
from busta_health_dagster.domain.quality import ColumnShape, Learned, SchemaSnapshot
from busta_health_dagster.settings.instance import PAGE_BESIDE_DAGSTER

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")

FLEET = AssetKey(["health", "fleet"])


def spec(location: dg.Definitions, key: AssetKey) -> dg.AssetSpec:
    (found,) = [s for s in location.resolve_all_asset_specs() if s.key == key]
    return found


def newest(story: Story, key: AssetKey) -> dict[str, object]:
    (record,) = story.instance.fetch_materializations(key, limit=1).records
    assert record.asset_materialization is not None
    return {name: value.value for name, value in record.asset_materialization.metadata.items()}


def test_the_fleet_says_what_is_wrong_at_every_tick_in_words(story: Story) -> None:
    story.tick(0)
    assert newest(story, FLEET)["what is wrong"] == "nothing: every source is up, in maintenance or off season"
    story.odds.unlink()
    story.tick()
    said = newest(story, FLEET)
    (row,) = [record.data for record in said["what is wrong"].records]  # type: ignore[attr-defined]
    assert row["source"] == "odds_api"
    assert row["is"].startswith("■ down for ")
    assert str(said["now"]).startswith("■ 1 down · ● 1 up, at ")
    assert (said["down"], said["up"]) == (1.0, 1.0)
    assert not [name for name in said if name[0].isdigit()]


def test_the_fleet_is_in_sync_with_what_it_is_made_of(story: Story) -> None:
    story.tick(0)
    story.clock.advance(300)
    story.new_odds("home,price\nKC,2.4\nSF,1.8\n")
    story.tick(0)
    (fleet,) = story.instance.fetch_materializations(FLEET, limit=1).records
    assert fleet.asset_materialization is not None
    seen = fleet.asset_materialization.tags["dagster/input_data_version/sources/odds_api"]
    assert seen == story.versions()[-1]


def test_what_a_source_shows_has_words_beside_the_numbers_that_are_plotted(story: Story) -> None:
    story.tick(0)
    said = newest(story, ODDS)
    assert said["status"] == "up"
    assert re.fullmatch(r"\d+ ms, data \d+ s old", str(said["measured"]))
    assert isinstance(said["response time (ms)"], float)
    assert isinstance(said["data age (s)"], float)


def test_new_data_comes_with_the_columns_that_were_learned(story: Story) -> None:
    story.tick(0)
    assert "dagster/column_schema" not in newest(story, ODDS)
    shape = SchemaSnapshot((ColumnShape("home", "string", 0.0), ColumnShape("price", "number", 0.0)), rows=1)
    from busta_health_dagster import bootstrap

    with bootstrap.open_app() as app, app.store.write() as uow:
        uow.quality.put_learned({"odds_api": Learned(shape, learned_at=app.now(), seen=3)})
    story.clock.advance(300)
    story.new_odds("home,price\nKC,2.4\nSF,1.8\n")
    story.tick(0)
    columns = newest(story, ODDS)["dagster/column_schema"].columns  # type: ignore[attr-defined]
    assert [(c.name, c.type) for c in columns] == [("home", "string"), ("price", "number")]


def test_a_table_of_a_thousand_columns_does_not_fill_the_event_log() -> None:
    wide = SchemaSnapshot(tuple(ColumnShape(f"c{n}", "number", 0.0) for n in range(1000)), rows=5)
    assert column_schema(wide) == {}


def test_pictures_and_links_are_there_only_where_they_lead_somewhere(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = build()
    for key in (FLEET, ODDS):
        assert "source-health" not in str(spec(nowhere, key).description), "a broken picture"
    assert "page" not in spec(nowhere, ODDS).metadata
    assert spec(nowhere, ODDS).metadata["checked by"].value == "health_tick"

    (story.config / "settings.yaml").write_text("version: 1\nweb: {public_url: https://health.example.com/}\n")
    elsewhere = spec(build(), ODDS)
    assert "[Open page](https://health.example.com/source-health/s/odds_api)" in str(elsewhere.description)
    assert "![" not in str(elsewhere.description), "it stands behind a login of its own"

    monkeypatch.setenv(PAGE_BESIDE_DAGSTER, "1")
    beside = build()
    assert "![every source now, worst first](/source-health/fleet.svg)" in str(spec(beside, FLEET).description)
    odds = spec(beside, ODDS)
    assert "![status of the last 24 hours](/source-health/strip/odds_api.svg)" in str(odds.description)
    assert "[Open page](/source-health/s/odds_api) · [Runbook](https://wiki.example/odds)" in str(odds.description)
    assert odds.metadata["page"].value == "/source-health/s/odds_api"
    assert odds.metadata["checked by"].job_name == "health_tick"
    assert odds.metadata["checked"] == "every 5 min"


def test_the_age_of_data_is_a_policy_where_every_version_is_reported(story: Story) -> None:
    sources = story.config / "sources.yaml"
    sources.write_text(sources.read_text().replace("confirm: 0", "confirm: 0, max_data_age: 1h"))
    location = build()
    policy = spec(location, ODDS).freshness_policy
    assert isinstance(policy, dg.FreshnessPolicy)
    assert policy.fail_window.to_timedelta() == timedelta(hours=1, minutes=5)  # type: ignore[attr-defined]
    unread = spec(location, AssetKey(["sources", "scores"]))
    assert unread.freshness_policy is None, "its new data are reported at most every hour"


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> dg.Definitions:
    monkeypatch.setenv("BUSTA_CONFIG_DIR", str(Path(__file__).parents[2] / "config"))
    return build()


def test_the_report_selects_all_that_it_is_made_of(story: Story, shipped: dg.Definitions) -> None:
    graph = shipped.resolve_asset_graph()

    def made_of(selection: str) -> set[str]:
        return {key.to_user_string() for key in dg.AssetSelection.from_string(selection).resolve(graph)}

    every = {key.to_user_string() for key in graph.get_all_asset_keys()}
    sources = {key for key in every if key.startswith("sources/")}
    scores = {key for key in every if key.startswith("quality/")}
    assert len(sources) == 12
    assert scores
    assert made_of('+key:"reports/weekly"') >= sources | scores | {"health/sla", "trends/quality", "trends/response"}
    assert made_of('+key:"health/fleet"') >= sources | scores
    assert made_of('+key:"health/sla"') >= sources | scores
    assert made_of('+key:"trends/quality"') >= scores
    assert made_of('+key:"trends/response"') >= sources
    alone = {key.to_user_string() for key in graph.get_all_asset_keys() if not graph.get(key).parent_keys} - sources
    assert alone == {"health/maintenance"}, "it is made of a file and of what people planned"
    assert "baselines/odds" in made_of('key:"sources/odds_api"+')


def test_days_of_trends_are_filled_in_one_run(story: Story) -> None:
    story.observe(0)
    today = dg.DailyPartitionsDefinition(start_date="2024-01-01").get_last_partition_key()
    assert today is not None
    last = date.fromisoformat(today)
    ends = {"start": (last - timedelta(days=2)).isoformat(), "end": last.isoformat()}
    tags = {f"dagster/asset_partition_range_{end}": day for end, day in ends.items()}
    job = story.location.resolve_job_def("trends_daily")
    assert job.execute_in_process(instance=story.instance, tags=tags).success
    filled = story.instance.get_materialized_partitions(AssetKey(["trends", "response"]))
    assert filled == {(last - timedelta(days=back)).isoformat() for back in range(3)}
    record, *_ = story.instance.fetch_materializations(AssetKey(["trends", "response"]), limit=3).records
    assert record.asset_materialization is not None
    assert "moving" in record.asset_materialization.metadata


def test_the_command_line_fills_days_from_the_first_on(story: Story) -> None:
    story.observe(0)
    today = datetime.now(UTC).date()
    (story.config / "settings.yaml").write_text(f"version: 1\nreport_start: {today - timedelta(days=3)}\n")
    argv = [sys.executable, "-m", "busta_health_dagster.cli", "run", "trends", "--days", "30"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    filled = story.instance.get_materialized_partitions(AssetKey(["trends", "response"]))
    assert filled == {(today - timedelta(days=back)).isoformat() for back in (1, 2, 3)}
