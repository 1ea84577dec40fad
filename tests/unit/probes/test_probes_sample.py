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


@given(st.integers(0, 300), st.integers(1, 40), st.integers(0, 2**31))
def test_a_reservoir_keeps_as_many_as_it_may_in_their_order(count: int, size: int, seed: int) -> None:
    reservoir = Reservoir(size, seed)
    for n in range(count):
        place = reservoir.place()
        if place is not None:
            reservoir.put(place, n)
    assert len(reservoir.rows) == min(count, size)
    assert reservoir.rows == sorted(set(reservoir.rows))
    assert len(drawn(count, size, seed)) == min(count, size)


def test_every_row_has_the_same_chance() -> None:
    kept: Counter[int] = Counter()
    for seed in range(2_000):
        reservoir = Reservoir(10, seed)
        for n in range(50):
            place = reservoir.place()
            if place is not None:
                reservoir.put(place, n)
        kept.update(reservoir.rows)
    assert min(kept.values()) > 300
    assert max(kept.values()) < 500
