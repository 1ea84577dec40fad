"""Every kind of fault is real at the socket or on the disk."""

# ruff: noqa: ASYNC240  looking at a few local files in between does no harm here
from __future__ import annotations

import asyncio
import csv
import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio

from busta_health_dagster.demo.catalogue import HTTP_NAMES, NAMES, UPSTREAMS
from busta_health_dagster.demo.faults import SHOWN_BY, Fault
from busta_health_dagster.demo.fleet import DemoFleet
from busta_health_dagster.domain.errors import PortInUse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Moved:
    """The real clock, put forward by hand."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        return time.time() + self.ahead

    def monotonic(self) -> float:
        return time.monotonic()


@pytest_asyncio.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[DemoFleet]:
    async with DemoFleet(tmp_path / "demo", clock=Moved()) as running:
        yield running


async def get(url: str) -> tuple[int, bytes, float]:
    async with aiohttp.ClientSession() as session:
        started = time.monotonic()
        async with session.get(url) as response:
            body = await response.read()
            return response.status, body, time.monotonic() - started


async def test_all_twelve_are_there_and_answer(fleet: DemoFleet) -> None:
    assert {*fleet.urls, *fleet.paths} == set(NAMES)
    answers = await asyncio.gather(*(get(fleet.urls[name]) for name in HTTP_NAMES))
    assert [status for status, _, _ in answers] == [200] * 9
    assert all(len(body) > 1000 for _, body, _ in answers)
    with closing(sqlite3.connect(fleet.urls["postgres_warehouse"].removeprefix("sqlite:///"))) as warehouse:
        assert warehouse.execute("select count(*) from games").fetchone() == (285,)
    newest = max(Path(fleet.root).glob("play_by_play/*.csv"), key=lambda p: p.stat().st_mtime)
    with newest.open(newline="") as plays:
        assert len(list(csv.DictReader(plays))) > 2300


async def test_an_outage_answers_with_its_status(fleet: DemoFleet) -> None:
    await fleet.set("weather_api", Fault.OUTAGE)
    status, body, _ = await get(fleet.urls["weather_api"])
    assert status == 503
    assert b"unavailable" in body


async def test_a_refusing_source_refuses_at_the_socket_and_comes_back_on_the_same_port(fleet: DemoFleet) -> None:
    url = fleet.urls["rss_fantasy"]
    async with aiohttp.ClientSession() as keeps_alive:
        async with keeps_alive.get(url) as response:
            await response.read()
        await fleet.set("rss_fantasy", Fault.REFUSED)
        with pytest.raises(aiohttp.ClientConnectionError):
            await keeps_alive.get(url)
    with pytest.raises(aiohttp.ClientConnectorError, match="Connect call failed"):
        await get(url)
    assert (await get(fleet.urls["rss_league_news"]))[0] == 200
    await fleet.set("rss_fantasy", None)
    assert (await get(url))[0] == 200


async def test_a_slow_source_takes_its_time_before_the_first_byte(fleet: DemoFleet) -> None:
    await fleet.set("scores_api", Fault.SLOW, ms=600)
    _, _, took = await get(fleet.urls["scores_api"])
    assert took > 0.55


async def test_a_hanging_source_accepts_and_never_answers(fleet: DemoFleet) -> None:
    await fleet.set("odds_api", Fault.TIMEOUT)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(get(fleet.urls["odds_api"]), 0.5)


async def test_a_limited_source_says_429_and_when_to_come_back(fleet: DemoFleet) -> None:
    await fleet.set("scores_api", Fault.RATE_LIMITED)
    async with aiohttp.ClientSession() as session, session.get(fleet.urls["scores_api"]) as response:
        assert (response.status, response.headers["Retry-After"]) == (429, "60")


async def test_garbage_is_a_200_that_is_no_json(fleet: DemoFleet) -> None:
    await fleet.set("injury_reports", Fault.GARBAGE)
    status, body, _ = await get(fleet.urls["injury_reports"])
    assert status == 200
    with pytest.raises(json.JSONDecodeError):
        json.loads(body)


async def test_a_stale_source_brings_nothing_newer_than_when_it_began(fleet: DemoFleet) -> None:
    clock = fleet.world.clock
    assert isinstance(clock, Moved)
    await fleet.set("odds_api", Fault.STALE)
    began = fleet.world.newest("odds_api")
    clock.ahead = 3600
    assert fleet.world.newest("odds_api") == began
    await fleet.set("odds_api", None)
    assert fleet.world.newest("odds_api") > began + 3000


async def test_a_share_of_the_rows_is_spoilt(fleet: DemoFleet) -> None:
    await fleet.set("odds_api", Fault.BAD_QUALITY, share=0.1)
    _, body, _ = await get(fleet.urls["odds_api"])
    prices = [
        o["price"] for e in json.loads(body) for b in e["bookmakers"] for m in b["markets"] for o in m["outcomes"]
    ]
    assert prices.count(None) >= len(prices) * 0.1


async def test_a_stale_folder_keeps_its_last_file_and_the_late_one_arrives(tmp_path: Path) -> None:
    clock = Moved()
    async with DemoFleet(tmp_path, scenario="default", clock=clock) as fleet:

        def age() -> float:
            return clock.now() - max(p.stat().st_mtime for p in tmp_path.glob("play_by_play/*.csv"))

        assert 28.7 * 3600 < age() < 28.9 * 3600
        clock.ahead = 41 * 60
        await fleet.sync()
        assert age() < 6 * 3600
        assert len(list(tmp_path.glob("play_by_play/*"))) == 3


async def test_files_disappear_and_come_back_and_can_be_garbage(fleet: DemoFleet) -> None:
    features = Path(fleet.paths["feature_store"])
    await fleet.set("feature_store", Fault.OUTAGE)
    await fleet.set("play_by_play_csv", Fault.OUTAGE)
    assert not features.exists()
    assert list(Path(fleet.root).glob("play_by_play/*.csv")) == []
    await fleet.set("feature_store", Fault.GARBAGE)
    assert features.read_bytes()[:4] != b"PAR1"
    await fleet.set("feature_store", None)
    await fleet.set("play_by_play_csv", None)
    assert features.read_bytes()[:4] == b"PAR1"
    assert abs(features.stat().st_mtime - fleet.world.newest("feature_store")) < 1
    assert len(list(Path(fleet.root).glob("play_by_play/*.csv"))) == 3


async def test_the_warehouse_can_be_locked_gone_and_not_a_database(fleet: DemoFleet) -> None:
    path = Path(fleet.urls["postgres_warehouse"].removeprefix("sqlite:///"))

    def count() -> int:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0.1)) as reader:
            return int(reader.execute("select count(*) from games").fetchone()[0])

    await fleet.set("postgres_warehouse", Fault.TIMEOUT)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        count()
    await fleet.set("postgres_warehouse", Fault.GARBAGE)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        count()
    await fleet.set("postgres_warehouse", Fault.OUTAGE)
    assert not path.exists()
    await fleet.set("postgres_warehouse", None)
    assert count() == 285


@pytest.mark.parametrize("name", ["odds_api", "play_by_play_csv", "postgres_warehouse", "feature_store"])
async def test_every_fault_that_a_source_says_it_can_show_can_be_set(fleet: DemoFleet, name: str) -> None:
    for fault in SHOWN_BY[UPSTREAMS[name].medium] - {Fault.UNSEEN}:
        await fleet.set(name, fault, ms=10, share=0.5)
        await fleet.set(name, None)


async def test_a_taken_port_is_named_with_the_remedy(fleet: DemoFleet, tmp_path: Path) -> None:
    second = DemoFleet(tmp_path / "second", ports=fleet.ports)
    with pytest.raises(PortInUse, match="simulated odds_api is taken"):
        await second.__aenter__()
    assert second.ports == {}


async def test_the_load_path_answers_at_once_with_two_kilobytes(fleet: DemoFleet) -> None:
    base = fleet.urls["odds_api"].split("/v4")[0]
    status, body, _ = await get(f"{base}/load/17")
    assert status == 200
    assert 1900 < len(body) < 2600


async def test_nothing_listens_after_the_end(tmp_path: Path) -> None:
    async with DemoFleet(tmp_path) as fleet:
        url = fleet.urls["scores_api"]
    with pytest.raises(aiohttp.ClientConnectorError):
        await get(url)
    assert list(tmp_path.rglob("*.part")) == []
