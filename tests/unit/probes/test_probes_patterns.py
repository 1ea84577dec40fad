"""Patterns out of a configuration: linear in time, and what cannot be is refused with a sentence."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from probe_servers import FAST, look, prober, reply, source
from pydantic import ValidationError

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.patterns import found
from busta_health_dagster.probes.http_config import HttpConfig
from busta_health_dagster.probes.json_path import compiled
from busta_health_dagster.probes.port import ProbeType
from busta_health_dagster.probes.tcp import TcpConfig

EVIL = ("^(\\w+\\s?)*$", "(a+)+$", "^(a|a)*$", "(a|aa)+$", "(.*a){20}$")
LONG = "a" * 5000 + "!"


def test_a_pattern_that_backtracks_for_ages_elsewhere_answers_at_once_everywhere_it_may_stand():
    for pattern in EVIL:
        assert not found(pattern, LONG, whole=True)
        assert compiled(f"$[?match(@.name, '{pattern.replace(chr(92), chr(92) * 2)}')]")([{"name": LONG}]) == []


async def test_it_takes_no_neighbour_down(serve):
    web = await serve(reply(LONG.encode()))
    pairs = [(source("http", {"url": web.url(), "expect": {"regex": EVIL[0]}}, name="evil"), 0)]
    pairs += [(source("http", {"url": web.url()}, name=f"n{i}"), 0) for i in range(4)]
    seen = await prober().check(pairs)
    assert [o.status for o in seen] == [Status.DOWN, *[Status.UP] * 4]
    assert seen[0].reason == "assertion"


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("(?=x)y", "has a lookahead, which cannot be matched in linear time"),
        ("(?<!x)y", "has a lookbehind"),
        ("(a)\\1", "has a reference back to a group"),
        ("a++", "has a possessive repeat"),
        ("(a", "is not a regular expression: missing"),
    ],
)
def test_what_cannot_be_linear_is_refused_at_load(pattern, says):
    quoted = pattern.replace("\\", "\\\\")
    for config in (
        {"expect": {"regex": pattern}},
        {"expect": {"headers": [{"name": "x", "matches": pattern}]}},
        {"expect": {"json": [{"path": "$.a", "matches": pattern}]}},
        {"items": f"$[?search(@.a, '{quoted}')]"},
    ):
        with pytest.raises(ValidationError) as refused:
            HttpConfig(url="http://example.com/", **config)
        assert says in str(refused.value), config


def test_a_pattern_out_of_the_document_matches_nothing_when_it_cannot_be_used():
    rows = [{"a": "xx", "b": "(?=x)"}, {"a": "yx", "b": "y."}]
    assert compiled("$[?match(@.a, @.b)]")(rows) == [rows[1]]


def test_half_an_emoji_is_searched_like_any_text():
    assert found("x$", "\ud83dx")


async def test_a_timeout_while_our_own_loop_stood_still_is_unknown():
    """What blocks the loop is another probe of ours; the one that timed out meanwhile is not blamed."""

    async def waits(_source, _config, context):
        await asyncio.sleep(context.deadline - asyncio.get_running_loop().time())
        raise TimeoutError

    async def blocks(_source, _config, context):
        time.sleep(0.3)  # noqa: ASYNC251  that is the fault
        return await waits(_source, _config, context)

    calm, strict = replace(FAST, lag_s=3600.0), replace(FAST, lag_s=0.1)
    for probe, limits, reason, status in (
        (waits, calm, "timeout", Status.DOWN),
        (blocks, strict, "overloaded", Status.UNKNOWN),
    ):
        types = {"tcp": ProbeType("tcp", TcpConfig, probe, confirms=False)}
        one = source("tcp", {"host": "example.com", "port": 1}, types=types, timeout_s=0.8)
        (seen,) = await prober(types=types, limits=limits).check([(one, 0)])
        assert (seen.status, seen.reason) == (status, reason)
        assert "no complete answer within 0.8 s" in seen.detail


async def test_a_matching_pattern_is_found(serve):
    web = await serve(reply(b"all systems go", headers={"X-Env": "prod-1"}))
    expect = {"regex": "systems (go|fine)$", "headers": [{"name": "x-env", "matches": "^prod-\\d"}]}
    assert (await look("http", {"url": web.url(), "expect": expect})).status is Status.UP
