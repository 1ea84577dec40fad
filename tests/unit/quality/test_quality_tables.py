"""From payloads and files to tables, and from tables to evaluated cells: nothing is guessed, everything is bounded."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.quality.derive import derive
from busta_health_dagster.quality.frame import read_table, rows_to_frame, snapshot
from busta_health_dagster.quality.loader import parse_suite
from busta_health_dagster.quality.rules import RULES, broken
from busta_health_dagster.quality.scorecard import score_file
from busta_health_dagster.quality.suite import Layout

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_nested_odds_become_one_row_per_price():
    payload = [
        {
            "id": "e1",
            "bookmakers": [
                {
                    "key": "b",
                    "markets": [
                        {"key": "h2h", "outcomes": [{"name": "KC", "price": -120}, {"name": "BUF", "price": 110}]}
                    ],
                }
            ],
        },
        {"id": "e2", "bookmakers": []},
    ]
    frame = rows_to_frame(
        payload,
        Layout(
            unnest=("bookmakers", "bookmakers.markets", "bookmakers.markets.outcomes"),
            rename={"id": "event_id", "bookmakers.markets.outcomes.price": "price"},
        ),
    )
    assert frame["event_id"].tolist() == ["e1", "e1", "e2"]
    assert frame["price"].isna().tolist() == [False, False, True]


def test_types_survive_and_missing_keys_are_nulls():
    frame = rows_to_frame([{"a": 1, "b": {"c": "x"}, "t": True}, {"a": 2, "t": False}, {"a": 2**70, "t": True}])
    assert frame["a"].tolist() == [1, 2, 2**70]
    assert frame["b.c"].isna().tolist() == [False, True, True]
    assert {c.name: c.type for c in snapshot(frame).columns} == {"a": "integer", "b.c": "text", "t": "boolean"}


LONG = 2**53


@pytest.mark.parametrize("ending", ["rows", "json", "jsonl", "parquet"])
def test_two_long_ids_stay_two_also_beside_a_null_a_fraction_or_an_even_longer_one(tmp_path, ending):
    rows = [
        {"null": LONG, "fraction": LONG, "longer": 2**64, "short": 7},
        {"null": LONG + 1, "fraction": LONG + 1, "longer": 2**64 + 1, "short": None},
        {"null": None, "fraction": 0.5, "longer": None, "short": 8},
    ]
    file = tmp_path / f"a.{ending}"
    if ending == "parquet":
        pq.write_table(pa.table({name: [r[name] for r in rows] for name in ("null", "short")}), file)
        frame = read_table(file).frame
    elif ending == "rows":
        frame = rows_to_frame(rows)
    else:
        file.write_text(json.dumps(rows) if ending == "json" else "\n".join(map(json.dumps, rows)))
        frame = read_table(file).frame
    for column in frame:
        assert broken("expect_column_values_to_be_unique", {"column": column}, frame).tolist() == [False] * 3, column
    assert frame["null"].isna().tolist() == [False, False, True]
    assert [str(value) for value in frame["short"].dropna()] == ["7", "8"]
    assert {c.name: c.type for c in snapshot(frame).columns}["null"] == "integer"


def test_an_integer_of_400_digits_is_no_number_and_no_crash():
    frame = rows_to_frame([{"x": 10**400}, {"x": 1}])
    assert broken("expect_column_values_to_be_number_between", {"column": "x"}, frame).tolist() == [True, False]
    assert [c.type for c in snapshot(frame).columns] == ["text"]


def test_what_each_column_is_called_in_a_snapshot():
    frame = rows_to_frame(
        [
            {"n": "1", "f": "1.5", "t": "2026-01-02T03:04:05Z", "x": "abc", "m": 1, "z": None},
            {"n": "2", "f": "2", "t": "2026-01-02", "x": "d", "m": "one", "z": None},
        ]
    )
    assert [c.type for c in snapshot(frame).columns] == ["integer", "number", "timestamp", "text", "mixed", "null"]


def test_csv_stays_text_and_only_an_empty_field_is_null(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("ounces,zip\n12.0 oz,01907\nNA,\n", encoding="utf-8-sig")
    frame = read_table(file).frame
    assert frame.to_dict("list")["zip"][0] == "01907"
    assert frame["ounces"].tolist() == ["12.0 oz", "NA"]
    assert frame["zip"].isna().tolist() == [False, True]


def test_every_kind_of_file_gives_the_same_table_and_is_thinned_or_cut_at_its_limits(tmp_path):
    rows = [{"id": i, "name": f"n{i}"} for i in range(200)]
    pd.DataFrame(rows).to_csv(tmp_path / "a.csv", index=False)
    pd.DataFrame(rows).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.json").write_text(json.dumps(rows))
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for ending in ("csv", "parquet", "json", "jsonl"):
        table = read_table(tmp_path / f"a.{ending}", max_rows=150)
        last = (150, True, "n149") if "json" in ending else (100, True, "n198")
        assert (len(table.frame), table.truncated, list(table.frame["name"])[-1]) == last
        assert not read_table(tmp_path / f"a.{ending}").truncated
    with pytest.raises(BadInput, match=r"JSON lines"):
        read_table(tmp_path / "a.json", max_bytes=100)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "a,b\n1,2,3,4\n5\n6,7,8,9,10,11\n", "cannot be read as csv"),
        ("a.json", "{", "cannot be read as json"),
        ("a.json", "{}", "one object"),
        ("a.json", "[1, 2]", "row 0 is int"),
        ("a.parquet", "no", "cannot be read as parquet"),
        ("a.xlsx", "", "cannot read .xlsx"),
        ("a.csv", b"\xff\xfe\x00", "cannot be read as csv"),
    ],
)
def test_unreadable_files_say_why(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(BadInput, match=message):
        read_table(tmp_path / name)


def test_an_empty_or_absent_file(tmp_path):
    (tmp_path / "a.csv").write_text("")
    assert read_table(tmp_path / "a.csv").frame.empty
    (tmp_path / "b.csv").write_text("a,b\n")
    assert read_table(tmp_path / "b.csv").frame.columns.tolist() == ["a", "b"]
    with pytest.raises(BadInput, match="no data file"):
        read_table(tmp_path / "none.csv")


def evaluated(type_, values, **kwargs):
    return [
        not b for b in broken(type_, {"column": "x", **kwargs}, pd.DataFrame({"x": pd.Series(values, dtype="object")}))
    ]


def test_numbers_are_numbers_or_text_that_reads_as_one():
    values = [1, "2", "-3.5e1", Decimal(4), "12.0 oz", "0.05%", True, float("inf"), "1_000", None]
    assert evaluated("expect_column_values_to_be_number_between", values) == [True] * 4 + [False] * 5 + [True]
    assert evaluated("expect_column_values_to_be_number_between", ["12", "12.0", 12.0, "12.5"], whole=True) == [
        True,
        False,
        True,
        False,
    ]


def test_odds_rules():
    assert (
        evaluated("expect_column_values_to_be_american_odds", [-110, 100, 250, 99, -50, 0, 1.91, "x"])
        == [True] * 3 + [False] * 5
    )
    assert evaluated("expect_column_values_to_be_decimal_odds", [1.01, 1001, 1, 0, -110, 5000]) == [
        True,
        True,
        False,
        False,
        False,
        False,
    ]


def test_timestamps_and_dependencies_and_nulls():
    assert evaluated(
        "expect_column_values_to_be_timestamp", ["2026-01-01", "2026-01-01T10:00:00Z", "01/02/2026", "soon"]
    ) == [True, True, False, False]
    frame = pd.DataFrame({"a": ["x", "x", "x", "y", None], "b": ["1", "1", "2", "9", "3"]})
    kwargs = {"column_A": "a", "column_B": "b"}
    assert broken("expect_column_pair_values_to_follow_dependency", kwargs, frame).tolist() == [
        False,
        False,
        True,
        False,
        False,
    ]
    assert evaluated("expect_column_values_to_not_be_null", ["a", None]) == [True, False]
    assert set(RULES) >= {"expect_column_values_to_be_in_set", "expect_column_values_to_be_unique"}


def test_derived_columns():
    suite = parse_suite(
        {
            "name": "d",
            "expectations": [
                {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "price"}, "meta": {"id": "p"}},
                {
                    "type": "expect_column_values_to_be_american_odds",
                    "kwargs": {"column": "price"},
                    "meta": {"id": "o"},
                },
            ],
            "meta": {
                "derive": [
                    {"column": "age", "kind": "age_seconds", "from": "at"},
                    {"column": "epoch_age", "kind": "age_seconds", "from": "epoch", "unit": "s"},
                    {
                        "column": "sum",
                        "kind": "implied_probability_sum",
                        "price": "price",
                        "by": ["event"],
                        "odds": "american",
                    },
                    {"column": "sides", "kind": "distinct_per_group", "from": "side", "by": ["event"]},
                    {"column": "copies", "kind": "rows_per_group", "by": ["event"]},
                    {"column": "spread", "kind": "difference", "from": "price", "minus": "epoch"},
                    {"column": "defects", "kind": "defects", "checks": ["p", "o"]},
                    {"column": "never", "kind": "age_seconds", "from": "nowhere"},
                ]
            },
        },
        "d",
    )
    at = NOW - timedelta(seconds=90)
    frame = rows_to_frame(
        [
            {"event": "e", "side": s, "price": p, "at": at.isoformat(), "epoch": at.timestamp()}
            for s, p in (("h", -110), ("a", -110), ("a", None), ("x", 5))
        ]
    )
    derived = derive(frame, suite, NOW)
    assert derived["age"].tolist() == [90.0] * 4
    assert derived["epoch_age"].tolist() == [90.0] * 4
    assert derived["sum"].isna().all()  # a group with an impossible price has no sum
    assert derive(frame.iloc[:2], suite, NOW)["sum"].round(4).tolist() == [1.0476] * 2
    assert derived["sides"].tolist() == [3] * 4
    assert derived["copies"].tolist() == [4] * 4
    assert derived["defects"].tolist() == [0, 0, 1, 1]
    assert "never" not in derived
    assert "age" not in frame


def test_a_file_is_unnested_and_renamed_as_its_suite_says(tmp_path):
    event = {"id": "e1", "books": [{"key": "dk", "offers": [{"price": -110}, {"price": 105}]}]}
    (tmp_path / "events.json").write_text(json.dumps([event]))
    table = read_table(tmp_path / "events.json", Layout(unnest=("books", "books.offers"), rename={"books.key": "book"}))
    assert list(table.frame["book"]) == ["dk", "dk"]
    assert list(table.frame["books.offers.price"]) == [-110, 105]
    (tmp_path / "plain.csv").write_text("a,b\n1,2\n")
    assert list(read_table(tmp_path / "plain.csv", Layout(rename={"a": "first"})).frame.columns) == ["first", "b"]


@pytest.mark.parametrize(
    ("document", "rows", "says"),
    [
        (
            {"error": "quota", "code": 7},
            "list",
            "the document has no `list`, where `rows` of the suite leads; it has error and code.",
        ),
        ({}, "list", "the document has no `list`, where `rows` of the suite leads; it has no keys."),
        (
            {"list": {"a": 1}},
            "list",
            "`list` in the document is one object, and `rows` of the suite leads to lists only.",
        ),
        ({"list": "none"}, "list", "`list` in the document is text"),
        (
            {"teams": [{"a": 1}, {"b": 2}]},
            "teams.games",
            "`teams` has no `games`, where `rows` of the suite leads; it has a and b.",
        ),
        ({"teams": ["a"]}, "teams.games", "`teams` has no `games`, where `rows` of the suite leads; it has no keys."),
        ({"teams": [{"games": [{"x": 1}]}]}, "teams.games.plays", "`teams.games` has no `plays`"),
    ],
)
def test_a_document_without_the_list_that_rows_names_is_no_table_of_zero_rows(
    tmp_path: Path, document: dict, rows: str, says: str
) -> None:
    with pytest.raises(BadInput) as refused:
        rows_to_frame(document, Layout(rows=rows))
    assert says in str(refused.value)
    file = tmp_path / "odds.json"
    file.write_text(json.dumps(document))
    with pytest.raises(BadInput) as refused:
        read_table(file, Layout(rows=rows))
    assert str(refused.value).startswith(f"{file}: ")
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("document", "rows", "ids"),
    [
        ({"list": []}, "list", []),
        ({"list": None}, "list", []),
        ({"teams": []}, "teams.games", []),
        ({"teams": [{"a": 1}, {"games": [{"id": 1}]}, {"games": None}]}, "teams.games", [1]),
        ({"teams": [{"games": []}, {"games": []}]}, "teams.games", []),
    ],
)
def test_an_empty_list_is_an_answer_and_one_of_many_parents_may_lack_its_own(
    document: dict, rows: str, ids: list[int]
) -> None:
    frame = rows_to_frame(document, Layout(rows=rows))
    assert (list(frame["id"]) if ids else len(frame)) == (ids or 0)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_file_beyond_the_limits_is_scored_on_stretches_from_all_over_it_and_says_so(ending, tmp_path, monkeypatch):
    every = pd.DataFrame({"id": range(300_000), "price": [1.5] * 300_000})
    every.loc[290_000:, "price"] = None  # a cut at the byte limit would not have seen them
    file = tmp_path / f"a.{ending}"
    every.to_csv(file, index=False) if ending == "csv" else every.to_parquet(file)
    whole = int(read_table(file).frame.memory_usage(deep=True).sum())
    table = read_table(file, max_bytes=whole // 3)
    ids = table.frame["id"].astype(int)
    assert (table.truncated, table.total_rows) == (True, 300_000)
    assert (len(ids), int(ids.min()), int(ids.max())) == (75_000, 0, 296_999)
    assert table.frame.memory_usage(deep=True).sum() <= whole // 3
    assert int(table.frame["price"].isna().sum()) == 2_000

    monkeypatch.setattr(read_table, "__kwdefaults__", {"max_rows": 1_000_000, "max_bytes": whole // 3})
    suite = tmp_path / "s.json"
    checks = [
        {
            "type": "expect_column_values_to_not_be_null",
            "kwargs": {"column": "price"},
            "meta": {"id": "null", "severity": "WARNING", "mostly": 0.99},
        },
        {
            "type": "expect_table_row_count_to_be_between",
            "kwargs": {"min_value": 300_000, "max_value": 300_000},
            "meta": {"id": "rows", "severity": "WARNING"},
        },
    ]
    suite.write_text(json.dumps({"name": "s", "expectations": checks}))
    found = score_file(suite, file, datetime(2026, 11, 23, tzinfo=UTC)).score
    assert {c.id: c.passed for c in found.checks} == {"null": False, "rows": True}
    assert (found.rows, found.total_rows) == (75_000, 300_000)
    assert found.half_width is not None
    assert found.half_width > 0
    assert found.notes == (
        "rests on a sample: 75000 of 300000 rows",
        "drawn: every fourth stretch of 1,000 rows, all over the file",
    )
