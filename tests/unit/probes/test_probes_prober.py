"""The prober: limits, priority, confirmation, guards. Scripted probes, real time only in milliseconds."""

from __future__ import annotations

import asyncio
import time

import pytest
from probe_servers import FAST, prober, reply, source

from busta_health_dagster.domain.errors import MissingSecret
from busta_health_dagster.domain.fields import Strict
from busta_health_dagster.domain.observation import Kind, ProbeResult, Sample, Status
from busta_health_dagster.domain.source import QualitySpec
from busta_health_dagster.probes import Failed, ProbeLimits, ProbeType, registry
from busta_health_dagster.testing import FakeClock, ScriptedProbe

UP, DOWN, UNKNOWN, DEGRADED = Status.UP, Status.DOWN, Status.UNKNOWN, Status.DEGRADED


def scripted(script: ScriptedProbe, **options):
    return dict(registry()) | {"scripted": script.type(**options)}


async def run(script, pairs, *, limits=FAST, options=None, budget_s=None, **more):
    types = scripted(script, **(options or {}))
    found = [(source("scripted", {}, types=types, **{"name": name, **extra}), 300) for name, extra in pairs]
    return await prober(types=types, limits=limits, **more).check(found, budget_s=budget_s)


async def test_one_observation_per_source_in_the_order_asked():
    script = ScriptedProbe({"b": [DOWN], "c": [DEGRADED]})
    seen = await run(script, [("a", {}), ("b", {}), ("c", {})])
    assert [(o.source, o.slot, o.status, o.kind) for o in seen] == [
        ("a", 300, UP, Kind.SCHEDULED),
        ("b", 300, DOWN, Kind.SCHEDULED),
        ("c", 300, DEGRADED, Kind.SCHEDULED),
    ]
    assert seen[1].response_ms is None
    assert await run(script, []) == []


@pytest.mark.parametrize(
    ("answers", "confirm", "status", "attempts"),
    [
        ([UP], 2, UP, 1),
        ([DOWN, UP], 2, UP, 2),
        ([DOWN, DOWN, UP], 2, UP, 3),
        ([DOWN, DOWN, DOWN, UP], 2, DOWN, 3),
        ([DOWN, UP], 0, DOWN, 1),
        ([DOWN, DEGRADED], 2, DEGRADED, 2),
        ([UNKNOWN, UP], 2, UNKNOWN, 1),
        ([DEGRADED, UP], 2, DEGRADED, 1),
    ],
)
async def test_a_failure_counts_only_when_every_confirmation_fails_too(answers, confirm, status, attempts):
    (seen,) = await run(ScriptedProbe({"a": list(answers)}), [("a", {"confirm": confirm})])
    assert (seen.status, seen.attempts) == (status, attempts)
    assert len(seen.facts.get("failed_attempts", ())) == attempts - 1


async def test_confirmation_waits_longer_each_time_and_frees_its_place_meanwhile():
    script = ScriptedProbe({"bad": [DOWN]})
    limits = ProbeLimits(concurrency=1, confirm_delays_s=(0.05, 0.1))
    started = time.monotonic()
    await run(script, [("bad", {"confirm": 2}), ("good", {"tier": 3})], limits=limits)
    assert script.asked == ["bad", "good", "bad", "bad"]
    assert time.monotonic() - started >= 0.15


async def test_lower_tiers_go_first_wherever_there_is_a_queue():
    script = ScriptedProbe()
    pairs = [("c", {"tier": 3}), ("a", {"tier": 1}), ("b", {"tier": 2}), ("a2", {"tier": 1})]
    await run(script, pairs, limits=ProbeLimits(concurrency=1))
    assert script.asked == ["a", "a2", "b", "c"]


class HostConfig(Strict):
    host: str = "h"


