"""A large file is read once, in evenly spaced stretches; what only all rows can say is asked of all rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.quality import thinning
from busta_health_dagster.quality.suggest import suggest
from busta_health_dagster.quality.thinning import MOST_STRETCHES, STRETCH, read_thinned

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 23, tzinfo=UTC)
ROWS = 300_000


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Rows that say where they stand; `bet` repeats once, and ten rows are there twice."""
    every = pd.DataFrame({"row": range(ROWS), "book": [f"book {i % 7}" for i in range(ROWS)]})
    every["bet"] = [f"b{i:07d}" for i in range(ROWS)]
    every.loc[1_500, "bet"] = f"b{ROWS:07d}"  # in a stretch that is not kept
    every.loc[1_501, "bet"] = f"b{ROWS:07d}"
    every["note"] = ["" if i % 50 == 0 else "a, b" for i in range(ROWS)]
    return pd.concat([every, every.iloc[-10:]], ignore_index=True)


@pytest.fixture(scope="module", params=["csv", "tsv", "parquet"])
def file(request: pytest.FixtureRequest, table: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / f"bets.{request.param}"
    if request.param == "parquet":
        table.to_parquet(path, index=False)
    else:
        table.to_csv(path, index=False, sep="\t" if request.param == "tsv" else ",")
    return path


@pytest.fixture(autouse=True)
def everything_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thinning, "SMALL_BYTES", 0)


@pytest.mark.parametrize("with_arrow", [True, False])
def test_stretches_of_neighbours_lie_over_the_whole_file_and_all_rows_are_counted(
    file: Path, monkeypatch: pytest.MonkeyPatch, with_arrow: bool
) -> None:
    monkeypatch.setattr(thinning, "installed", lambda _extra: with_arrow)
    told: list[tuple[int, int | None]] = []
    read = read_thinned(file, lambda done, total: told.append((done, total)))
    assert read.whole is not None
    assert read.whole.rows == ROWS + 10
    rows = read.frame["row"].astype(int)
    assert MOST_STRETCHES / 2 <= len(rows) / STRETCH <= MOST_STRETCHES
    assert rows.is_monotonic_increasing
    assert (rows.diff().dropna() == 1).mean() > 0.99, "neighbours stay together"
    assert rows.min() == 0
    assert rows.max() > 0.98 * ROWS
    size = file.stat().st_size
    assert told[-1][0] > 0
    assert all(total == size and done <= size for done, total in told)


def test_an_empty_field_is_null_and_nothing_else_is(file: Path) -> None:
    read = read_thinned(file)
    empty = read.frame["note"].isna() | (read.frame["note"] == "")
    assert (empty == (read.frame["row"].astype(int) % 50 == 0)).all()
    assert set(read.frame["note"][~empty]) == {"a, b"}


def test_a_key_that_is_unique_in_the_stretches_and_not_in_the_file_is_none(file: Path) -> None:
    read = read_thinned(file)
    assert read.whole is not None
    assert read.frame["bet"].is_unique
    assert not read.whole.is_unique(["bet"])
    assert read.whole.copies == pytest.approx(20 / (ROWS + 10))
    done: list[tuple[int, int | None]] = []
    draft = suggest(read.frame, "bets", NOW, whole=read.whole, advance=lambda n, total: done.append((n, total)))
    why = {e["meta"]["id"]: e["meta"]["why"] for e in draft["expectations"]}
    assert "bet.unique" not in why
    assert why["table.rows"].startswith(f"{ROWS + 10} rows")
    assert why["copies.single"] == f"0.01% of {ROWS + 10} rows stood in the table twice"
    assert f"in stretches all over the {ROWS + 10} rows of the file" in draft["meta"]["notes"]
    assert done == [(n, 4) for n in range(4)]


def test_a_file_that_cannot_be_streamed_is_read_or_refused_as_any_other(tmp_path: Path) -> None:
    ragged = tmp_path / "ragged.csv"
    ragged.write_text("a,b\n" + "1\n" * 30)  # too few fields: Arrow refuses, pandas reads nulls
    assert read_thinned(ragged).whole is None
    twice = tmp_path / "twice.csv"
    twice.write_text("a,a\n" + "1,2\n" * 30)
    assert list(read_thinned(twice).frame.columns) == ["a", "a.1"]
    with pytest.raises(BadInput, match="there is no data file"):
        read_thinned(tmp_path / "none.csv")


def test_a_small_file_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(thinning, "SMALL_BYTES", 8_000_000)
    (tmp_path / "small.csv").write_text("a\n" + "1\n" * 30)
    read = read_thinned(tmp_path / "small.csv")
    assert (read.whole, len(read.frame)) == (None, 30)
