"""What is downstream of a source, in a project of somebody else's: an outage starts nothing, recovery with new data starts it
once.
"""

from __future__ import annotations

import dagster as dg
import pytest
from gate_stories import ODDS, Story

from busta_health_dagster.defs import events

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")
GATED = dg.AutomationCondition.eager() & dg.AutomationCondition.all_deps_blocking_checks_passed()
CAREFUL = dg.AutomationCondition.eager() & dg.AutomationCondition.all_deps_match(
    dg.AutomationCondition.all_checks_match(dg.AutomationCondition.check_passed())
)


def project(story: Story, condition: dg.AutomationCondition) -> dg.Definitions:
    """Theirs and ours in one, as `Definitions.merge` makes it."""

    @dg.asset(key=["models", "moneyline"], deps=[ODDS], automation_condition=condition)
    def moneyline() -> None: ...

    return dg.Definitions.merge(dg.Definitions(assets=[moneyline]), story.location)


def settled(story: Story, theirs: dg.Definitions) -> None:
    """The odds are up, and the model was built from them."""
    story.tick(0)
    story.runs_of(theirs)
    story.materialize(theirs, "models/moneyline")
    assert story.runs_of(theirs) == set()


@pytest.mark.parametrize("condition", [dg.AutomationCondition.eager(), GATED], ids=["eager", "gated"])
def test_an_outage_starts_nothing(story: Story, condition) -> None:
    theirs = project(story, condition)
    settled(story, theirs)
    story.odds.unlink()
    for _ in range(3):
        story.tick()
        assert story.runs_of(theirs) == set()
    assert story.newest("connectivity")[:2] == (False, "ERROR")
    assert story.newest("usable")[:2] == (False, "ERROR")


@pytest.mark.parametrize("condition", [GATED, CAREFUL], ids=["gated", "all checks"])
def test_recovery_with_new_data_starts_the_model_once(story: Story, condition) -> None:
    theirs = project(story, condition)
    settled(story, theirs)
    story.odds.unlink()
    story.tick()
    assert story.runs_of(theirs) == set()
    story.clock.advance(300)
    story.new_odds()
    story.tick(0)
    assert story.runs_of(theirs) == {"models/moneyline"}
    story.materialize(theirs, "models/moneyline")
    for _ in range(3):
        story.tick()
        assert story.runs_of(theirs) == set()


def test_recovery_with_the_same_data_starts_nothing(story: Story) -> None:
    theirs = project(story, GATED)
    settled(story, theirs)
    aside = story.odds.rename(story.odds.with_suffix(".aside"))
    story.tick()
    aside.rename(story.odds)
    story.tick()
    assert story.newest("usable")[0] is True
    assert story.runs_of(theirs) == set()
    assert len(story.versions()) == 1


def test_new_data_of_a_healthy_source_start_the_model_at_the_next_tick(story: Story) -> None:
    theirs = project(story, GATED)
    settled(story, theirs)
    for price in ("1.8", "1.7"):
        story.clock.advance(300)
        story.new_odds(f"home,price\nKC,{price}\n")
        story.tick(0)
        assert story.runs_of(theirs) == {"models/moneyline"}
        story.materialize(theirs, "models/moneyline")
        assert story.runs_of(theirs) == set()


def test_new_data_that_may_not_be_used_wait_for_the_gate_and_start_the_model_then(story: Story) -> None:
    sources = story.config / "sources.yaml"
    sources.write_text(sources.read_text().replace("confirm: 0, feeds", "confirm: 0, gate: {max_data_age: 1m}, feeds"))
    theirs = project(story, GATED)
    settled(story, theirs)
    story.clock.advance(60)
    story.new_odds("home,price\nKC,2.0\n")
    story.tick(240)
    assert story.newest("usable")[:2] == (False, "ERROR")
    assert "4 min" in story.newest("usable")[2]
    assert story.runs_of(theirs) == set()
    sources.write_text(sources.read_text().replace("max_data_age: 1m", "max_data_age: 1h"))
    story.tick()
    assert story.runs_of(theirs) == {"models/moneyline"}
    assert len(story.versions()) == 2


def test_a_kill_between_check_and_asset_event_starts_nothing_twice(story: Story, monkeypatch) -> None:
    theirs = project(story, GATED)
    settled(story, theirs)
    story.clock.advance(300)
    story.new_odds("home,price\nKC,1.8\n")
    with monkeypatch.context() as patch:
        patch.setattr(events, "mark_reported", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            story.tick(0)
    assert story.runs_of(theirs) == {"models/moneyline"}
    story.materialize(theirs, "models/moneyline")
    story.tick()
    assert story.runs_of(theirs) == set()
    assert len(story.versions()) == 2


def test_the_model_and_its_source_in_one_run_stop_at_a_closed_gate(story: Story) -> None:
    theirs = project(story, GATED)
    settled(story, theirs)
    story.odds.unlink()
    story.tick()
    job = theirs.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=story.instance,
        asset_selection=[ODDS, dg.AssetKey(["models", "moneyline"])],
        raise_on_error=False,
    )
    assert not result.success
    built = {e.asset_key.to_user_string() for e in result.get_asset_materialization_events()}
    assert "models/moneyline" not in built
