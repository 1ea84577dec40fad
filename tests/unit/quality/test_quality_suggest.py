"""A draft from a clean table: each line with its evidence, loadable as it is, and dirt lowers its score step by step."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.quality.loader import load_suite, parse_suite
from busta_health_dagster.quality.scorecard import as_json, score_file
from busta_health_dagster.quality.shapes import learn
from busta_health_dagster.quality.suggest import suggest, write_draft

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def clean(rows=400):
    cities = {
        "60601": ("Chicago", "IL"),
        "10001": ("New York", "NY"),
        "02108": ("Boston", "MA"),
        "98101": ("Seattle", "WA"),
    }
    picks = [list(cities)[i * 3 % 7 % 4] for i in range(rows)]
    return pd.DataFrame(
        {
            "id": [str(1000 + i) for i in range(rows)],
            "zip": picks,
            "city": [cities[z][0] for z in picks],
            "state": [cities[z][1] for z in picks],
            "starts": [f"{1 + i % 11}:{i % 59:02d} {'ap'[i % 2]}.m." for i in range(rows)],
            "price": [str(round(5 + i % 97 * 0.37, 2)) for i in range(rows)],
            "note": [
                None if i % 3 == 0 else f"word {i} of {'abc'[i % 3]} {chr(97 + i % 26) * (i % 9 + 1)}!"
                for i in range(rows)
            ],
            "seen_at": [(NOW - timedelta(minutes=5 + i)).isoformat() for i in range(rows)],
        },
        dtype="str",
    )


def dirty(frame, share):
    rng = np.random.default_rng(3)
    out = frame.copy()
    rows = rng.permutation(len(frame))[: int(len(frame) * share)]
    for n, row in enumerate(rows):
        column, value = [
            ("city", "Chicagx"),
            ("state", None),
            ("starts", "13h05"),
            ("price", "12.0 oz"),
            ("zip", "2108"),
        ][n % 5]
        out.loc[row, column] = value
    return out


DRAFT = suggest(clean(), "shops", NOW)
BY_ID = {e["meta"]["id"]: e for e in DRAFT["expectations"]}


def test_what_the_draft_learned():
    assert BY_ID["id.unique"]["type"] == "expect_column_values_to_be_unique"
    assert BY_ID["city.set"]["kwargs"]["value_set"] == ["Boston", "Chicago", "New York", "Seattle"]
    assert BY_ID["city.by.zip"]["type"] == "expect_column_pair_values_to_follow_dependency"
    assert BY_ID["starts.format"]["kwargs"]["regex"] == r"^(?:[0-9]{1,2}:[0-9]{2} (?:a|p)\.m\.)$"
    price = BY_ID["price.number"]["kwargs"]
    assert 0 <= price["min_value"] < 5
    assert 41 < price["max_value"] < 60
    assert 0.4 < BY_ID["note.null_share"]["kwargs"]["min_value"] < 0.67
    assert BY_ID["seen_at.fresh"]["kwargs"] == {"max_value": 900, "column": "seen_at_age_seconds"}
    assert DRAFT["meta"]["keys"] == ["id"]


def test_every_line_has_its_evidence_and_pages_nobody():
    assert all(e["meta"]["why"] for e in DRAFT["expectations"])
    assert {e["meta"]["severity"] for k, e in BY_ID.items() if not k.startswith(("record", "table", "copies"))} == {
        "WARNING"
    }
    assert "400 rows" in DRAFT["meta"]["notes"]


def test_a_draft_holds_no_prose_and_no_open_values():
    text = json.dumps(DRAFT)
    assert "word 1 of" not in text
    assert "1003" not in text


def test_clean_scores_near_100_and_more_dirt_scores_strictly_less(runner):
    suite = parse_suite(DRAFT, "draft")
    scores = [
        runner.validate("shops", suite, dirty(clean(), share), NOW).score.score
        for share in (0, 0.1, 0.25, 0.5, 0.75, 1)
    ]
    assert scores[0] >= 99
    assert all(a > b for a, b in pairwise(scores))
    assert scores[-1] < 90


def test_written_once_never_overwritten_and_scored_from_files(runner, tmp_path):
    path = write_draft(DRAFT, tmp_path / "shops.json")
    with pytest.raises(BadInput, match="never overwrites"):
        write_draft(DRAFT, path)
    with pytest.raises(BadInput, match="cannot be written"):
        write_draft(DRAFT, tmp_path / "no" / "shops.json")
    dirty(clean(), 1).to_csv(tmp_path / "dirty.csv", index=False)
    found = as_json(score_file(path, tmp_path / "dirty.csv", NOW, runner).score)
    assert found["score"] < 90
    assert found.keys() >= {"score", "raw", "half_width", "coverage", "dimensions", "checks"}
    assert found["checks"][0].keys() >= {
        "id",
        "dimension",
        "column",
        "severity",
        "eligible",
        "unexpected",
        "passed",
        "error",
    }
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert len(found["checks"]) == len(load_suite(path).checks)
    (tmp_path / "empty.csv").write_text("id\n")
    assert as_json(score_file(path, tmp_path / "empty.csv", NOW, runner).score)["score"] is None


def test_typed_tables_are_drafted_too(runner):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "key": range(100),
            "flag": rng.random(100) > 0.5,
            "value": rng.normal(size=100),
            "at": pd.date_range("2026-01-01", periods=100, freq="h", tz="UTC"),
            "tags": [["a", "b"]] * 100,
            "empty": pd.Series([None] * 100, dtype="object"),
        }
    )
    found = runner.validate("typed", parse_suite(suggest(frame, "typed", NOW), "typed"), frame, NOW).score
    assert found.score == 100.0
    assert [c.id for c in found.checks if c.error] == []


def test_too_little_evidence_is_refused():
    with pytest.raises(BadInput, match="19 rows"):
        suggest(clean(19), "few", NOW)
    twins = clean(20).rename(columns={"city": "state"})
    with pytest.raises(BadInput, match="'state' twice"):
        suggest(twins, "twins", NOW)


def test_text_without_a_format_gets_none():
    rng = np.random.default_rng(0)
    assert learn("".join(rng.choice(list("ab1 -_/."), 12)) for _ in range(300)) is None
    assert learn(["12-34"] * 60).regex == "^(?:[0-9]{2}\\-[0-9]{2})$"
