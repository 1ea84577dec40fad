"""CSV of observations: both shapes, and every reason why a line is not used."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from store_stories import T0, seen

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.store.catalogue import CalendarEntry, ImportedSource, read_catalogue
from busta_health_dagster.store.importing import infer_interval
from busta_health_dagster.store.observation_csv import Rejected, Row, read_observations, write_observations


def read(path: Path, text: str | bytes) -> list[Row | Rejected]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_observations(path))


def test_one_file_names_the_source_in_every_line(tmp_path: Path) -> None:
    rows = read(
        tmp_path / "seen.csv",
        "\ufefftimestamp,source,status,response_ms,items,data_age_s,quality\r\n"
        "2026-11-16T00:00:00Z,odds_api,up,94.3,120,35,98.74\r\n"
        "2026-11-16T01:05:00+01:00,odds_api,DOWN,,,,\r\n"
        "\r\n",
    )
    file = str(tmp_path / "seen.csv")
    assert rows == [
        Row("odds_api", T0, Status.UP, 94.3, 120, 35.0, 98.74, file, 2),
        Row("odds_api", T0 + 300, Status.DOWN, file=file, line=3),
    ]


def test_a_folder_has_a_file_per_source_and_blanks_are_no_observation(tmp_path: Path) -> None:
    text = "timestamp,up,response_ms,items,quality,freshness_s\n2026-11-16T00:00:00Z,1,871.7,0,98.74,628\n"
    (tmp_path / "news.csv").write_text(text + "2026-11-16T00:05:00Z,,,,,\n2026-11-16T00:10:00Z,0,,,,\n")
    (tmp_path / "batch.csv").write_text(text)
    (tmp_path / "notes.txt").write_text("not read")
    rows = [row for row in read_observations(tmp_path) if isinstance(row, Row)]
    assert [(r.source, r.at - T0, r.status, r.data_age_s) for r in rows] == [
        ("batch", 0, Status.UP, 628.0),
        ("news", 0, Status.UP, 628.0),
        ("news", 600, Status.DOWN, None),
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("2026-11-16T00:00:00,odds,up,,,,", "has no zone; write 2026-11-16T08:25:00Z"),
        ("16.11.2026,odds,up,,,,", "is not ISO 8601"),
        ("1890-01-01T00:00:00Z,odds,up,,,,", "lies before 1970"),
        ("9999-12-31T23:59:59Z,odds,up,,,,", "lies after 2199"),
        ("2026-11-16T00:00:00Z,odds,ok,,,,", "'ok' is not one of up, degraded, down, unknown"),
        ("2026-11-16T00:00:00Z,Odds API,up,,,,", "'Odds API' is not a name"),
        ("2026-11-16T00:00:00Z,,up,,,,", "'' is not a name"),
        ("2026-11-16T00:00:00Z,odds,up,fast,,,", "response_ms is 'fast', not a number"),
        ("2026-11-16T00:00:00Z,odds,up,-4,,,", "response_ms is -4; it cannot be negative"),
        ("2026-11-16T00:00:00Z,odds,up,nan,,,", "leave the cell empty where nothing was measured"),
        ("2026-11-16T00:00:00Z,odds,up,,1.5,,", "items is '1.5', not a whole number"),
        ("2026-11-16T00:00:00Z,odds,up,,1e300,,", "that is no measurement"),
        ("2026-11-16T00:00:00Z,odds,up,,,,101", "quality is 101; it ranges from 0 to 100"),
        ("2026-11-16T00:00:00Z,odds,up", "3 values for 7 columns"),
        ("2026-11-16T00:00:00Z,odds,up,,,,,", "8 values for 7 columns"),
        ('2026-11-16T00:00:00Z,odds,up,"5"0,,,', "not CSV"),
        (b"2026-11-16T00:00:00Z,odds\xff,up,,,,", "source is not UTF-8 text"),
        ("2026-11-16T00:00:00Z,odds,up\x00,,,,", "status is not UTF-8 text|not CSV"),
    ],
)
def test_a_line_that_cannot_be_used_says_why_and_the_next_is_read(tmp_path: Path, line: str | bytes, why: str) -> None:
    bad = line if isinstance(line, bytes) else line.encode()
    header = b"timestamp,source,status,response_ms,items,data_age_s,quality\n"
    rows = read(tmp_path / "seen.csv", header + bad + b"\n2026-11-16T00:05:00Z,odds,up,,,,\n")
    assert isinstance(rows[0], Rejected)
    assert rows[0].line == 2
    assert re.search(why, rows[0].reason)
    assert isinstance(rows[1], Row)
    assert str(rows[0]).startswith(f"{tmp_path / 'seen.csv'}:2  ")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "the file is empty"),
        ("timestamp,source\n", "no column 'status'"),
        ("timestamp,source,status,colour\n2026-11-16T00:00:00Z,odds,up,red\n", "colour is 'red', not a number"),
        (
            "timestamp,source,status,Colour Code\n2026-11-16T00:00:00Z,odds,up,1\n",
            "custom metrics by a name of their own",
        ),
        ("timestamp,source,status,respons_ms\n2026-11-16T00:00:00Z,odds,up,1\n", "did you mean response_ms?"),
        (
            f"timestamp,source,status,{','.join(f'm{i}' for i in range(17))}\n",
            "17 columns of custom metrics, at most 16",
        ),
        ("timestamp,source,status,status\n", "column 'status' twice"),
        ("time,up\n", "no column 'timestamp'"),
    ],
)
def test_a_header_that_makes_no_sense_rejects_the_file_once(tmp_path: Path, text: str, why: str) -> None:
    rows = read(tmp_path / "seen.csv", text)
    assert len(rows) == 1
    assert isinstance(rows[0], Rejected)
    assert why in rows[0].reason


def test_further_columns_are_metrics_of_the_sources_own_and_a_blank_one_is_missing(tmp_path: Path) -> None:
    rows = read(
        tmp_path / "seen.csv",
        "timestamp,source,status,distinct_books,spread\n"
        "2026-11-16T00:00:00Z,odds,up,11,-2.5\n"
        "2026-11-16T00:05:00Z,odds,up,,3\n"
        "2026-11-16T00:10:00Z,odds,up,eleven,3\n",
    )
    assert [row.metrics for row in rows if isinstance(row, Row)] == [
        {"distinct_books": 11.0, "spread": -2.5},
        {"spread": 3.0},
    ]
    assert "distinct_books is 'eleven', not a number" in str(rows[2])


def test_a_file_named_unlike_any_source_is_rejected_and_its_neighbour_read(tmp_path: Path) -> None:
    for name in ("2026-odds.csv", "news.csv"):
        (tmp_path / name).write_text("timestamp,up\n2026-11-16T00:00:00Z,1\n")
    first, second = read_observations(tmp_path)
    assert isinstance(first, Rejected)
    assert "'2026-odds' is none" in first.reason
    assert isinstance(second, Row)
    assert (second.source, second.quality) == ("news", None)


def test_nothing_to_read_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"holds no CSV file\. Expected <source>\.csv"):
        list(read_observations(tmp_path))
    with pytest.raises(BadInput, match=r"does not exist\. Name a CSV file"):
        list(read_observations(tmp_path / "gone.csv"))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    observations = [
        seen("odds", T0, quality=97.25, items=12, data_age_s=30.0, response_ms=1234.5),
        seen("odds", T0 + 300, Status.UNKNOWN),
    ]
    out = io.StringIO()
    assert write_observations(out, [(o.slot, [o]) for o in observations]) == 2
    path.write_text(out.getvalue())
    first, second = read_observations(path)
    assert first == Row("odds", T0, Status.UP, 1234.5, 12, 30.0, 97.25, str(path), 2)
    assert second == Row("odds", T0 + 300, Status.UNKNOWN, file=str(path), line=3)


def test_the_catalogue_says_types_and_planned_work(tmp_path: Path) -> None:
    assert read_catalogue(tmp_path).calendar == ()
    (tmp_path / "sources.json").write_text('{"odds": {"type": "odds_api", "cadence_s": 300}, "x": {}}')
    (tmp_path / "calendar.json").write_text(
        '[{"kind": "planned_maintenance", "start": "2026-11-16T00:00:00+00:00", "end": "2026-11-16T01:00:00Z", "source": "odds"},'
        ' {"kind": "nfl_night", "start": "2026-11-16T00:15:00Z", "end": "2026-11-16T03:45:00Z"}]'
    )
    found = read_catalogue(tmp_path)
    assert found.sources == {"odds": ImportedSource("odds_api", 300), "x": ImportedSource("imported", None)}
    assert found.calendar[0] == CalendarEntry("planned_maintenance", T0, T0 + 3600, "odds")
    assert [entry.is_maintenance for entry in found.calendar] == [True, False]


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("sources.json", "{", "cannot be read"),
        ("sources.json", "[]", "must be an object"),
        ("sources.json", '{"a": {"cadence_s": "5m"}}', r"a\.cadence_s must be seconds above 0"),
        ("calendar.json", "{}", "must be a list"),
        (
            "calendar.json",
            '[{"kind": "x", "start": "2026-11-16", "end": "2026-11-17"}]',
            r"\[0\]\.start must be ISO 8601",
        ),
        (
            "calendar.json",
            '[{"kind": "x", "start": "2026-11-17T00:00Z", "end": "2026-11-16T00:00Z"}]',
            "later than its start",
        ),
    ],
)
def test_a_catalogue_that_cannot_be_understood_is_refused(tmp_path: Path, name: str, text: str, why: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BadInput, match=why):
        read_catalogue(tmp_path)


def test_the_interval_is_the_usual_distance_in_whole_minutes() -> None:
    assert infer_interval([T0 + n * 300 for n in (0, 1, 2, 5, 6)]) == 300
    assert infer_interval([T0, T0 + 59, T0 + 121]) == 60
    assert infer_interval([T0, T0 + 5]) == 60
    assert infer_interval([T0]) == infer_interval([]) == 300
