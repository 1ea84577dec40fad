"""Packed bodies: what breaks off before its packing ends is not the whole, although the part that came can be read."""

from __future__ import annotations

import gzip
import zlib

import brotli
import pytest
from backports import zstd
from probe_servers import look, reply

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.probes.content_encoding import PIECE, Damaged, unpacking

ROWS = 2000
TABLE = ("id,price\n" + "".join(f"{i},1.91\n" for i in range(ROWS))).encode()
PACK = {
    "br": brotli.compress,
    "zstd": zstd.compress,
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
}


@pytest.mark.parametrize("probe", ["http", "file"])
@pytest.mark.parametrize("coding", sorted(PACK))
async def test_a_table_of_which_a_part_came_is_down_and_never_up_with_fewer_rows(serve, coding, probe) -> None:
    packed = PACK[coding](TABLE)
    for cut in (len(packed) // 2, len(packed) - 1):
        web = await serve(reply(packed[:cut], headers={"Content-Encoding": coding, "Content-Type": "text/csv"}))
        config = {"http": {"url": web.url(), "items": "$[*]"}, "file": {"path": web.url("/a.csv")}}[probe]
        seen = await look(probe, config | {"format": "csv"})
        assert (seen.status, seen.reason, seen.items) == (Status.DOWN, "payload", None)
        assert f"breaks off: its {coding} does not end" in seen.detail


async def test_the_whole_table_is_counted_however_its_pieces_arrive(serve) -> None:
    for coding, pack in PACK.items():
        web = await serve(reply(pack(TABLE), headers={"Content-Encoding": coding, "Content-Type": "text/csv"}))
        assert (await look("http", {"url": web.url(), "format": "csv", "items": "$[*]"})).items == ROWS


@pytest.mark.parametrize("coding", sorted(PACK))
@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_a_body_of_many_pieces_is_the_same_bytes_and_ends_where_it_ends(coding, step) -> None:
    body = b"0123456789" * (PIECE // 4)
    packed = PACK[coding](body)
    unpacked = unpacking(coding)
    pieces = [piece for at in range(0, len(packed), step) for piece in unpacked.feed(packed[at : at + step])]
    assert b"".join(pieces) == body
    assert unpacked.whole
    assert coding == "br" or max(map(len, pieces)) <= PIECE


def test_members_one_after_another_and_padding_are_one_body() -> None:
    unpacked = unpacking("gzip")
    packed = gzip.compress(b"ab") + gzip.compress(b"cd") + b"\0" * 20
    assert b"".join(unpacked.feed(packed)) == b"abcd"
    assert unpacked.whole


@pytest.mark.parametrize("coding", sorted(PACK))
def test_other_bytes_are_damaged_and_no_bytes_are_an_empty_body(coding) -> None:
    assert unpacking(coding).whole
    with pytest.raises(Damaged):
        list(unpacking(coding).feed(b"\xff<html>not packed</html>" * 4))


def test_a_body_that_is_not_packed_is_taken_as_it_is() -> None:
    assert unpacking("") is unpacking("identity") is unpacking("aws-chunked") is None
