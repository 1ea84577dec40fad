"""Suites through the real GX: counts by our id, errors in the score, and each fault in the dimension it belongs to."""

from __future__ import annotations

import json
import logging
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from busta_health_dagster.domain.quality import ColumnShape, SchemaSnapshot
from busta_health_dagster.quality.derive import derive
from busta_health_dagster.quality.failing_rows import failing_rows
from busta_health_dagster.quality.loader import load_suite, parse_suite
from busta_health_dagster.quality.pushdown import SqlRunner
from busta_health_dagster.quality.runner import ephemeral_context

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SUITES = Path(__file__).resolve().parents[3] / "expectations"
ODDS = load_suite(SUITES / "odds.json")


def odds(events=100):
    at = (NOW - timedelta(minutes=2)).isoformat()
    return [
        {"event_id": f"e{i}", "book": "book", "market": "h2h", "side": side, "price": price, "timestamp": at}
        for i in range(events)
        for side, price in (("home", -120), ("away", 110))
    ]


def test_good_odds_score_100_on_all_five_dimensions(runner):
    found = runner.validate("odds", ODDS, odds(), NOW)
    assert found.score.score == 100.0
    assert found.score.coverage == 100.0
    assert found.score.rows == 200
    assert {c.name: c.type for c in found.schema.columns}["price"] == "integer"


def check(id_, type_, **kwargs):
    return {"type": type_, "severity": "warning", "kwargs": kwargs, "meta": {"id": id_}}


def test_whole_numbers_beside_nulls_are_compared_as_they_are(runner):
    rows = [{"id": 2**53 + n, "home": n, "away": n} for n in range(40)]
    rows += [{"id": None, "home": None, "away": 3}, {"id": 2**60, "home": 4, "away": None}]
    suite = parse_suite(
        {
            "name": "games",
            "expectations": [
                *(check(f"{name}.there", "expect_column_to_exist", column=name) for name in ("id", "home", "away")),
                *(
                    check(f"{name}.not_null", "expect_column_values_to_not_be_null", column=name)
                    for name in ("id", "home", "away")
                ),
                check("id.unique", "expect_column_values_to_be_unique", column="id"),
                check("id.text", "expect_column_values_to_match_regex", column="id", regex="^[0-9]+$"),
                check("home.mean", "expect_column_mean_to_be_between", column="home", min_value=18, max_value=20),
                check("same", "expect_column_pair_values_to_be_equal", column_A="home", column_B="away"),
            ],
        },
        "games.json",
    )
    checks = {c.id: c for c in runner.validate("games", suite, rows, NOW).score.checks}
    assert {name: c.error for name, c in checks.items() if c.error} == {}
    unexpected = {name: c.unexpected for name, c in checks.items() if c.unexpected}
    assert unexpected == {"id.not_null": 1, "home.not_null": 1, "away.not_null": 1, "same": 2}


def spoil(rows, **fields):
    """Ten of a hundred events, whole markets, so that only what is meant is wrong."""
    return [{**r, **fields} if int(r["event_id"][1:]) < 10 else r for r in rows]


@pytest.mark.parametrize(
    ("dimension", "rows", "capped_by"),
    [
        ("completeness", spoil(odds(), book=None), "book.not_null"),
        ("validity", [{**r, "price": "abc"} if i == 0 else r for i, r in enumerate(odds())], None),
        ("validity", spoil(odds(), market="mystery"), "market.known"),
        (
            "consistency",
            [{**r, "price": 300} if r["event_id"] in {f"e{i}" for i in range(10)} else r for r in odds()],
            "market.implied_probability",
        ),
        ("uniqueness", [*odds(), odds()[0]], "quote.unique"),
        ("timeliness", spoil(odds(), timestamp=(NOW - timedelta(hours=1)).isoformat()), "timestamp.fresh"),
    ],
    ids=["nulls", "mistyped", "unknown value", "impossible margin", "duplicate", "stale"],
)
def test_each_fault_moves_exactly_its_dimension(runner, dimension, rows, capped_by):
    score = runner.validate("odds", ODDS, rows, NOW).score
    lowered = {d.value for d, v in score.dimensions.items() if v < 100}
    expected = (
        {dimension} if dimension != "uniqueness" else {"uniqueness", "consistency"}
    )  # a doubled price doubles its market's sum
    assert lowered == expected
    assert capped_by is None or capped_by in {c.check for c in score.caps}


def test_empty_wrong_and_partial_payloads_are_no_data_or_say_what_is_missing(runner):
    assert runner.validate("odds", ODDS, [], NOW).score.reason == "zero rows: nothing to evaluate"
    assert "one object" in runner.validate("odds", ODDS, {"data": []}, NOW).score.reason
    assert "row 1 is text" in runner.validate("odds", ODDS, [{"a": 1}, "x"], NOW).score.reason
    gone = runner.validate("odds", ODDS, [{k: v for k, v in r.items() if k != "timestamp"} for r in odds()], NOW).score
    errors = {c.id: c.error for c in gone.checks if c.error}
    assert errors["timestamp.not_null"] == "column timestamp is missing from the data"
    assert errors["timestamp.fresh"] == "column age_seconds is derived from timestamp, which the data does not have"
    assert gone.score < 89


