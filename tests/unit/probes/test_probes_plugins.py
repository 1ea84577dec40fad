"""faults.md row 29: third parties' probes, loaded by entry point, that raise, block, exit and return nonsense."""

from __future__ import annotations

import sys
import threading
import time
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from probe_servers import prober, reply, source

from busta_health_dagster.domain.observation import Status
from busta_health_dagster.probes import ProbeLimits, registry
from busta_health_dagster.probes.registry import GROUP

PLUGIN = """
import asyncio, sys, threading, time
from busta_health_dagster.domain.fields import Strict
from busta_health_dagster.domain.observation import Phases, ProbeResult, Sample, Status
from busta_health_dagster.probes import Failed, ProbeType

RELEASE = threading.Event()

class Config(Strict):
    do: str = "answer"
    url: str = ""
    returns: str = ""

async def probe(source, config, context):
    if config.returns:
        return ProbeResult(Status.UP, **eval(config.returns))
    if config.do == "raise":
        raise KeyError("boom")
    if config.do == "exit":
        sys.exit(3)
    if config.do == "cancel":
        raise asyncio.CancelledError
    if config.do == "block":
        RELEASE.wait(20)
    if config.do == "deaf":
        while not RELEASE.is_set():
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                pass
    if config.do == "wait":
        await asyncio.sleep(20)
    if config.do == "fail":
        raise Failed("http_status", "answered 500")
    if config.do == "fetch":
        from busta_health_dagster.probes.fetch import Request
        got = await context.http.fetch(Request(config.url, guarded=not source.allow_private))
        return ProbeResult(Status.UP, items=len(got.body), response_ms=got.elapsed_ms)
    if config.do == "flood":
        return ProbeResult(Status.UP, sample=Sample(tuple({"n": n} for n in range(9999)), 9999))
    answers = {
        "none": None, "text": "up", "word": ProbeResult("up"), "reason": ProbeResult(Status.UP, "It broke!"),
        "nan": ProbeResult(Status.UP, response_ms=float("nan")), "negative": ProbeResult(Status.UP, items=-1),
        "facts": ProbeResult(Status.UP, facts=[1]), "detail": ProbeResult(Status.UP, detail=None), "sample": ProbeResult(Status.UP, sample=[1]),
    }
    return answers.get(config.do, ProbeResult(Status.UP, detail="fine", facts={"x": {1, 2}}))

GOOD = ProbeType("ignored", Config, probe)
NOT_ONE = object()
NO_MODEL = ProbeType("x", dict, probe)
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    (tmp_path / "odds_plugin.py").write_text(PLUGIN)
    (tmp_path / "broken_plugin.py").write_text("import no_such_package_at_all\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    running = set(threading.enumerate())
    yield lambda name, value: EntryPoint(name, value, GROUP)
    module = sys.modules.pop("odds_plugin", None)
    if module is not None:
        module.RELEASE.set()
        for thread in set(threading.enumerate()) - running:  # not those an earlier test left hanging
            thread.join(5)


async def check(types, *configs, limits=ProbeLimits(plugin_grace_s=0.2), **more):  # noqa: B008
    pairs = [
        (source("sportsbook", {"do": do} if isinstance(do, str) else do, types=types, name=f"s{n}", **more), 0)
        for n, do in enumerate(configs)
    ]
    return await prober(types=types, limits=limits).check(pairs)


async def test_a_good_plug_in_is_a_kind_like_any_other_and_may_use_our_http(plugin, serve):
    types = registry([plugin("sportsbook", "odds_plugin:GOOD")])
    web = await serve(reply(b"12345"))
    answer, fetched, failed = await check(types, "answer", {"do": "fetch", "url": web.url()}, "fail")
    assert (answer.status, answer.detail, answer.facts) == (Status.UP, "fine", {"x": [1, 2]})
    assert (fetched.status, fetched.items) == (Status.UP, 5)
    assert (failed.status, failed.reason) == (Status.DOWN, "http_status")


@pytest.mark.parametrize(
    ("do", "words"),
    [
        ("raise", "raised KeyError: 'boom'"),
        ("exit", "SystemExit"),
        ("cancel", "CancelledError"),
        ("none", "NoneType instead of a ProbeResult"),
        ("text", "str instead of a ProbeResult"),
        ("word", "status 'up'"),
        ("reason", "reason 'It broke!'"),
        ("nan", "response_ms nan"),
        ("negative", "less than nothing"),
        ("facts", "facts of type list"),
        ("detail", "detail of type NoneType"),
        ("sample", "sample of type list"),
    ],
)
async def test_one_that_misbehaves_makes_its_own_source_unknown_with_the_reason(plugin, do, words, caplog):
    types = registry([plugin("sportsbook", "odds_plugin:GOOD")])
    bad, good = await check(types, do, "answer")
    assert bad.status is Status.UNKNOWN
    assert words in bad.detail
    assert good.status is Status.UP


@pytest.mark.parametrize(
    ("returns", "words"),
    [
        ("{'metrics': [('books', 3)]}", "metrics of type list"),
        ("{'metrics': {'books': float('nan')}}", "metric books nan"),
        ("{'metrics': {'books': float('-inf')}}", "metric books -inf"),
        ("{'metrics': {'books': 10**400}}", "metric books of too many digits"),
        ("{'metrics': {'books': -1e301}}", "metric books of more than 1e+300"),
        ("{'metrics': {'books': True}}", "metric books True"),
        ("{'metrics': {'books': '3'}}", "metric books '3'"),
        ("{'metrics': {'Books': 3}}", "a metric named 'Books'; a name is a small letter"),
        ("{'metrics': {3: 3}}", "a metric named '3'"),
        ("{'metrics': {f'm{n}': n for n in range(17)}}", "17 metrics, 16 at most"),
        ("{'phases': Phases(dns=float('nan'))}", "phase dns nan"),
        ("{'http_status': 200.5}", "http_status 200.5, not a whole number"),
        ("{'size_bytes': 2**63}", "size_bytes of more than 9,007,199,254,740,992"),
        ("{'tls_days_left': 10**400}", "tls_days_left of too many digits"),
    ],
)
async def test_a_number_that_no_store_takes_is_refused_before_it_costs_the_neighbours_their_tick(
    plugin, returns, words
):
    types = registry([plugin("sportsbook", "odds_plugin:GOOD")])
    bad, good = await check(types, {"returns": returns}, {"returns": "{'metrics': {'books': 3}, 'tls_days_left': -2}"})
    assert (bad.status, dict(bad.metrics)) == (Status.UNKNOWN, {})
    assert words in bad.detail
    assert (good.status, good.metrics, good.tls_days_left) == (Status.UP, {"books": 3.0}, -2)


@pytest.mark.parametrize("do", ["block", "deaf"])
async def test_one_that_blocks_delays_nobody_and_is_unknown(plugin, do):
    types = registry([plugin("sportsbook", "odds_plugin:GOOD")])
    started = time.monotonic()
    bad, good = await check(types, do, "answer", timeout_s=0.3)
    assert (bad.status, bad.reason) == (Status.UNKNOWN, "plugin")
    assert "blocks" in bad.detail
    assert (good.status, good.suspect) == (Status.UP, False)
    assert time.monotonic() - started < 5


async def test_one_that_waits_for_its_source_beyond_the_deadline_saw_it_down(plugin):
    types = registry([plugin("sportsbook", "odds_plugin:GOOD")])
    (seen,) = await check(types, "wait", timeout_s=0.2)
    assert (seen.status, seen.reason) == (Status.DOWN, "timeout")


async def test_a_plug_in_s_sample_is_bounded_like_any_other(plugin):
    types = registry([plugin("sportsbook", "odds_plugin:GOOD")])
    from busta_health_dagster.domain.source import QualitySpec

    (seen,) = await check(types, "flood", quality=QualitySpec(suite="x"))
    assert (len(seen.sample.rows), seen.sample.total_rows, seen.sample.truncated) == (500, 9999, True)


async def test_threads_that_never_end_are_few(plugin):
    types = registry([plugin("sportsbook", "odds_plugin:GOOD")])
    one = prober(types=types, limits=ProbeLimits(plugin_grace_s=0.0))
    # A name of its own: threads that an earlier test left hanging must not count.
    pairs = [(source("sportsbook", {"do": "block"}, types=types, name="never_ends", timeout_s=0.05), 0)]
    seen = [(await one.check(pairs))[0] for _ in range(6)]
    assert sum(t.name == "busta-never_ends" for t in threading.enumerate()) == 3
    assert "3 earlier observations still hang" in seen[-1].detail
    few = prober(types=types, limits=ProbeLimits(plugin_grace_s=0.0, stuck_threads=2))
    crowd = [(source("sportsbook", {"do": "block"}, types=types, name=f"x{n}", timeout_s=0.05), 0) for n in range(4)]
    await few.check(crowd[:2])
    late = await few.check(crowd[2:])
    assert [o.status for o in late] == [Status.UNKNOWN] * 2
    assert "2 threads of other sources hang" in late[0].detail


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("broken_plugin:GOOD", "ModuleNotFoundError: No module named 'no_such_package_at_all'"),
        ("odds_plugin:MISSING", "AttributeError"),
        ("odds_plugin:NOT_ONE", "it is of type object, not a ProbeType"),
        ("odds_plugin:NO_MODEL", "its config, dict, is not a pydantic model"),
    ],
)
async def test_one_that_does_not_load_is_a_loud_problem_of_its_own_kind_and_its_configuration_still_loads(
    plugin, value, words
):
    types = registry([plugin("sportsbook", value)])
    (problem,) = types.problems
    assert words in str(problem)
    assert "fix or uninstall the package that brings it" in str(problem)
    (seen,) = await check(types, {"anything": [1, 2]})
    assert (seen.status, seen.reason) == (Status.UNKNOWN, "plugin")
    assert words in seen.detail


def test_a_plug_in_cannot_take_the_place_of_a_built_in_or_of_another(plugin):
    types = registry(
        [plugin("http", "odds_plugin:GOOD"), plugin("mine", "odds_plugin:GOOD"), plugin("mine", "odds_plugin:NOT_ONE")]
    )
    assert types["http"] is registry([])["http"]
    assert [(p.kind, p.module, p.why) for p in types.problems] == [
        ("http", "odds_plugin:GOOD", "the kind 'http' is built in"),
        ("mine", "odds_plugin:GOOD, odds_plugin:NOT_ONE", "2 plug-ins want the kind 'mine'"),
    ]
    assert types["mine"].config.model_validate({"any": "key"})


def test_the_import_of_the_room_stays_light():
    import subprocess

    heavy = "aiohttp feedparser pyarrow dns sqlalchemy pandas dagster fsspec jsonpath great_expectations"
    code = (
        "import sys, busta_health_dagster.probes as p; p.registry().models();"
        f"print([m for m in '{heavy}'.split() if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3]
    )
    assert done.stdout.strip() == "[]"


def test_every_reason_is_documented():
    from busta_health_dagster.probes import REASONS

    page = (Path(__file__).parents[3] / "docs" / "probes.md").read_text()
    assert [reason for reason in REASONS if f"`{reason}`" not in page] == []
    assert [kind for kind in registry([]) if f"## `{kind}`" not in page] == []


def test_every_key_of_every_built_in_probe_is_documented():
    page = (Path(__file__).parents[3] / "docs" / "probes.md").read_text()
    for kind, probe in registry([]).items():
        section = page.split(f"## `{kind}`")[1].split("\n## ")[0]
        shared = page.split("## What web probes share")[1].split("\n## ")[0] if kind in ("http", "feed") else ""
        assert [key for key in probe.config.model_fields if f"`{key}" not in section + shared] == [], kind


def test_every_example_on_the_page_is_a_configuration_that_loads():
    import yaml

    from busta_health_dagster.settings.source_model import COMMON

    page = (Path(__file__).parents[3] / "docs" / "probes.md").read_text()
    entries = [entry for block in page.split("```yaml")[1:] for entry in yaml.safe_load(block.split("```")[0])]
    assert {entry["probe"] for entry in entries} == set(registry([]))
    for entry in entries:
        model = registry([])[entry["probe"]].config
        model.model_validate({key: value for key, value in entry.items() if key not in COMMON})


def test_reasons_used_in_the_code_are_the_documented_ones():
    import re

    from busta_health_dagster.probes import REASONS

    room = Path(__file__).parents[3] / "busta_health_dagster" / "probes"
    text = "\n".join(path.read_text() for path in room.glob("*.py"))
    used = re.findall(r"Failed\(\s*\"([a-z_]+)\"", text) + re.findall(r"Status\.\w+,\s*\"([a-z_]+)\"", text)
    used += re.findall(r"Finding\(\s*[\w.\"]+,\s*\"([a-z_]+)\"", text)
    assert len(used) > 30
    assert set(used) <= set(REASONS)
