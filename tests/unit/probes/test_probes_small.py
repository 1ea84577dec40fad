"""tcp, dns, heartbeat, and the parts: addresses, JSON paths, times."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
from dataclasses import dataclass
from decimal import Decimal

import dns.message
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st
from probe_servers import REAL, look, server_tls

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.probes.address import refusal
from busta_health_dagster.probes.ages import DataAge, age_of, to_epoch
from busta_health_dagster.probes.json_path import find
from busta_health_dagster.probes.measure import json_safe
from busta_health_dagster.testing import EPOCH


async def test_a_port_that_accepts_is_up_and_private_addresses_are_the_operator_s_own_word(serve, closed_port):
    web = await serve(b"")
    up = await look("tcp", {"host": "127.0.0.1", "port": web.port}, allow_private=False)
    down = await look("tcp", {"host": "127.0.0.1", "port": closed_port})
    assert (up.status, down.status, down.reason) == (Status.UP, Status.DOWN, "connect")
    assert up.response_ms >= up.phases.connect > 0


async def test_a_tls_port_is_judged_by_its_certificate(serve, authority, ca_file):
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=3)
    web = await serve(b"", server_tls(authority, "localhost", not_after=soon))
    seen = await look("tcp", {"host": "localhost", "port": web.port, "tls": {"ca_file": ca_file}}, clock=REAL)
    assert (seen.status, seen.reason) == (Status.DEGRADED, "certificate")
    assert (await look("tcp", {"host": "localhost", "port": web.port, "tls": True})).reason == "tls"


@pytest.fixture
async def name_server():
    """A DNS server that knows example.test, and never answers for silent.test."""

    class Server(asyncio.DatagramProtocol):
        def connection_made(self, transport):
            self.transport = transport

        def datagram_received(self, data, address):
            query = dns.message.from_wire(data)
            name = str(query.question[0].name)
            if name == "silent.test.":
                return
            answer = dns.message.make_response(query)
            if name == "example.test.":
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.1", "192.0.2.2"))
            elif name != "empty.test.":
                answer.set_rcode(3)
            self.transport.sendto(answer.to_wire(), address)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Server, ("127.0.0.1", 0))
    yield transport.get_extra_info("sockname")[1]
    transport.close()
    await asyncio.sleep(0)


async def test_dns_answers_are_counted_and_compared(name_server):
    config = {"host": "example.test", "servers": ["127.0.0.1"], "port": name_server}
    seen = await look("dns", config)
    assert (seen.status, seen.items, seen.facts["answers"]) == (Status.UP, 2, ["192.0.2.1", "192.0.2.2"])
    wrong = await look("dns", {**config, "answers": ["192.0.2.9"]})
    assert (wrong.status, wrong.reason, wrong.detail) == (
        Status.DOWN,
        "dns",
        "answers 192.0.2.1, 192.0.2.2; 192.0.2.9 wanted",
    )


@pytest.mark.parametrize(
    ("host", "reason", "words"),
    [
        ("nope.test", "dns", "does not exist"),
        ("empty.test", "dns", "has no A record"),
        ("silent.test", "timeout", "no answer for silent.test"),
    ],
)
async def test_dns_failures_are_told_apart(name_server, host, reason, words):
    seen = await look("dns", {"host": host, "servers": ["127.0.0.1"], "port": name_server}, timeout_s=0.4)
    assert (seen.status, seen.reason) == (Status.DOWN, reason)
    assert words in seen.detail or seen.detail.startswith("no complete answer within")


@dataclass
class Heartbeat:
    at: int
    ok: bool = True
    items: int | None = None
    message: str = ""


@pytest.mark.parametrize(
    ("heartbeat", "status", "reason"),
    [
        (Heartbeat(int(EPOCH) - 3600, items=7), Status.UP, "ok"),
        (Heartbeat(int(EPOCH) - 3600 - 1200), Status.UP, "ok"),
        (Heartbeat(int(EPOCH) - 3600 - 1201), Status.DOWN, "silent"),
        (Heartbeat(int(EPOCH) - 60, ok=False, message="3 tables missing"), Status.DOWN, "reported"),
        (None, Status.UNKNOWN, "not_beaten"),
    ],
)
async def test_silence_longer_than_interval_and_grace_is_the_failure(heartbeat, status, reason):
    seen = await look("heartbeat", {"grace": "20m"}, interval_s=3600, confirm=2, heartbeats=lambda _name: heartbeat)
    assert (seen.status, seen.reason, seen.attempts) == (status, reason, 1)
    assert seen.data_age_s == (None if heartbeat is None else EPOCH - heartbeat.at)


@pytest.mark.parametrize(
    "address",
    [
        "127.8.9.1",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "100.100.100.200",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "192.0.2.1",
        "198.18.0.1",
        "168.63.129.16",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
        "2002:a00:1::",
        "2001:0:0:0:0:0:f5ff:fffe",
        "::10.0.0.1",
        "0.1.2.3",
        "192.0.0.1",
        "192.0.0.9",
        "192.0.0.170",
        "192.0.0.192",
        "192.88.99.1",
        "198.51.100.7",
        "203.0.113.9",
        "240.0.0.1",
        "::ffff:192.0.0.8",
        "::ffff:c000:9",
        "::ffff:192.88.99.1",
        "::ffff:0:10.0.0.1",
        "64:ff9b::169.254.169.254",
        "2002:c058:6301::",
        "fec0::1",
        "feff::1",
        "3fff::1",
        "3fff:fff::1",
        "5f00::1",
        "100::1",
        "100:0:0:1::1",
        "2001:2::1",
        "2001:10::1",
        "2001:db8::1",
        "200::1",
        "4000::1",
        "::ffff:127.0.0.1",
        "::7f00:1",
    ],
)
def test_inward_addresses_are_refused(address):
    assert refusal(address)


@pytest.mark.parametrize(
    "address",
    [
        "93.184.216.34",
        "1.1.1.1",
        "2606:4700:4700::1111",
        "::ffff:93.184.216.34",
        "64:ff9b::1.1.1.1",
        "2002:101:101::1",
        "2a00:1450:4001::1",
        "192.0.1.1",
        "192.88.98.1",
        "172.32.0.1",
        "100.128.0.1",
        "3ffe::1",
        "2620:4f:8000::1",
        "192.31.196.1",
    ],
)
def test_public_addresses_pass_also_when_wrapped(address):
    assert refusal(address) is None


@given(st.ip_addresses())
def test_nothing_that_the_library_calls_inward_is_public_for_us(ip):
    """Whichever version of Python runs: what it knows as no part of the internet, our table knows too."""
    inward = ip.is_private or ip.is_link_local or ip.is_multicast or ip.is_reserved or ip.is_loopback
    wrapped = ip.version == 6 and (
        ip.ipv4_mapped or ip.sixtofour or ip.teredo or ip in ipaddress.ip_network("64:ff9b::/96")
    )
    if inward and not wrapped:
        assert refusal(str(ip))


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_never_makes_it_acceptable(ip):
    number = int(ip)
    teredo = ipaddress.IPv6Address((0x20010000 << 96) | (number ^ 0xFFFFFFFF))
    wrapped = [
        f"::ffff:{ip}",
        f"::ffff:0:{ip}",
        f"64:ff9b::{ip}",
        f"2002:{number >> 16:x}:{number & 0xFFFF:x}::",
        str(teredo),
    ]
    assert {refusal(text) is None for text in wrapped} == {refusal(str(ip)) is None}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c d"]), inner, max_size=3),
    max_leaves=20,
)
STEPS = st.sampled_from([".a", ".b", "['c d']", '["a"]', "[*]", ".*", "[0]", "[1]"])


@given(JSON, st.lists(STEPS, max_size=4))
def test_plain_paths_find_what_the_library_finds(document, steps):
    import jsonpath

    path = "$" + "".join(steps)
    assert find(path, document) == jsonpath.findall(path, document)


@pytest.mark.parametrize(
    ("value", "epoch"),
    [
        ("2026-11-23T08:00:00Z", EPOCH),
        ("2026-11-23 08:00:00", EPOCH),
        ("2026-11-23T09:00:00+01:00", EPOCH),
        ("20261123T080000Z", EPOCH),
        ("Mon, 23 Nov 2026 08:00:00 GMT", EPOCH),
        (EPOCH, EPOCH),
        (int(EPOCH), EPOCH),
        (str(int(EPOCH)), EPOCH),
        (EPOCH * 1e3, EPOCH),
        (EPOCH * 1e6, EPOCH),
        (EPOCH * 1e9, EPOCH),
        (Decimal(str(EPOCH)), EPOCH),
        ("20261123", EPOCH - 8 * 3600),
        ("2026-11-23", EPOCH - 8 * 3600),
        (dt.date(2026, 11, 23), EPOCH - 8 * 3600),
        (dt.datetime(2026, 11, 23, 8), EPOCH),
        ("soon", None),
        ("", None),
        (True, None),
        (float("nan"), None),
        ({}, None),
        ("0001-01-01", None),
    ],
)
def test_times_are_read_in_the_shapes_that_payloads_have(value, epoch):
    found = to_epoch(value)
    assert found == epoch or (epoch is None and (found is None or found < 0))


def test_a_time_of_its_own_pattern_and_zone_is_read():
    spec = DataAge(column="at", format="%d.%m.%Y %H:%M", zone="Europe/Berlin")
    assert age_of(["23.11.2026 08:30", None, "x"], spec, EPOCH) == (1800.0, 0, 1)


@given(st.lists(st.floats(EPOCH - 1e6, EPOCH + 1e6)), st.booleans())
def test_the_age_is_never_negative_and_the_oldest_is_never_younger_than_the_newest(times, oldest):
    newest = age_of(times, DataAge(column="x"), EPOCH).age_s
    eldest = age_of(times, DataAge(column="x", oldest=True), EPOCH).age_s
    assert (newest is None) == (eldest is None)
    assert newest is None or 0 <= newest <= eldest


def test_anything_becomes_json():
    assert json_safe({"a": b"xyz", 2: Decimal("1.5"), "d": dt.date(2026, 1, 2), "n": float("inf"), "s": (1, {2})}) == {
        "a": "<3 bytes>",
        "2": 1.5,
        "d": "2026-01-02",
        "n": None,
        "s": [1, [2]],
    }
