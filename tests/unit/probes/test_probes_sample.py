"""The sample that is scored knows of all rows: what is wrong at the end of a payload is in it."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from probe_servers import FAST, look, reply

from busta_health_dagster.probes.reservoir import Reservoir, drawn
from busta_health_dagster.testing import FakeClock

ROWS = [{"id": n, "price": "abc" if n >= 600 else "1.9"} for n in range(1_000)]


def share(sample) -> float:
    """Of the rows with a price that is none: 40% of all, and none of the first 600."""
    assert sample.total_rows == 1_000
    assert [row["id"] for row in sample.rows] == sorted(row["id"] for row in sample.rows)
    return sum(row["price"] == "abc" for row in sample.rows) / len(sample.rows)


@pytest.fixture
def csv_file(tmp_path):
    path = tmp_path / "odds.csv"
    path.write_text("id,price\n" + "".join(f"{r['id']:04},{r['price']}\n" for r in ROWS))
    return path


async def test_the_end_of_every_kind_of_payload_is_in_the_sample(serve, csv_file, tmp_path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    lines = tmp_path / "odds.jsonl"
    lines.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    parquet = tmp_path / "odds.parquet"
    pq.write_table(pa.Table.from_pylist(ROWS), parquet, row_group_size=100)
    with sqlite3.connect(tmp_path / "w.db") as db:
        db.execute("create table odds (id integer, price text)")
        db.executemany("insert into odds values (:id, :price)", ROWS)
    web = await serve(reply(ROWS))
    for probe, config in (
        ("file", {"path": str(csv_file)}),
        ("file", {"path": str(lines)}),
        ("file", {"path": str(parquet)}),
        ("sql", {"url": f"sqlite:///{tmp_path / 'w.db'}", "query": "select * from odds"}),
        ("http", {"url": web.url(), "items": "$[*]"}),
    ):
        sample = (await look(probe, config)).sample
        assert len(sample.rows) == 500, probe
        assert 0.3 < share(sample) < 0.5, probe


async def test_a_cap_of_bytes_thins_the_sample_and_does_not_cut_it(serve) -> None:
    from dataclasses import replace

    web = await serve(reply(ROWS))
    seen = await look("http", {"url": web.url(), "items": "$[*]"}, limits=replace(FAST, sample_bytes=4_000))
    assert 50 < len(seen.sample.rows) < 160
    assert len(json.dumps(seen.sample.rows)) <= 4_800
    assert 0.2 < share(seen.sample) < 0.6


async def test_another_slot_draws_another_sample(csv_file) -> None:
    first = (await look("file", {"path": str(csv_file)})).sample
    again = (await look("file", {"path": str(csv_file)})).sample
    clock = FakeClock()
    clock.advance(300)
    later = (await look("file", {"path": str(csv_file)}, clock=clock)).sample
    assert first == again
    assert first != later


@given(st.integers(0, 300), st.integers(1, 40), st.integers(0, 2**31), st.integers(1, 5))
def test_a_sample_keeps_what_it_may_in_its_order_and_whole_clusters(
    count: int, size: int, seed: int, pair: int
) -> None:
    rows = [{"id": n // pair, "n": n} for n in range(count)]
    kept = [row["n"] for row in drawn(rows, size, seed)]
    assert kept == sorted(set(kept))
    assert len(kept) <= size
    longest = max(1, min(50, size // 10))
    assert len(kept) >= min(count, size - min(pair, longest) + 1)
    if pair <= longest and count > size:
        by_id = Counter(n // pair for n in kept)
        assert all(found == min(pair, count - at * pair) for at, found in by_id.items())


def test_every_row_has_the_same_chance() -> None:
    kept: Counter[int] = Counter()
    for seed in range(2_000):
        reservoir = Reservoir(10, seed)
        for n in range(50):
            reservoir.add(n)
        kept.update(reservoir.rows)
    assert min(kept.values()) > 300
    assert max(kept.values()) < 500


async def test_the_sides_of_a_market_stay_together(serve) -> None:
    """A suite that adds up the sides of each market would take every market of a row-wise sample for half a market."""
    rows = [{"event": n // 6, "book": n // 2 % 3, "side": n % 2} for n in range(3_000)]
    web = await serve(reply(rows))
    sample = (await look("http", {"url": web.url(), "items": "$[*]"})).sample
    sides = Counter((row["event"], row["book"]) for row in sample.rows)
    assert len(sample.rows) > 490
    assert set(sides.values()) == {2}
