"""The bridge to the platform's own classes, through the `framework` probe and by itself."""

from __future__ import annotations

import pytest
from probe_servers import look
from pydantic import ValidationError

from busta_health_dagster import framework
from busta_health_dagster.domain.errors import PluginError
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.probes.framework import FrameworkConfig

P = "betting_platform"


async def test_a_data_source_is_collected_timed_counted_and_sampled():
    seen = await look("framework", {"source": f"{P}:InjurySource", "data_age": {"column": "updated_at"}})
    assert (seen.status, seen.items, seen.data_age_s) == (Status.UP, 2, 1800.0)
    assert seen.sample.rows[0]["player"] == "A. Rodgers"
    assert seen.facts["metadata"]["name"] == "injuries"
    assert seen.detail.startswith("injuries: 2 items")


async def test_an_async_collect_an_instance_and_arguments_work_and_secrets_stay_out():
    assert (await look("framework", {"source": f"{P}:ScoreSource"})).items == 1
    assert (await look("framework", {"source": f"{P}:instance"})).sample.rows[0]["team"] == "CHI"
    seen = await look(
        "framework", {"source": f"{P}:InjurySource", "arguments": {"team": "DET", "api_key": {"env": "API_KEY"}}}
    )
    assert seen.sample.rows[0]["team"] == "DET"
    assert "s3cret" not in repr(seen)


async def test_a_whole_registry_is_one_source_that_is_down_when_any_member_is():
    good = await look("framework", {"registry": f"{P}:registry", "data_age": {"column": "updated_at"}})
    assert (good.status, good.items, good.facts["members"]) == (Status.UP, 3, {"injuries": 2, "scores": 1})
    assert good.sample.rows[0]["source"] == "injuries"
    bad = await look("framework", {"registry": f"{P}:broken"})
    assert (bad.status, bad.reason) == (Status.DOWN, "collect")
    assert bad.detail == "sick: collect() raised ConnectionError: the vendor hung up"
    assert (await look("framework", {"registry": f"{P}:empty"})).status is Status.DOWN


async def test_one_entry_of_a_registry_is_picked_by_name():
    assert (await look("framework", {"registry": f"{P}:registry", "entry": "injuries"})).items == 2
    seen = await look("framework", {"registry": f"{P}:registry", "entry": "odds"})
    assert (seen.status, seen.detail) == (Status.UNKNOWN, f"{P}:registry has no source 'odds'; it has injuries, scores")


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (
            "no_such_platform.sources:Injuries",
            "there is no module 'no_such_platform'; install its package here, or set PYTHONPATH",
        ),
        (f"{P}:Injuries", f"{P} has no 'Injuries'; it has Severity, DataSourceMetadata, BaseDataSource"),
        (f"{P}:NeedsMore", "cannot be built with arguments none"),
        (f"{P}:TextSource", "collect() returned str; it must return a list of records"),
        (f"{P}:DataSourceRegistry", "has no collect()"),
    ],
)
async def test_a_path_that_leads_nowhere_is_unknown_and_names_the_path_and_the_remedy(path, words):
    seen = await look("framework", {"source": path}, confirm=1)
    assert (seen.status, seen.reason, seen.attempts) == (Status.UNKNOWN, "dependency", 1)
    assert seen.detail.startswith(path)
    assert words in seen.detail


async def test_a_module_that_needs_something_else_says_what(tmp_path, monkeypatch):
    (tmp_path / "needy.py").write_text("import no_such_driver\n")
    (tmp_path / "rude.py").write_text("raise RuntimeError('no database')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert (
        "needs 'no_such_driver', which is not installed here" in (await look("framework", {"source": "needy:X"})).detail
    )
    assert (
        "importing the module raised RuntimeError: no database"
        in (await look("framework", {"source": "rude:X"})).detail
    )


async def test_a_collect_that_raises_is_down_and_one_that_hangs_meets_the_deadline():
    sick = await look("framework", {"source": f"{P}:SickSource"})
    slow = await look("framework", {"source": f"{P}:SlowSource"}, timeout_s=0.1)
    assert (sick.status, sick.reason) == (Status.DOWN, "collect")
    assert (slow.status, slow.reason) == (Status.DOWN, "timeout")


@pytest.mark.parametrize(
    ("validator", "status", "reason"),
    [
        ("DataSourceValidator", Status.UP, "ok"),
        ("Offline", Status.DOWN, "connect"),
        ("KeyExpired", Status.DOWN, "authentication"),
    ],
)
async def test_the_platform_s_connection_and_authentication_checks_come_first(validator, status, reason):
    seen = await look("framework", {"source": f"{P}:InjurySource", "validator": f"{P}:{validator}"})
    assert (seen.status, seen.reason) == (status, reason)


def test_a_validator_s_result_is_handed_on_and_mapped_by_the_declared_scale():
    from busta_health_dagster.quality.validator import from_validator

    rows = [{"player": "A"}, {"player": None}]
    score = from_validator(framework.validate(f"{P}:DataSourceValidator", rows), scale=1, rows=2)
    assert score.score is not None
    assert score.score <= 89.0  # an ERROR issue caps it
    with pytest.raises(PluginError, match="validate raised ZeroDivisionError"):
        framework.validate(f"{P}:DataSourceValidator", [])
    with pytest.raises(PluginError, match="has none of validate"):
        framework.validate(f"{P}:DataSourceRegistry", rows)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "name either source"),
        ({"source": "a:B", "registry": "a:C"}, "name either source"),
        ({"source": "a:B", "entry": "x"}, "entry picks one of a registry"),
        ({"source": "a.B"}, "is not a dotted path"),
        ({"source": "a:B", "arguments": {"api_key": "abc"}}, "literal secret"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused_at_load(config, words):
    with pytest.raises(ValidationError, match=words):
        FrameworkConfig.model_validate(config)


@pytest.mark.parametrize(
    "registry",
    [
        {"a": object, "b": object},
        type("R", (), {"sources": {"a": 1, "b": 2}})(),
        type("R", (), {"list_all": lambda _self: [type("S", (), {"name": n}) for n in "ab"]})(),
    ],
)
def test_registries_of_several_spellings_list_their_names(registry):
    from busta_health_dagster.framework.registry import names

    assert names("m:registry", registry) == ["a", "b"]
