"""`busta anomalies score` and `busta baselines show`: what they print, and what they refuse."""

from __future__ import annotations

import csv
import io
import json
import math
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from busta_health_dagster.cli.main import app

START = datetime(2026, 11, 2, tzinfo=UTC)


def series(path: Path, values: list[object], *, step_s: int = 300, stamp="{:%Y-%m-%dT%H:%M:%SZ}") -> Path:
    lines = [f"{stamp.format(START + timedelta(seconds=step_s * i))},{v}" for i, v in enumerate(values)]
    path.write_text("timestamp,value\n" + "\n".join(lines) + "\n")
    return path


def scored(*args: object) -> list[dict[str, str]]:
    done = CliRunner().invoke(app, ["anomalies", "score", *map(str, args)])
    assert done.exit_code == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout)))


def refusal(path: Path) -> str:
    done = CliRunner().invoke(app, ["anomalies", "score", str(path)])
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return " ".join(done.stderr.split())


def test_a_jump_stands_out_and_rows_and_texts_are_those_that_came_in(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    values = [round(float(v), 3) for v in 100 + rng.standard_normal(600)]
    values[500:520] = [v + 40 for v in values[500:520]]
    path = series(tmp_path / "s.csv", values)
    rows = scored(path)
    given = list(csv.DictReader(io.StringIO(path.read_text())))
    assert [(r["timestamp"], r["value"]) for r in rows] == [(r["timestamp"], r["value"]) for r in given]
    scores = [float(r["anomaly_score"]) for r in rows]
    assert all(map(math.isfinite, scores))
    assert 500 <= int(np.argmax(scores)) < 504
    assert max(scores) > 1 > max(scores[:500])


def test_scores_are_causal_and_the_file_says_the_same_as_the_screen(tmp_path: Path) -> None:
    values = [100 + (i * 7919 % 13) for i in range(200)]
    whole = scored(series(tmp_path / "whole.csv", values))
    assert scored(series(tmp_path / "part.csv", values[:120])) == whole[:120]
    out = tmp_path / "out.csv"
    done = CliRunner().invoke(app, ["anomalies", "score", str(tmp_path / "whole.csv"), "--out", str(out)])
    assert (done.exit_code, done.stdout) == (0, "")
    assert list(csv.DictReader(io.StringIO(out.read_text()))) == whole
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out.csv", "part.csv", "whole.csv"]


@pytest.mark.parametrize(
    "values",
    [
        [5] * 400,
        [1, 2, 3],
        [1],
        [float("nan")] * 50,
        ["", *[3.5] * 60, "NaN"],
        [0] * 50,
        [-1e300, 1e300] * 40,
        ["inf"] * 40,
    ],
    ids=["constant", "three", "one", "nothing but NaN", "holes", "zeros", "huge", "infinite"],
)
def test_odd_values_have_finite_scores(tmp_path: Path, values: list[object]) -> None:
    rows = scored(series(tmp_path / "s.csv", values))
    assert len(rows) == len(values)
    assert all(math.isfinite(float(r["anomaly_score"])) for r in rows)


def test_duplicates_are_kept_a_naive_timestamp_is_utc_and_a_year_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "s.csv"
    stamps = [
        "2025-01-01 00:00:00",
        "2025-01-01T00:00:00Z",
        "2025-01-01T01:00:00+01:00",
        "2025-01-01 00:05",
        "2026-03-01",
    ]
    path.write_text(
        "\ufefftimestamp,value,note\n" + "".join(f"{s},{i},x\n" for i, s in enumerate(stamps)), encoding="utf-8"
    )
    assert [r["timestamp"] for r in scored(path)] == stamps


@pytest.mark.parametrize("stamps", [["1767010112", "1767013712"], ["1767010112123", "1767013712123"]])
def test_unix_time_in_seconds_or_milliseconds_is_a_timestamp_and_headers_may_be_spelled_loosely(
    tmp_path: Path, stamps: list[str]
) -> None:
    path = tmp_path / "s.csv"
    path.write_text("Timestamp, VALUE\n" + "".join(f"{s},1\n" for s in stamps))
    assert [r["timestamp"] for r in scored(path)] == stamps
    path.write_text("timestamp,value\n" + "".join(f"{s},1\n" for s in reversed(stamps)))
    assert f"line 3: {stamps[0]} is earlier than {stamps[1]}" in refusal(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("timestamp,value\n2026-01-01T00:05Z,1\n2026-01-01T00:00Z,2\n", "line 3: 2026-01-01T00:00Z is earlier than"),
        ("timestamp,value\n2026-01-01T00:05,1\n2026-01-01T00:05+01:00,2\n", "line 3"),
        ("timestamp,value\nyesterday,1\n", "line 2: 'yesterday' is no timestamp"),
        ("timestamp,value\n2026-01-01,much\n", "line 2: 'much' is no number. Leave a missing value empty"),
        ("timestamp,value\n2026-01-01\n", "line 2: the row has not as many fields"),
        ("timestamp,value\n2026-01-01,1,2\n", "line 2: the row has not as many fields"),
        ("time,value\n2026-01-01,1\n", "the header lacks timestamp"),
        ("timestamp,value,Value\n2026-01-01,1,2\n", "the header has value twice"),
        ("timestamp,value\n176722560,1\n", "'176722560' is no timestamp"),
        ("timestamp,value\n", "has a header and no rows"),
        ("", "the header lacks timestamp and value"),
    ],
)
def test_what_cannot_be_scored_is_refused_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "s.csv"
    path.write_text(text)
    assert says in refusal(path)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in refusal(tmp_path / "gone.csv")
    path = tmp_path / "s.csv"
    path.write_bytes(b"timestamp,value\n\xff\xfe,1\n")
    assert "is not UTF-8 text" in refusal(path)
    out = CliRunner().invoke(
        app, ["anomalies", "score", str(series(path, [1, 2])), "--out", str(tmp_path / "no" / "o.csv")]
    )
    assert (out.exit_code, "cannot be written" in " ".join(out.stderr.split())) == (2, True)


