"""A source compared with another one: through probes, store, suites and score."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.quality_home import QualityHome, open_home, plays

RECONCILED = "{suite: plays, reconcile: {with: other, on: [game_id], compare: [player], names: players.yaml}}"


@pytest.fixture
def home(tmp_path: Path):
    found = open_home(tmp_path, mine=RECONCILED, other="{suite: plays}")
    (tmp_path / "expectations" / "players.yaml").write_text("P 1: Player 1\n")
    yield found
    found.app.close()


def scored(home: QualityHome):
    outcomes = {o.scored.source: o.scored.score for o in home.score(force=True).outcomes}
    return outcomes["mine"]


def test_what_both_say_alike_costs_nothing(home: QualityHome) -> None:
    rows = plays()
    rows[1]["player"] = "P 1"  # the other spelling of the same one
    home.write("other", rows)
    home.look()
    mine = scored(home)
    assert mine.score == 100.0
    assert {c.id for c in mine.checks} >= {"reconcile.found", "reconcile.player"}


def test_what_the_other_one_says_differently_is_below_ninety(home: QualityHome) -> None:
    home.write("other", [row | {"player": "someone else"} if row["game_id"] < 5 else row for row in plays()])
    home.look()
    mine = scored(home)
    assert mine.score is not None
    assert mine.score < 90
    (failed,) = [c for c in mine.checks if c.passed is False]
    assert (failed.id, failed.unexpected, failed.why) == (
        "reconcile.player",
        5,
        "other says something else of the same record",
    )


def test_half_of_the_records_gone_at_the_other_is_said_of_this_one(home: QualityHome) -> None:
    home.write("other", plays()[:50])
    home.look()
    mine = scored(home)
    assert mine.score is not None
    assert mine.score < 90


def test_without_the_other_one_it_is_not_compared_and_says_why(home: QualityHome) -> None:
    home.remove("other")
    home.look()
    mine = scored(home)
    assert mine.score == 100.0
    assert any(note.startswith("not compared with other: the source is down") for note in mine.notes)


def test_names_that_are_not_there_are_no_data_with_the_path(home: QualityHome, tmp_path: Path) -> None:
    (tmp_path / "expectations" / "players.yaml").unlink()
    home.look()
    mine = scored(home)
    assert mine.score is None
    assert "players.yaml cannot be read" in mine.reason