def crowd():
    """A probe that notes how many of it run at once, in all, per type and per host."""
    running: dict[str, int] = {}
    most: dict[str, int] = {}

    async def probe(source, config, context):
        for key in ("all", f"type {source.type}", f"host {config.host}"):
            running[key] = running.get(key, 0) + 1
            most[key] = max(most.get(key, 0), running[key])
        await asyncio.sleep(0.005)
        for key in ("all", f"type {source.type}", f"host {config.host}"):
            running[key] -= 1
        return ProbeResult(UP)

    return ProbeType("crowd", HostConfig, probe, host=lambda c: c.host, concurrency=6, concurrency_per_host=4), most


async def test_limits_hold_in_all_per_type_and_per_host_and_a_source_may_set_its_own():
    kind, most = crowd()
    types = dict(registry()) | {"crowd": kind}
    pairs = [
        (
            source(
                "crowd",
                {"host": f"h{n % 3}"},
                types=types,
                name=f"s{n}",
                type="odds" if n % 2 else "news",
                **({"concurrency": 2} if n % 2 == 0 else {}),
            ),
            0,
        )
        for n in range(60)
    ]
    await prober(types=types, limits=ProbeLimits(concurrency=7)).check(pairs)
    assert most["all"] <= 7
    assert most["type odds"] == 6 or most["type odds"] == 5
    assert most["type news"] == 2
    assert max(most[f"host h{n}"] for n in range(3)) <= 4


async def test_the_probe_breaking_is_unknown_and_nobody_else_notices(caplog):
    script = ScriptedProbe(
        {
            "bug": [ZeroDivisionError("oops")],
            "key": [MissingSecret("set ODDS_KEY")],
            "early": [Failed("tls", "bad")],
            "late": [TimeoutError()],
        }
    )
    seen = {o.source: o for o in await run(script, [(n, {}) for n in ("bug", "key", "early", "late", "fine")])}
    assert {n: (o.status, o.reason) for n, o in seen.items()} == {
        "bug": (UNKNOWN, "probe_error"),
        "key": (UNKNOWN, "missing_secret"),
        "early": (DOWN, "tls"),
        "late": (DOWN, "timeout"),
        "fine": (UP, "ok"),
    }
    assert "ZeroDivisionError" in caplog.text


async def test_an_unknown_kind_of_probe_makes_its_source_unknown():
    found = source("heartbeat", {}, name="x")
    seen = await prober(types={}).check([(found, 0)])
    assert (seen[0].status, seen[0].reason) == (UNKNOWN, "probe_error")


async def test_details_are_one_bounded_printable_line():
    script = ScriptedProbe({"a": [ProbeResult(DOWN, "payload", "line\nbreak\x1b[31m" + "x" * 900)]})
    (seen,) = await run(script, [("a", {})])
    assert len(seen.detail) == 500
    assert seen.detail.isprintable()


async def test_samples_are_kept_where_somebody_scores_them_or_asked():
    result = ProbeResult(UP, sample=Sample(({"a": 1},), 1))
    script = ScriptedProbe(default=result)
    plain, scored = await run(script, [("a", {}), ("b", {"quality": QualitySpec(suite="x")})])
    assert (plain.sample, scored.sample) == (None, result.sample)


async def test_a_response_time_measured_while_our_loop_stood_still_is_suspect(serve):
    web = await serve(reply([1]))

    async def hog(source, config, context):
        time.sleep(0.15)  # noqa: ASYNC251  that is the fault
        return ProbeResult(UP)

    types = dict(registry()) | {"hog": ProbeType("hog", Strict, hog)}
    pairs = [(source("http", {"url": web.url()}, name="http"), 0), (source("hog", {}, types=types, name="hog"), 0)]
    slow, _ = await prober(types=types, limits=ProbeLimits(lag_s=0.1)).check(pairs)
    calm, _ = await prober(types=types, limits=ProbeLimits(lag_s=3600.0)).check(pairs)
    assert (slow.status, slow.suspect, calm.suspect) == (UP, True, False)


def control(types, *names):
    return [source("scripted", {}, types=types, name=name) for name in names]