def test_baselines_say_who_is_watched_and_that_nothing_is_known_yet(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (config / "sources.yaml").write_text(
        "version: 1\nsources:\n"
        "  - {name: odds, type: odds, probe: heartbeat, interval: 5m}\n"
        "  - {name: news, type: news, probe: heartbeat, interval: 5m}\n"
    )
    (config / "alerts.yaml").write_text(
        "version: 1\nrules: [{name: anomaly, pattern: anomaly, shadow: true, select: {names: [odds]}}]\n"
        "channels: []\nescalations: []\nroutes: []\n"
    )
    options = ["--home", str(tmp_path / "home"), "--config-dir", str(config)]
    runner = CliRunner()
    assert runner.invoke(app, [*options, "db", "upgrade"]).exit_code == 0
    done = runner.invoke(app, [*options, "baselines", "show", "-o", "json"])
    assert done.exit_code == 0, done.stderr
    odds, news = json.loads(done.stdout)
    assert (odds["rule"], odds["shadow"], odds["state"], odds["metrics"]) == ("anomaly", True, "unknown", {})
    assert news["rule"] is None
    assert "no rule of pattern anomaly watches it" in news["reason"]
    table = runner.invoke(app, [*options, "baselines", "show"])
    assert "nothing yet" in table.stdout
    assert "no rule" in table.stdout
    unknown = runner.invoke(app, [*options, "baselines", "show", "odd"])
    assert unknown.exit_code == 2


def test_the_commands_start_without_numpy() -> None:
    check = (
        "import sys; import busta_health_dagster.cli.main, busta_health_dagster.pipeline.tick.tick, "
        "busta_health_dagster.pipeline.anomaly.normal_ranges; sys.exit('numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


@pytest.mark.parametrize(
    ("values", "step_s", "says"),
    [
        ([100 + i % 7 for i in range(3 * 24)], 3600, "has 3 days of history, and what is normal is learned from 7"),
        (
            [0] * (10 * 24),
            3600,
            "every value is 0, so that nothing in it can be strange. Score another column with --metric.",
        ),
        (["NaN"] * (10 * 24), 3600, "no row has a value, so that there is nothing to score. Score another column"),
    ],
    ids=["three days", "always 0", "no value"],
)
def test_scores_that_say_nothing_are_said_to(tmp_path: Path, values: list[object], step_s: int, says: str) -> None:
    path = series(tmp_path / "s.csv", values, step_s=step_s)
    done = CliRunner().invoke(app, ["anomalies", "score", str(path)])
    assert done.exit_code == 0
    assert says in " ".join(done.stderr.split())
    long = series(tmp_path / "long.csv", [100 + i % 7 for i in range(10 * 24)], step_s=3600)
    assert CliRunner().invoke(app, ["anomalies", "score", str(long)]).stderr == ""