def test_an_all_null_column_fails_its_null_check_and_leaves_the_rest_not_evaluated(runner):
    score = runner.validate("odds", ODDS, [{**r, "price": None} for r in odds()], NOW).score
    states = {c.id: (c.passed, c.eligible) for c in score.checks}
    assert states["price.not_null"] == (False, 200)
    assert states["price.american_odds"] == (None, 0)
    assert score.coverage < 100


MIXED = parse_suite(
    {
        "name": "mixed",
        "expectations": [
            {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "price"}, "meta": {"id": "nulls"}},
            {
                "type": "expect_column_values_to_be_between",
                "kwargs": {"column": "price", "min_value": 0},
                "meta": {"id": "core"},
            },
            {
                "type": "expect_column_values_to_be_number_between",
                "kwargs": {"column": "price", "min_value": 0},
                "meta": {"id": "ours"},
            },
            {
                "type": "expect_column_values_to_be_decimal_odds",
                "kwargs": {"column": "price"},
                "meta": {"id": "decimal"},
            },
        ],
    },
    "mixed.json",
)


def test_a_check_that_breaks_is_attributed_by_id_and_counts_as_failed_while_the_others_count_on(runner):
    score = runner.validate("mixed", MIXED, [{"price": v} for v in (1.5, 2.5, "abc", None)] * 5, NOW).score
    found = {c.id: (c.eligible, c.unexpected, c.error) for c in score.checks}
    assert found["nulls"] == (20, 5, None)
    assert found["ours"] == (15, 5, None)
    assert found["decimal"] == (15, 5, None)
    assert "mixes types" in found["core"][2]
    assert "abc" not in str(score)


def test_gx_failing_as_a_whole_is_said_by_every_check(runner, monkeypatch):
    runner.validate("broken", MIXED, [{"price": 1.5}], NOW)

    class Broken:
        def get_batch(self, **_):
            raise RuntimeError("engine on fire")

    monkeypatch.setattr(runner._slots["broken"], "batch_definition", Broken())
    score = runner.validate("broken", MIXED, [{"price": 1.5}], NOW).score
    assert score.score == 0.0
    assert all("engine on fire" in c.error for c in score.checks)


def test_a_cut_sample_says_how_many_rows_it_rests_on(runner):
    score = runner.validate("odds", ODDS, odds(), NOW, total_rows=5000).score
    assert (score.rows, score.total_rows) == (200, 5000)
    assert score.notes == ("rests on a sample: 200 of 5000 rows",)
    assert runner.validate("odds", ODDS, odds(), NOW, max_rows=50).score.rows == 50


def test_drift_joins_the_score_as_checks(runner):
    learned = SchemaSnapshot((ColumnShape("price", "text", 0.0), ColumnShape("gone", "text", 0.0)), 200)
    score = runner.validate("odds", ODDS, odds(), NOW, learned=learned).score
    assert {c.check for c in score.caps} == {"schema.columns"}
    assert "price was text, is integer" in next(c.why for c in score.checks if c.id == "schema.columns")


def test_six_threads_on_six_sources_count_what_one_would(runner):
    wrong = []

    def work(k):
        for n in range(3):
            bad = k + n + 1
            rows = [{"price": None if i < bad else 2.0} for i in range(50)]
            found = {c.id: c.unexpected for c in runner.validate(f"thread{k}", MIXED, rows, NOW).score.checks}
            if found["nulls"] != bad:
                wrong.append((k, n, found))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert wrong == []


def test_a_changed_suite_is_taken_up_and_an_unchanged_one_is_kept(runner):
    runner.validate("reload", MIXED, [{"price": 1.5}], NOW)
    kept = runner._slots["reload"].suite
    runner.validate("reload", MIXED, [{"price": 1.5}], NOW)
    assert runner._slots["reload"].suite is kept
    assert len(runner.validate("reload", ODDS, odds(), NOW).score.checks) == len(ODDS.checks)


def test_failing_rows_show_keys_and_shapes_never_values(runner):
    secret = [
        {
            "id": str(i),
            "athlete": {
                "displayName": "Jane Doe",
                "team": {"abbreviation": "KC"},
                "position": {"abbreviation": "QB"},
            },
            "status": "Out",
            "date": "2026-11-22",
        }
        for i in range(30)
    ]
    secret[3] |= {"athlete": secret[3]["athlete"] | {"displayName": "J"}}
    secret[4] |= {"status": "fine!"}
    suite = load_suite(SUITES / "injuries.json")
    failed = [c.id for c in runner.validate("injuries", suite, secret, NOW).score.checks if c.unexpected]
    found = {r.check: r for r in failing_rows(runner, "injuries", suite, secret, NOW, failed=failed)}
    assert found["player.name"].keys == {"report_id": "3"}
    assert found["player.name"].values == {"player": "A"}  # noqa: PD011
    status = found["status.known"]
    assert (status.row, status.values, status.of) == (4, {"status": "fine!"}, 1)  # noqa: PD011
    assert "Jane" not in str(found)


