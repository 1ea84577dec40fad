"""Events that mean something: a materialization is new data, an evaluation was decided, and red is not maintenance."""

from __future__ import annotations

import dagster as dg
import pytest
from gate_stories import ODDS, Story

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")


def test_an_observation_is_no_new_data(story: Story) -> None:
    story.tick(0)
    assert (len(story.versions()), story.observations()) == (1, 0)
    story.odds.unlink()
    story.tick()
    assert (len(story.versions()), story.observations()) == (1, 1)
    for _ in range(13):
        story.tick()
    assert (len(story.versions()), story.observations()) == (1, 2), "and once an hour it is shown again"


def test_the_data_version_tells_contents_apart(story: Story) -> None:
    story.tick(0)
    story.clock.advance(300)
    story.new_odds("home,price\nKC,1.9\nSF,2.1\n")
    story.tick(0)
    first, second = story.versions()
    assert first != second
    assert second.endswith("2 items")


def test_checks_come_before_the_event_of_their_asset(story: Story) -> None:
    story.tick(0)
    check = dg.AssetCheckKey(ODDS, "usable")
    evaluated = story.instance.event_log_storage.get_latest_asset_check_execution_by_key([check])[check]
    (materialized,) = story.instance.fetch_materializations(ODDS, limit=1).records
    assert evaluated.event.timestamp < materialized.event_log_entry.timestamp


def test_only_checks_that_can_be_decided_are_defined(story: Story) -> None:
    names = {key.name for key in story.location.resolve_asset_graph().get_check_keys_for_assets({ODDS})}
    assert names == {"connectivity", "usable"}, "no rule sets a limit of response, failures or age"


def test_maintenance_is_never_painted_red_and_the_gate_stays_closed(story: Story) -> None:
    (story.config / "maintenance.yaml").write_text(
        'version: 1\nwindows:\n  - {name: work, select: {}, start: "2020-01-01T00:00", duration: 23h59m, rrule: FREQ=DAILY, zone: UTC}\n'
        '  - {name: more, select: {}, start: "2020-01-01T12:00", duration: 23h59m, rrule: FREQ=DAILY, zone: UTC}\n'
    )
    story.odds.unlink()
    story.tick(0)
    assert story.newest("connectivity")[:2] == (False, "WARN")
    assert story.newest("usable")[:2] == (False, "WARN")


def test_a_source_that_cannot_be_seen_fails_its_gate_and_no_other_check(story: Story) -> None:
    sources = story.config / "sources.yaml"
    sources.write_text(sources.read_text().replace("probe: file, path", "probe: file, format: csv, path", 1))
    story.tick(0)
    story.odds.write_bytes(b"PK\x03\x04")
    before = story.newest("connectivity")
    nowhere = sources.read_text().replace(str(story.odds), "nosuchscheme://odds.csv", 1)
    sources.write_text(nowhere)
    story.tick()
    assert story.newest("connectivity") == before, "it is neither passed nor failed"
    passed, severity, why = story.newest("usable")
    assert (passed, severity) == (False, "WARN"), "its gate is shut, and nothing was seen to fail: yellow"
    assert why.startswith("odds_api is unknown: ")
