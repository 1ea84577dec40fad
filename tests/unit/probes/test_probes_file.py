"""Files: paths, globs, fsspec URLs and http URLs; CSV, JSON and Parquet."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import subprocess
import sys

import fsspec
import pytest
from probe_servers import SECRETS, look, reply
from pydantic import ValidationError

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.probes.file import FileConfig
from busta_health_dagster.testing import EPOCH

CSV = 'id,play,updated\n1,pass,2026-11-23T07:00:00Z\n2,"run, left",2026-11-23T07:30:00Z\n'
ROWS = [{"id": 1, "updated": "2026-11-23T07:00:00Z"}, {"id": 2, "updated": "2026-11-23T07:30:00Z"}]


@pytest.fixture
def write(tmp_path):
    def writer(name, content, age=600.0):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(path, (EPOCH - age, EPOCH - age))
        return str(path)

    return writer


def parquet(tmp_path, rows) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "x.parquet")
    return (tmp_path / "x.parquet").read_bytes()


@pytest.mark.parametrize("name", ["p.csv", "p.csv.gz", "p.tsv", "p.json", "p.jsonl", "p.parquet", "p.json.bz2"])
async def test_every_format_gives_rows_age_and_a_sample(write, tmp_path, name):
    content = {
        "p.csv": CSV.encode(),
        "p.csv.gz": gzip.compress(CSV.encode(), mtime=0),
        "p.tsv": CSV.replace(",pass,", "\tpass\t")
        .replace("id,play,updated", "id\tplay\tupdated")
        .replace(',"run, left",', "\tx\t")
        .encode(),
        "p.json": json.dumps(ROWS).encode(),
        "p.jsonl": "\n".join(json.dumps(r) for r in ROWS).encode(),
        "p.parquet": parquet(tmp_path, ROWS),
        "p.json.bz2": bz2.compress(json.dumps(ROWS).encode()),
    }[name]
    path = write(name, content)
    by_file = await look("file", {"path": path, "expect": {"min_items": 2, "max_age": "1h"}})
    by_column = await look("file", {"path": path, "data_age": {"column": "updated"}})
    assert (by_file.status, by_file.items, by_file.data_age_s) == (Status.UP, 2, 600.0)
    assert (by_column.data_age_s, by_column.size_bytes) == (1800.0, len(content))
    assert str(by_file.sample.rows[0]["id"]) == "1"


async def test_the_newest_match_of_a_glob_counts(write, tmp_path):
    write("a.csv", CSV, age=9000)
    write("b.csv", CSV + "3,x,\n", age=60)
    seen = await look("file", {"path": str(tmp_path / "*.csv")})
    assert (seen.items, seen.data_age_s, seen.facts["file"], seen.facts["matches"]) == (3, 60.0, "b.csv", 2)


async def test_a_file_that_is_not_there_is_down_missing_and_says_where_it_was_looked_for(tmp_path):
    for path in (tmp_path / "none.csv", tmp_path / "*.csv"):
        seen = await look("file", {"path": str(path)}, confirm=1)
        assert (seen.status, seen.reason, seen.attempts) == (Status.DOWN, "missing", 2)
        assert str(path) in seen.detail


@pytest.mark.parametrize(
    ("name", "content", "config", "words"),
    [
        ("e.csv", b"", {}, "not even a header"),
        ("l.csv", "n\nJos\xe9\n".encode("latin-1"), {}, "not utf-8 text"),
        (
            "c.csv",
            CSV.encode(),
            {"data_age": {"column": "nope"}},
            "there is no column nope; there are id, play, updated",
        ),
        ("j.json", b"{", {}, "not JSON"),
        ("j.jsonl", b'{"a": 1}\n{"a":\n', {}, "line 2 is not JSON"),
        ("t.parquet", b"PAR1 and nothing more", {}, "cannot be read as Parquet"),
        ("t.csv.gz", gzip.compress(CSV.encode() * 50, mtime=0)[:-20], {}, "cannot be read as csv"),
    ],
)
async def test_what_cannot_be_read_is_down_payload(write, name, content, config, words):
    seen = await look("file", {"path": write(name, content), **config})
    assert (seen.status, seen.reason) == (Status.DOWN, "payload")
    assert words in seen.detail


def damaged(packed: bytes, at: float) -> bytes:
    """One byte of it is another one, as on a bad disk or after a transfer as text."""
    place = int(len(packed) * at)
    return packed[:place] + bytes([packed[place] ^ 0x55]) + packed[place + 1 :]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "json"])
@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
async def test_a_packed_file_that_is_damaged_or_is_none_is_down_payload_wherever_the_damage_is(
    write, ending, suffix, pack
):
    rows = [{"id": n, "word": f"{n * 7919 % 1000:b}"} for n in range(2_000)]
    text = {
        "csv": "id,word\n" + "".join(f"{row['id']},{row['word']}\n" for row in rows),
        "jsonl": "".join(json.dumps(row) + "\n" for row in rows),
        "json": json.dumps(rows),
    }[ending]
    packed = pack(text.encode())
    good = await look("file", {"path": write(f"good.{ending}.{suffix}", packed)})
    assert (good.status, good.items) == (Status.UP, 2_000)
    broken = {"plain": text.encode(), "cut": packed[: len(packed) // 2], "empty": b""}
    broken |= {f"at{at}": damaged(packed, at) for at in (0.25, 0.5, 0.75)}
    for name, content in broken.items():
        seen = await look("file", {"path": write(f"{name}.{ending}.{suffix}", content)})
        assert (seen.status, seen.reason) == (Status.DOWN, "payload"), (name, seen.detail)


async def test_the_encoding_of_a_json_file_is_the_one_that_is_configured(write):
    path = write("names.json", '[{"n": "Jos\xe9"}, {"n": "\u0160"}]'.encode("cp1250"))
    wanted = {"json": [{"path": "$[1].n", "equals": "\u0160"}]}
    seen = await look("file", {"path": path, "encoding": "cp1250", "expect": wanted})
    assert (seen.status, seen.items) == (Status.UP, 2)
    assert (await look("file", {"path": path})).reason == "payload"


@pytest.mark.parametrize("ending", ["json", "jsonl"])
async def test_a_number_beyond_all_bounds_passes_no_assertion_and_is_in_no_sample(write, ending):
    path = write(f"odds.{ending}", '[{"price": 1e999}]' if ending == "json" else '{"price": 1e999}\n')
    seen = await look("file", {"path": path, "expect": {"json": [{"path": "$[0].price", "op": ">", "value": 1}]}})
    assert (seen.status, seen.reason) == (Status.DOWN, "assertion")
    seen = await look("file", {"path": path})
    assert seen.sample.rows == ({"price": None},)


async def test_a_packed_file_is_cut_at_the_cap_of_decoded_bytes(write):
    path = write("z.csv.gz", gzip.compress(b"a,b\n" + b"0,0\n" * 2_000_000))
    seen = await look("file", {"path": path, "max_bytes": 1_000_000})
    assert (seen.status, seen.reason) == (Status.DOWN, "too_large")


async def test_rows_with_missing_cells_are_a_warning(write):
    seen = await look("file", {"path": write("r.csv", "a,b\n1,2\n3\n")})
    assert (seen.status, seen.reason, seen.items) == (Status.DEGRADED, "payload", 2)


async def test_unknown_formats_have_an_age_and_a_size_and_no_rows(write):
    path = write("model.bin", b"\0" * 10)
    seen = await look("file", {"path": path})
    assert (seen.status, seen.items, seen.data_age_s, seen.size_bytes) == (Status.UP, None, 600.0, 10)
    assert (await look("file", {"path": path, "min_bytes": 11})).status is Status.DOWN
    assert (await look("file", {"path": path, "expect": {"min_items": 1}})).status is Status.UNKNOWN


async def test_a_json_path_names_the_records(write):
    path = write("g.json", json.dumps({"games": ROWS}))
    seen = await look(
        "file", {"path": path, "items": "$.games[*]", "expect": {"json": [{"path": "$.games[0].id", "equals": 1}]}}
    )
    assert (seen.status, seen.items) == (Status.UP, 2)


async def test_an_fsspec_url_and_its_glob_work():
    memory = fsspec.filesystem("memory")
    memory.pipe("/drop/a.csv", CSV.encode())
    memory.pipe("/drop/b.csv", (CSV + "3,x,\n").encode())
    try:
        seen = await look("file", {"path": "memory://drop/*.csv"}, allow_private=False)
        assert (seen.status, seen.items) == (Status.UP, 3)
        assert (await look("file", {"path": "memory://drop/none.csv"})).reason == "missing"
    finally:
        memory.rm("/drop", recursive=True)


async def test_an_http_url_is_fetched_by_our_own_guarded_client(serve):
    web = await serve({"/p.csv": reply(CSV.encode(), headers={"Last-Modified": "Mon, 23 Nov 2026 07:50:00 GMT"})})
    seen = await look("file", {"path": web.url("/p.csv")})
    assert (seen.status, seen.items, seen.data_age_s) == (Status.UP, 2, 600.0)
    assert (await look("file", {"path": web.url("/none.csv")})).reason == "missing"
    guarded = await look("file", {"path": web.url("/p.csv")}, allow_private=False)
    assert (guarded.status, guarded.reason) == (Status.UNKNOWN, "address_refused")


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("ftp://169.254.169.254/x.csv", {}),
        ("sftp://10.0.0.1/x.csv", {}),
        ("simplecache::http://169.254.169.254/x.csv", {}),
        ("s3://bucket/x.csv", {"endpoint_url": "http://169.254.169.254"}),
    ],
)
async def test_what_dials_a_host_that_we_cannot_check_needs_allow_private(path, options):
    seen = await look("file", {"path": path, "options": options}, allow_private=False)
    assert (seen.status, seen.reason) == (Status.UNKNOWN, "address_refused")


async def test_a_file_system_that_is_not_installed_is_unknown_with_the_remedy():
    seen = await look("file", {"path": "s3://bucket/x.csv"}, allow_private=False)
    assert (seen.status, seen.reason) == (Status.UNKNOWN, "dependency")
    assert "s3fs" in seen.detail


def test_literal_secrets_are_refused():
    with pytest.raises(ValidationError, match="literal secret"):
        FileConfig(path="s3://b/x", options={"secret": SECRETS["API_KEY"]})
    with pytest.raises(ValidationError, match="literal password"):
        FileConfig(path="ftp://u:p@host/x")


def test_no_library_is_imported_while_the_clock_of_a_look_runs() -> None:
    """A tick is a process of its own: importing pyarrow and pandas would look like a source of one second."""
    script = """
import sys, io
from busta_health_dagster.probes.file_reading import prepare, read_rows
from busta_health_dagster.probes.port import ProbeLimits
prepare("parquet")
import datetime, pyarrow as pa, pyarrow.parquet as pq
sink = io.BytesIO()
pq.write_table(pa.table({"at": pa.array([datetime.datetime(2026, 11, 23)], pa.timestamp("ns"))}), sink)
before = set(sys.modules)
rows = read_rows(io.BytesIO(sink.getvalue()), "parquet", column="at", items="rows", cap=1 << 20, limits=ProbeLimits(),
                 delimiter=",", encoding="utf-8")
print(rows.total, len(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "0"]


@pytest.mark.parametrize(
    ("document", "items", "place"),
    [
        ({"data": ROWS, "meta": {"page": 1}, "errors": []}, 2, "$['data']"),
        ({"a": ROWS, "b": ROWS}, 1, None),
        ({"error": "quota", "data": []}, 1, None),
        ({"tags": ["x", "y"]}, 1, None),
    ],
)
async def test_an_object_with_one_list_of_records_counts_those(write, document, items, place):
    seen = await look("file", {"path": write("a.json", json.dumps(document))})
    assert (seen.items, seen.facts.get("rows_at")) == (items, place)
