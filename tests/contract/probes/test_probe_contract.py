"""One suite for every kind of probe: it succeeds, it fails, it keeps its deadline, it bounds its sample, it never raises."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sqlite3
import sys
import time
from dataclasses import dataclass, field, replace

import pytest
from probe_servers import look, prober, reply, source

from busta_health_dagster.domain.observation import Observation, Status
from busta_health_dagster.probes import REASONS, ProbeLimits, registry
from busta_health_dagster.testing import EPOCH

ROWS = [{"id": n, "at": "2026-11-23T07:00:00Z", "text": "x" * 50} for n in range(40)]
RSS_ITEM = "<item><title>{}</title><guid>{}</guid><pubDate>Mon, 23 Nov 2026 07:00:00 GMT</pubDate></item>"
RSS = f'<rss version="2.0"><channel><title>x</title>{"".join(RSS_ITEM.format(n, n) for n in range(40))}</channel></rss>'.encode()
PLATFORM = """
import time
ROWS = [{"id": n, "at": "2026-11-23T07:00:00Z", "text": "x" * 50} for n in range(40)]
class Good:
    def collect(self): return ROWS
class Bad:
    def collect(self): raise OSError("away")
class Slow:
    def collect(self): time.sleep(1.5)
"""


@dataclass(frozen=True)
class Case:
    """How to make one kind succeed, fail, and hang (None: it cannot); `rows`: a success has forty of them."""

    good: dict
    bad: dict
    hang: dict | None
    rows: bool = True
    more: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Heartbeat:
    at: int
    ok: bool = True
    items: int | None = None
    message: str = ""


@pytest.fixture
async def silent():
    """A listener whose backlog is full: a connection to it is neither accepted nor refused."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    sock.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(sock.getsockname())
        fillers.append(filler)
    yield sock.getsockname()[1]
    for each in (*fillers, sock):
        each.close()


@pytest.fixture
async def cases(serve, closed_port, silent, tmp_path, monkeypatch):
    async def hang(served, head, writer):
        await asyncio.sleep(30)

    web, feed, slow = await serve(reply(ROWS)), await serve(reply(RSS)), await serve(hang)
    refused = f"http://127.0.0.1:{closed_port}/"
    db = sqlite3.connect(tmp_path / "x.db")
    db.execute("create table t (id integer, at text, text text)")
    db.executemany("insert into t values (:id, :at, :text)", ROWS)
    db.commit()
    db.close()
    url = f"sqlite:///{tmp_path}/x.db"
    endless = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
    (tmp_path / "x.json").write_text(json.dumps(ROWS))
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "contract_platform.py").write_text(PLATFORM)
    monkeypatch.syspath_prepend(str(tmp_path))
    sys.modules.pop("contract_platform", None)
    names = {"servers": ["127.0.0.1"], "port": slow.port}
    return {
        "http": Case(
            {"url": web.url(), "items": "$[*]", "data_age": {"path": "$[*].at"}}, {"url": refused}, {"url": slow.url()}
        ),
        "feed": Case({"url": feed.url()}, {"url": refused}, {"url": slow.url()}),
        "sql": Case(
            {"url": url, "query": "select * from t", "data_age": {"column": "at"}},
            {"url": url, "query": "select * from u"},
            {"url": url, "query": endless},
        ),
        "file": Case(
            {"path": f"{tmp_path}/x.json", "data_age": {"column": "at"}},
            {"path": f"{tmp_path}/y.json"},
            {"path": f"{tmp_path}/pipe.json"},
        ),
        "tcp": Case(
            {"host": "127.0.0.1", "port": web.port},
            {"host": "127.0.0.1", "port": closed_port},
            {"host": "127.0.0.1", "port": silent},
            rows=False,
        ),
        "dns": Case(
            {"host": "localhost"}, {"host": "no-such-name.invalid"}, {"host": "example.test", **names}, rows=False
        ),
        "framework": Case(
            {"source": "contract_platform:Good", "data_age": {"column": "at"}},
            {"source": "contract_platform:Bad"},
            {"source": "contract_platform:Slow"},
        ),
        "heartbeat": Case({}, {}, None, rows=False),
    }


KINDS = sorted(registry([]))
WITH_ROWS = [kind for kind in KINDS if kind not in ("tcp", "dns", "heartbeat")]


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind != "dns"]
)  # no DNS server may be reachable: see the unit tests
async def test_a_success_is_up_with_figures(kind, cases):
    case = cases[kind]
    seen = await look(kind, case.good, heartbeats=lambda _name: Heartbeat(int(EPOCH) - 60))
    assert (seen.status, seen.reason) == (Status.UP, "ok"), seen
    assert seen.detail
    if kind != "heartbeat":
        assert seen.response_ms > 0
        assert seen.phases.as_dict()
    if case.rows:
        assert (seen.items, seen.data_age_s, len(seen.sample.rows)) == (40, 3600.0, 40)
    json.dumps([dict(seen.facts), list(seen.sample.rows) if seen.sample else []], allow_nan=False)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "dns"])
async def test_a_failure_is_down_with_a_known_reason_and_no_response_time(kind, cases):
    seen = await look(kind, cases[kind].bad, heartbeats=lambda _name: Heartbeat(0))
    assert (seen.status, seen.response_ms) == (Status.DOWN, None), seen
    assert seen.reason in REASONS
    assert seen.detail


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "heartbeat"])
async def test_the_deadline_holds_whatever_hangs(kind, cases):
    started = time.monotonic()
    seen = await look(kind, cases[kind].hang, timeout_s=0.3)
    took = time.monotonic() - started
    assert (seen.status, seen.reason) == (Status.DOWN, "timeout"), seen
    assert took < 1.4


@pytest.mark.parametrize("kind", WITH_ROWS)
async def test_a_sample_stays_within_rows_and_bytes(kind, cases):
    few = await look(kind, cases[kind].good, limits=ProbeLimits(sample_rows=5))
    small = await look(kind, cases[kind].good, limits=ProbeLimits(sample_bytes=300))
    assert (len(few.sample.rows), few.sample.truncated, few.sample.total_rows) == (5, True, 40)
    assert len(json.dumps(list(small.sample.rows))) <= 400
    assert small.sample.truncated


@pytest.mark.parametrize("kind", KINDS)
async def test_whatever_the_configuration_is_a_look_never_raises_and_harms_no_other(kind, cases):
    """A configuration that no loader would pass (here: none at all) makes its source unknown; its neighbour is up."""
    broken = replace(source(kind, cases[kind].good, name="broken"), config=None)
    fine = source("http", cases["http"].good, name="fine")
    first, second = await prober().check([(broken, 0), (fine, 0)])
    assert isinstance(first, Observation)
    assert first.status in (Status.UNKNOWN, Status.DOWN)
    assert second.status is Status.UP