@pytest.mark.parametrize(
    ("failing", "gateways", "reason"),
    [
        (3, [DOWN, DOWN], "network"),
        (3, [DOWN, UP], "scripted"),
        (2, [DOWN, DOWN], "scripted"),
        (4, [DOWN, UNKNOWN], "network"),
    ],
)
async def test_most_sources_failing_together_with_every_control_endpoint_is_our_own_network(failing, gateways, reason):
    scripts = {f"s{n}": [DOWN] for n in range(failing)} | {f"g{n}": [answer] for n, answer in enumerate(gateways)}
    script = ScriptedProbe(scripts)
    types = scripted(script)
    pairs = [(f"s{n}", {}) for n in range(4)]
    seen = await run(script, pairs, control=control(types, "g0", "g1"))
    assert [o.reason for o in seen] == [reason] * failing + ["ok"] * (4 - failing)
    assert {o.status for o in seen[:failing]} == {UNKNOWN if reason == "network" else DOWN}
    if reason == "network":
        assert f"g0, g1 failed with {failing} of 4 sources" in seen[0].detail


async def test_sources_that_could_not_be_looked_at_say_nothing_about_the_network():
    script = ScriptedProbe({"a": [DOWN], "b": [MissingSecret("no key")], "c": [MissingSecret("no key")], "g": [DOWN]})
    seen = await run(script, [("a", {}), ("b", {}), ("c", {})], control=control(scripted(script), "g"))
    assert [o.reason for o in seen] == ["network", "missing_secret", "missing_secret"]


async def test_a_missing_file_is_not_blamed_on_the_network(tmp_path):
    script = ScriptedProbe(default=DOWN)
    types = scripted(script)
    pairs = [
        (source("file", {"path": str(tmp_path / "x.csv")}, types=types, name="file"), 0),
        (source("scripted", {}, types=types, name="a"), 0),
    ]
    file, remote = await prober(types=types, control=control(types, "g")).check(pairs)
    assert (file.reason, remote.reason) == ("missing", "network")


async def test_a_call_that_runs_out_of_time_keeps_verdicts_and_knows_nothing_of_the_rest():
    script = ScriptedProbe({"down": [DOWN]})
    limits = ProbeLimits(concurrency=1, confirm_delays_s=(30.0,))

    async def hang(source, config, context):
        await asyncio.sleep(30)

    types = scripted(script) | {"hang": ProbeType("hang", Strict, hang)}
    pairs = [
        (source("scripted", {}, types=types, name="down", confirm=1, tier=1), 0),
        (source("hang", {}, types=types, name="hang", timeout_s=60.0), 0),
        (source("scripted", {}, types=types, name="waits", tier=3), 0),
    ]
    down, hangs, waits = await prober(types=types, limits=limits).check(pairs, budget_s=0.2)
    assert (down.status, down.reason) == (DOWN, "scripted")
    assert "not confirmed" in down.detail
    assert [(o.status, o.reason) for o in (hangs, waits)] == [(UNKNOWN, "not_probed")] * 2


async def test_observed_at_is_the_clock_s_and_durations_are_not():
    clock = FakeClock()
    clock.jump(-3600)
    (seen,) = await run(ScriptedProbe(), [("a", {})], clock=clock)
    assert seen.observed_at == int(clock.now())


async def test_what_a_look_needs_is_imported_before_any_look_begins():
    script, order = ScriptedProbe({}), []

    async def look(asked, config, context):
        order.append(asked.name)
        return await script.probe(asked, config, context)

    def prepare(_config):
        order.append("prepared")
        raise ImportError("no such library here")

    types = dict(registry()) | {"scripted": ProbeType("scripted", script.type().config, look, prepare=prepare)}
    found = [(source("scripted", {}, types=types, name=name), 300) for name in ("a", "b")]
    seen = await prober(types=types).check(found)
    assert order == ["prepared", "prepared", "a", "b"]
    assert [o.status for o in seen] == [UP, UP], "a library that is missing is for the observation to tell"
