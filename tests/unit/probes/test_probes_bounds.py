"""What a payload may cost: small files that hold gigabytes, of every format, in processes whose memory is measured."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from probe_servers import look, reply

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.probes import ProbeLimits
from busta_health_dagster.probes.bounds import parsed_bytes
from busta_health_dagster.probes.file import FileConfig

MIB = 2**20
LONG = "x" * (5 * MIB // 2)


def repeated(n: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array([0] * n, pa.int32()), pa.array([LONG]))


def text_bomb() -> pa.Table:
    """A few hundred bytes; 1.25 GB once it is text."""
    return pa.table({"play": repeated(500)})


def list_bomb() -> pa.Table:
    return pa.table({"plays": pa.ListArray.from_arrays(pa.array(range(501), pa.int32()), repeated(500))})


def struct_bomb() -> pa.Table:
    return pa.table({"play": pa.StructArray.from_arrays([repeated(500)], ["text"])})


def number_bomb() -> pa.Table:
    """One row of twenty million numbers that are all the same."""
    return pa.table(
        {"odds": pa.ListArray.from_arrays(pa.array([0, 20_000_000]), pa.array([7] * 20_000_000, pa.int64()))}
    )


def fixed_bomb() -> pa.Table:
    return pa.table({"hash": pa.array([b"y" * MIB] * 300, pa.binary(MIB))})


@pytest.mark.parametrize("bomb", [text_bomb, list_bomb, struct_bomb, number_bomb, fixed_bomb])
def test_a_small_parquet_file_of_gigabytes_is_refused_and_memory_stays_flat(tmp_path, bomb):
    path = tmp_path / "bomb.parquet"
    pq.write_table(bomb(), path, compression="zstd")
    assert path.stat().st_size < MIB
    assert grown(path) == ("too_large", True)


@pytest.mark.parametrize(
    "text",
    [
        "[" + "{}," * (10 * MIB) + "{}]",
        '[{"a":1}' + ',{"a":1}' * (15 * MIB // 4) + "]",
        "[" * 100 + "[]" + ",[]" * (9 * MIB) + "]" * 100,
    ],
    ids=["empty objects", "small objects", "empty lists"],
)
def test_json_is_weighed_before_it_is_parsed(tmp_path, text):
    path = tmp_path / "bomb.json"
    path.write_text(text)
    assert grown(path) == ("too_large", True)


def test_a_csv_keeps_no_list_of_its_times(tmp_path):
    path = tmp_path / "many.csv"
    path.write_text("t\n" + "".join(f"{1_700_000_000 + n}\n" for n in range(3_000_000)))
    assert grown(path, "data_age={'column': 't', 'format': 'epoch'}", below=120) == ("ok", True)


def test_a_csv_row_that_never_ends_is_cut(tmp_path):
    path = tmp_path / "row.csv"
    path.write_text("a,b\n" + "1," * (20 * MIB))
    assert grown(path) == ("payload", True)


def grown(path, more: str = "", below: int = 400) -> tuple[str, bool]:
    """(its reason, whether memory grew by less than `below` MiB) in a process that does nothing else."""
    script = f"""
import asyncio, resource, sys
sys.path.insert(0, "tests")
from probe_servers import look
from busta_health_dagster.probes.file_reading import prepare
prepare("parquet")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
seen = asyncio.run(look("file", dict(path={str(path)!r}, {more}), timeout_s=120.0))
print(seen.reason, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < {below} * 1024)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    reason, flat = done.stdout.split()
    return reason, flat == "True"


def test_the_cap_of_a_file_is_64_mib_for_every_format():
    assert FileConfig(path="x.csv").max_bytes == 64 * MIB


async def test_an_ordinary_parquet_file_is_read_as_before(tmp_path):
    path = tmp_path / "good.parquet"
    names = pa.array(["GB", "CHI", None] * 1000)
    inner = pa.array([{"a": ["p", "q"], "m": 1.5}] * 3000)
    at = pa.array(["2026-11-23T07:00:00Z", "2026-11-23T07:50:00Z", None] * 1000)
    pq.write_table(pa.table({"team": names, "deep": inner, "at": at, "code": names.dictionary_encode()}), path)
    seen = await look("file", {"path": str(path), "data_age": {"column": "at"}})
    assert (seen.status, seen.items, seen.data_age_s) == (Status.UP, 3000, 600.0)
    row = {"team": "GB", "deep": {"a": ["p", "q"], "m": 1.5}, "at": "2026-11-23T07:00:00Z", "code": "GB"}
    assert row in seen.sample.rows


async def test_a_web_answer_is_weighed_too(serve):
    web = await serve(reply(b"[" + b"{}," * 1000 + b"{}]", headers={"Content-Type": "application/json"}))
    seen = await look("http", {"url": web.url()}, limits=ProbeLimits(memory_bytes=100_000))
    assert (seen.status, seen.reason) == (Status.DOWN, "too_large")
    assert "limits.memory" in seen.detail


def test_ordinary_records_weigh_about_what_they_take():
    rows = [{"id": n, "home": f"team {n}", "odds": n / 7, "live": True, "book": "x"} for n in range(20_000)]
    body = json.dumps(rows).encode()
    tracemalloc.start()
    try:
        parsed = json.loads(body)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(parsed) == 20_000
    assert 0.5 < parsed_bytes(body) / taken < 3


async def test_an_empty_parquet_file_is_no_rows(tmp_path):
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": pa.array([], pa.string())}), sink)
    (tmp_path / "e.parquet").write_bytes(sink.getvalue())
    assert (await look("file", {"path": str(tmp_path / "e.parquet")})).items == 0
