"""A recording with metrics of its own through the whole replay: what opens, what its labels are for, what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.policy import AlertPolicy
from busta_health_dagster.domain.rule import Condition, Pattern, Rule
from busta_health_dagster.pipeline.backtest.backtest import file_run, lines
from busta_health_dagster.pipeline.backtest.history_files import read_history
from busta_health_dagster.pipeline.backtest.recording import explain_recording
from busta_health_dagster.store.catalogue import read_catalogue

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 8, 31, tzinfo=UTC)
ANOMALY = Rule("anomaly", Pattern.ANOMALY)


def recording(place: Path, days: int, lost: range = range(0)) -> Path:
    rows = ["timestamp,up,items,freshness_s,distinct_books"]
    for hour in range(days * 24):
        at = START + timedelta(hours=hour)
        rows.append(f"{at:%Y-%m-%dT%H:%M:%SZ},1,{20 + hour % 3},{hour * 7 % 50},{4 if hour in lost else 11}")
    (place / "board.csv").write_text("\n".join(rows) + "\n")
    return place


def test_a_further_column_of_a_recording_raises_an_anomaly_by_its_name(tmp_path: Path) -> None:
    history = read_history(recording(tmp_path, 20, range(450, 456)), None)
    said = [
        line for changes in file_run(history, None, [ANOMALY], AlertPolicy({}, ())).run() for line in lines(changes)
    ]
    opened = [line for line in said if line["event"] == "opened"]
    assert [line["at"] for line in opened] == [f"{START + timedelta(hours=451):%Y-%m-%dT%H:%M:%SZ}"]
    assert opened[0]["reason"].startswith("distinct_books 4 where 11 is usual")


def test_failed_checks_are_told_while_they_fail_and_not_again_when_the_outage_is_over(tmp_path: Path) -> None:
    """The detector still counts the failures for a while: true, and no second message about what is over."""
    rows, outage = ["timestamp,up,items"], range(20 * 96, 20 * 96 + 12)
    for quarter in range(21 * 96):
        at = START + timedelta(minutes=15 * quarter)
        down = quarter in outage
        rows.append(f"{at:%Y-%m-%dT%H:%M:%SZ},{0 if down else 1},{'' if down else 20 + quarter % 3}")
    (tmp_path / "board.csv").write_text("\n".join(rows) + "\n")
    history = read_history(tmp_path, None)

    def events(rules: list[Rule]) -> list[tuple[str, str]]:
        run = file_run(history, None, rules, AlertPolicy({}, ()))
        return [(line["rule"], line["event"]) for changes in run.run() for line in lines(changes)]

    down = Rule("source-down", Pattern.STATUS, (Condition("status", "==", "down"),))
    assert events([ANOMALY]) == [("anomaly", "opened"), ("anomaly", "resolved")]
    assert events([down, ANOMALY]) == [
        ("source-down", "opened"),
        ("anomaly", "suppressed"),
        ("source-down", "resolved"),
    ]


def test_labels_beside_a_recording_say_which_anomalies_were_real(tmp_path: Path) -> None:
    begin = int((START + timedelta(hours=450)).timestamp())
    entry = {"source": "board", "kind": "books_lost", "alarm": True, "start": begin, "end": begin + 6 * 3600}
    quiet = entry | {"alarm": False}
    (tmp_path / "truth.json").write_text(json.dumps([entry, quiet]))
    assert [(one.start, one.end) for one in read_catalogue(tmp_path).labels] == [(begin, begin + 6 * 3600)]
    run = file_run(read_history(recording(tmp_path, 20, range(450, 456)), None), None, [ANOMALY], AlertPolicy({}, ()))
    assert run.script.confirmed == (("board", begin, begin + 6 * 3600),)
    (tmp_path / "truth.json").write_text('[{"source": "board"}]')
    with pytest.raises(BadInput, match=r"truth\.json: \[0\]\.start must be ISO 8601"):
        read_catalogue(tmp_path)


def test_three_days_of_a_recording_are_too_few_and_every_metric_says_so(tmp_path: Path) -> None:
    found = explain_recording(recording(tmp_path, 3), "board")
    assert {m["metric"]: m["use"] for m in found["metrics"]} == {"distinct_books": "learning", "items": "learning"}
    assert {m["metric"]: m["why"] for m in found["metrics"]}["distinct_books"] == "2 of 7 days of history"
    with pytest.raises(BadInput, match="has no source 'odds'; it has board"):
        explain_recording(tmp_path, "odds")


def test_three_days_of_a_recording_are_said_to_be_too_few_for_the_rule(tmp_path: Path) -> None:
    def said(days: int, *rules: Rule) -> str | None:
        (place := tmp_path / str(days)).mkdir(exist_ok=True)
        history = read_history(recording(place, days), None)
        return file_run(history, None, rules, AlertPolicy({}, ())).too_short_for_anomalies

    assert said(3, ANOMALY) == (
        "The history has 3 days, and what is normal is learned from 7: that rule anomaly finds nothing here says nothing about "
        "it. Give a longer recording."
    )
    assert said(8, ANOMALY) is None
    assert said(3, Rule("down", Pattern.STATUS)) is None


def test_a_metric_that_is_always_0_is_left_out_and_says_why(tmp_path: Path) -> None:
    rows = ["timestamp,up,items"]
    rows += [f"{START + timedelta(hours=hour):%Y-%m-%dT%H:%M:%SZ},1,0" for hour in range(10 * 24)]
    (tmp_path / "board.csv").write_text("\n".join(rows) + "\n")
    found = explain_recording(tmp_path, "board")
    assert {m["metric"]: (m["use"], m["why"]) for m in found["metrics"]} == {
        "items": ("left out", "always 0 so far: nothing can be missing from it")
    }
