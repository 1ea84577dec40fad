"""faults.md rows 16 to 23: servers that hang, drip, flood, lie and send us elsewhere."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import socket
import tracemalloc
import zlib

import pytest
from probe_servers import REAL, look, reply, server_tls

from busta_health_dagster.domain.observation import Status

MIB = 1024 * 1024


async def test_a_source_that_accepts_and_never_answers_meets_the_total_deadline(serve):
    async def hang(served, head, writer):
        await asyncio.sleep(60)

    web = await serve(hang)
    seen = await look("http", {"url": web.url()}, timeout_s=0.2)
    assert (seen.status, seen.reason, seen.response_ms) == (Status.DOWN, "timeout", None)
    assert seen.detail == f"no complete answer within 0.2 s: waited for an answer from 127.0.0.1:{web.port}"
    assert seen.phases.connect is not None


async def test_a_body_that_drips_meets_the_total_deadline_though_every_read_succeeds(serve):
    async def drip(served, head, writer):
        writer.write(reply(b"", headers={"Content-Length": 1000}))
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    seen = await look("http", {"url": (await serve(drip)).url()}, timeout_s=0.3)
    assert (seen.status, seen.reason) == (Status.DOWN, "timeout")
    assert "the rest of the body" in seen.detail


async def test_headers_that_drip_meet_the_deadline_too(serve):
    async def drip(served, head, writer):
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for n in range(1000):
            writer.write(b"X-%d: y\r\n" % n)
            await writer.drain()
            await asyncio.sleep(0.02)

    assert (await look("http", {"url": (await serve(drip)).url()}, timeout_s=0.2)).reason == "timeout"


async def test_a_name_that_does_not_resolve_is_down_dns():
    seen = await look("http", {"url": "http://no-such-name.invalid/"})
    assert (seen.status, seen.reason) == (Status.DOWN, "dns")
    assert "no-such-name.invalid does not resolve" in seen.detail


async def test_a_refused_connection_is_down_connect(closed_port):
    seen = await look("http", {"url": f"http://127.0.0.1:{closed_port}/"})
    assert (seen.status, seen.reason) == (Status.DOWN, "connect")
    assert seen.detail == f"127.0.0.1:{closed_port}: Connection refused"


async def test_a_200_mib_body_is_cut_at_the_cap(serve):
    async def flood(served, head, writer):
        writer.write(reply(b"", headers={"Content-Length": 200 * MIB}))
        for _ in range(3200):
            writer.write(b"x" * 65536)
            served.sent += 65536
            await writer.drain()

    web = await serve(flood)
    seen = await look("http", {"url": web.url(), "max_bytes": MIB})
    assert (seen.status, seen.reason) == (Status.DOWN, "too_large")
    assert seen.detail == "more than 1,048,576 bytes when decoded; cut there (max_bytes)"
    assert web.sent < 40 * MIB  # what fits into socket buffers, not 200


@pytest.fixture(scope="module")
def bomb() -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(b"\0" * MIB) for _ in range(200)) + packer.flush()


async def test_a_zip_bomb_is_cut_while_memory_stays_flat(serve, bomb):
    assert len(bomb) < 210_000
    web = await serve(reply(bomb, headers={"Content-Encoding": "gzip"}))
    tracemalloc.start()
    try:
        seen = await look("http", {"url": web.url(), "max_bytes": 2 * MIB})
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (seen.status, seen.reason) == (Status.DOWN, "too_large")
    assert peak < 12 * MIB


async def test_an_honest_gzip_body_counts_decoded_bytes(serve):
    web = await serve(
        reply(gzip.compress(b'[{"id": 1}]'), headers={"Content-Encoding": "gzip", "Content-Type": "application/json"})
    )
    seen = await look("http", {"url": web.url()})
    assert (seen.items, seen.size_bytes) == (1, 11)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"garbage that is not HTTP\r\n\r\n", "protocol"),
        (b"", "reset"),
        (reply(b"short", headers={"Content-Length": 100}), "payload"),
        (reply(b"not gzip", headers={"Content-Encoding": "gzip"}), "payload"),
    ],
)
async def test_nonsense_from_a_server_is_down_with_its_reason_and_asked_for_once(serve, answer, reason):
    web = await serve(answer)
    seen = await look("http", {"url": web.url()})
    assert (seen.status, seen.reason) == (Status.DOWN, reason)
    assert len(web.requests) == 1  # a hidden retry would make one attempt two


@pytest.mark.parametrize(
    "answer", [b"garbage that is not HTTP\r\n\r\n", reply(b'[{"id": 1}]', headers={"Content-Length": 4})]
)
async def test_what_is_no_http_or_longer_than_it_says_is_told_in_a_whole_sentence(serve, answer):
    web = await serve(answer)
    seen = await look("http", {"url": web.url()})
    assert (seen.status, seen.reason) == (Status.DOWN, "protocol")
    assert "is not HTTP, or longer than it says: " in seen.detail
    assert seen.detail.endswith(("Bad status line", "Data after `Connection: close`"))


async def test_redirects_are_followed_and_shown_without_their_query(serve):
    web = await serve({"/": reply(b"", 302, headers={"Location": "/next?token=abc"}), "/next?token=abc": reply([1])})
    seen = await look("http", {"url": web.url()})
    assert (seen.status, seen.facts["redirects"], seen.facts["final_url"]) == (Status.UP, 1, web.url("/next"))


@pytest.mark.parametrize(("probe", "status"), [("http", 403), ("feed", 403), ("http", 429)])
async def test_who_refuses_behind_a_redirect_to_another_host_is_named(serve, probe, status):
    elsewhere = await serve(reply(b"", status))
    target = elsewhere.url("/in?token=abc", host="localhost")
    web = await serve({"/": reply(b"", 302, headers={"Location": target}), "/same": reply(b"", status)})
    seen = await look(probe, {"url": web.url()})
    assert seen.detail.startswith(f"localhost, to which it redirects, answered {status}, ")
    assert (await look(probe, {"url": web.url("/same")})).detail.startswith(f"answered {status}, ")


async def test_a_redirect_loop_is_named_as_one(serve):
    web = await serve(
        {"/": reply(b"", 302, headers={"Location": "/b"}), "/b": reply(b"", 302, headers={"Location": "/"})}
    )
    seen = await look("http", {"url": web.url()})
    assert (seen.status, seen.reason) == (Status.DOWN, "redirects")
    assert seen.detail == f"redirect loop: back at {web.url('/')} after 2 redirects"


async def test_redirects_without_end_are_bounded(serve):
    async def on_and_on(served, head, writer):
        writer.write(reply(b"", 302, headers={"Location": f"/{len(served.requests)}"}))
        await writer.drain()

    web = await serve(on_and_on)
    seen = await look("http", {"url": web.url(), "redirects": 3})
    assert (seen.reason, len(web.requests)) == ("redirects", 4)
    assert "more than 3 redirects" in seen.detail


@pytest.mark.parametrize("target", ["ftp://example.com/", "javascript:alert(1)", "http://", "http://[::1"])
async def test_a_redirect_to_something_else_than_http_is_not_followed(serve, target):
    web = await serve(reply(b"", 302, headers={"Location": target}))
    assert (await look("http", {"url": web.url()})).reason == "redirects"


async def test_a_secret_header_stays_with_its_own_host_and_a_body_too(serve):
    other = await serve(reply([1]))
    here = await serve(reply(b"", 307, headers={"Location": other.url("/x")}))
    config = {"url": here.url(), "headers": {"x-api-key": {"env": "API_KEY"}, "x-page": "1"}}
    assert (await look("http", config)).status is Status.UP
    assert "s3cret-key" in here.requests[0]
    assert "s3cret-key" not in other.requests[0]
    assert "x-page: 1" in other.requests[0]
    posted = await look("http", {**config, "method": "POST", "body": {"q": 1}})
    assert (posted.reason, len(other.requests)) == ("redirects", 1)


async def test_tls_is_timed_and_its_end_of_validity_kept(serve, authority, ca_file):
    web = await serve(reply([1]), server_tls(authority, "localhost"))
    seen = await look("http", {"url": web.url(host="localhost"), "tls": {"ca_file": ca_file}}, clock=REAL)
    assert seen.status is Status.UP
    assert seen.phases.tls > 0
    assert seen.phases.dns is not None
    assert seen.tls_days_left > 14


async def test_a_certificate_degrades_its_source_two_weeks_before_it_ends(serve, authority, ca_file):
    end = dt.datetime.now(dt.UTC) + dt.timedelta(days=10)
    web = await serve(reply([1]), server_tls(authority, "localhost", not_after=end))
    seen = await look("http", {"url": web.url(host="localhost"), "tls": {"ca_file": ca_file}}, clock=REAL)
    assert (seen.status, seen.reason) == (Status.DEGRADED, "certificate")
    assert 9.9 < seen.tls_days_left < 10.01


@pytest.mark.machine_clock
@pytest.mark.parametrize(
    ("name", "days", "trusted", "words"),
    [
        ("localhost", -1, True, "has expired"),
        ("other.example.com", 90, True, "is not for localhost"),
        ("localhost", 90, False, "is not trusted"),
    ],
)
async def test_a_bad_certificate_is_down_tls_and_says_what_is_wrong(
    serve, authority, ca_file, name, days, trusted, words
):
    now = dt.datetime.now(dt.UTC)
    context = server_tls(
        authority, name, not_before=now - dt.timedelta(days=30), not_after=now + dt.timedelta(days=days)
    )
    web = await serve(reply([1]), context)
    tls = {"tls": {"ca_file": ca_file}} if trusted else {}
    seen = await look("http", {"url": web.url(host="localhost"), **tls})
    assert (seen.status, seen.reason) == (Status.DOWN, "tls")
    assert words in seen.detail


async def test_a_plain_server_on_an_https_url_is_down_tls(serve):
    web = await serve(b"HTTP/1.1 400 Bad\r\n\r\n", patient=False)
    seen = await look("http", {"url": f"https://127.0.0.1:{web.port}/"})
    assert (seen.status, seen.reason) == (Status.DOWN, "tls")


# Row 22. The guard checks connected addresses; every loopback one is refused, so most cases need no trick.
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::]",
        "0.0.0.0",
    ],
)
async def test_our_own_machine_is_refused_in_every_spelling(serve, host):
    web = await serve(reply([1]))
    seen = await look("http", {"url": web.url(host=host)}, allow_private=False)
    assert (seen.status, seen.reason) == (Status.UNKNOWN, "address_refused")
    assert "allow_private: true" in seen.detail
    assert web.requests == []


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[::ffff:169.254.169.254]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::1]",
        "2852039166",
        "0xa9fea9fe",
        "10.0.0.8",
        "[fd00:ec2::254]",
        "168.63.129.16",
    ],
)
async def test_metadata_and_private_addresses_are_refused_before_a_packet_is_sent(host):
    seen = await look("http", {"url": f"http://{host}/latest/meta-data/"}, allow_private=False, timeout_s=2)
    assert (seen.status, seen.reason) == (Status.UNKNOWN, "address_refused")


@pytest.fixture
def internet(monkeypatch):
    """Names of `public.example` answer as scripted, and a public address leads to this machine: the internet, one host large."""
    answers: list[str] = []
    lookups: list[str] = []
    really, dial = socket.getaddrinfo, asyncio.selector_events.BaseSelectorEventLoop.sock_connect

    def getaddrinfo(host, port, *args, **kwargs):
        if host != "public.example":
            return really(host, port, *args, **kwargs)
        lookups.append(host)
        address = answers.pop(0) if len(answers) > 1 else answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    async def sock_connect(self, sock, address):
        return await dial(self, sock, ("127.0.0.1", address[1]) if address[0] == "93.184.216.34" else address)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(asyncio.selector_events.BaseSelectorEventLoop, "sock_connect", sock_connect)
    return answers, lookups


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://2130706433/",
        "http://0x7f.0.0.1/",
        "http://localhost/",
        "//10.1.2.3/",
    ],
)
async def test_a_public_source_that_redirects_inward_is_down_and_not_followed(serve, internet, target):
    internet[0].append("93.184.216.34")
    web = await serve(reply(b"", 302, headers={"Location": target}))
    seen = await look("http", {"url": web.url(host="public.example")}, allow_private=False)
    assert (seen.status, seen.reason) == (Status.DOWN, "address_refused")
    assert seen.detail.endswith("; not followed")
    assert len(web.requests) == 1


async def test_a_name_that_changes_its_answer_gains_nothing(serve, internet):
    answers, lookups = internet
    answers += ["93.184.216.34", "127.0.0.1"]
    web = await serve(reply([1]))
    seen = await look("http", {"url": web.url(host="public.example")}, allow_private=False)
    assert (seen.status, len(lookups)) == (Status.UP, 1)  # what was checked is what was connected to
    answers[:] = ["127.0.0.1"]
    assert (
        await look("http", {"url": web.url(host="public.example")}, allow_private=False)
    ).reason == "address_refused"