def test_a_suite_can_be_opened_and_run_by_plain_gx(runner):
    import great_expectations as gx

    context = ephemeral_context()
    asset = context.data_sources.add_pandas("plain gx").add_dataframe_asset("rows")
    whole = asset.add_batch_definition_whole_dataframe("all")
    frame = pd.DataFrame(odds()).assign(price=lambda d: d["price"].where(d.index != 0))
    for path in sorted(SUITES.glob("*.json")):
        written = json.loads(path.read_text())
        opened = gx.ExpectationSuite(**written)
        assert len(opened.expectations) == len(written["expectations"])
    written = json.loads((SUITES / "odds.json").read_text())
    outcome = whole.get_batch(batch_parameters={"dataframe": derive(frame, ODDS, NOW)}).validate(
        gx.ExpectationSuite(**written)
    )
    plain = {r.expectation_config.meta["id"]: r.success for r in outcome.results}
    ours = {c.id: c.passed is not False for c in runner.validate("odds", ODDS, frame, NOW).score.checks}
    assert plain == ours


def test_gx_knows_every_expectation_of_the_catalogue_with_these_kwargs(runner):
    from great_expectations.expectations import registry

    from busta_health_dagster.quality.catalogue import CATALOGUE

    internal = {
        "id",
        "meta",
        "notes",
        "result_format",
        "description",
        "catch_exceptions",
        "rendered_content",
        "version",
        "windows",
        "severity",
        "batch_id",
        "library_metadata",
    }
    ephemeral_context()
    for name, known in CATALOGUE.items():
        fields = registry.get_expectation_impl(name).__fields__
        assert known.kwargs == fields.keys() - internal, name
        assert {k for k, f in fields.items() if f.required} <= known.required_kwargs, name


def test_gx_still_drops_silently_what_the_loader_refuses(runner, caplog):
    import great_expectations as gx

    caplog.set_level(logging.CRITICAL)
    assert gx.ExpectationSuite(name="x", expectations=[{"type": "expect_nothing", "kwargs": {}}]).expectations == []


def test_a_database_is_scored_by_push_down_and_not_written_to(runner, tmp_path):
    path = tmp_path / "w.db"
    with sqlite3.connect(path) as db:
        db.execute("create table games (id integer, game_date text, home_team text, away_team text, updated_at text)")
        db.executemany(
            "insert into games values (?, '2026-11-22', 'KC', ?, ?)",
            [(i, None if i < 5 else "BUF", (NOW - timedelta(minutes=10)).isoformat(" ")) for i in range(100)],
        )
    db.close()
    suite = load_suite(SUITES / "warehouse_table.json")
    sql = SqlRunner()
    url = f"sqlite:///file:{path}?mode=ro&uri=true"
    found = sql.validate("games", suite, url, "select * from games;", NOW).score
    states = {c.id: (c.eligible, c.unexpected, c.error) for c in found.checks}
    assert states["away_team.not_null"] == (100, 5, None)
    assert states["home_team.code"] == (100, 0, None)
    assert states["updated_at.fresh"] == (1, 0, None)
    assert found.score == 89.0
    days_later = sql.validate("games", suite, url, "select * from games", NOW + timedelta(days=3)).score
    assert {c.id: c.unexpected for c in days_later.checks}["updated_at.fresh"] == 1, "the clock is the caller's"
    assert sql.validate("games", suite, url, "select * from games where id < 0", NOW).score.score is None
    assert "no such table" in sql.validate("games", suite, url, "select * from elsewhere", NOW).score.reason
    with sqlite3.connect(path) as db:
        assert [r[0] for r in db.execute("select name from sqlite_master")] == ["games"]
    db.close()


def test_a_suite_for_a_table_with_other_columns_says_so_and_what_to_do(runner, tmp_path):
    import pandas as pd

    games = load_suite(SUITES / "warehouse_table.json")
    said = (
        "suite warehouse_table is for another table: it reads away_team, game_date, home_team, id and updated_at, the data has "
        "a and b; name the suite of this table, or translate the names (meta.rename)"
    )
    verdict = runner.validate("games", games, pd.DataFrame({"a": [1, 2], "b": [1, 2]}), NOW).score
    assert said in verdict.notes
    assert verdict.score == 0.0
    with sqlite3.connect(tmp_path / "w.db") as db:
        db.execute("create table t (a integer, b integer)")
        db.execute("insert into t values (1, 2)")
    db.close()
    assert (
        said in SqlRunner().validate("games", games, f"sqlite:///{tmp_path}/w.db", "select * from t", NOW).score.notes
    )
    some = runner.validate("games", games, pd.DataFrame({"a": [1], "id": [1]}), NOW).score
    assert not [note for note in some.notes if "another table" in note], (
        "some of its columns are there: each check says"
    )
