"""The checks of a source in the code of somebody else: on their asset, within their run."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg
import pytest
from dagster import AssetKey
from gate_stories import Story

from busta_health_dagster import bootstrap
from busta_health_dagster.defs import keys
from busta_health_dagster.domain.errors import BadInput, UnknownName
from busta_health_dagster.domain.quality import Scored, no_data
from busta_health_dagster.integration import build_defs, health_checks

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")
RAW = AssetKey(["odds", "raw"])


@pytest.fixture(autouse=True)
def _no_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(keys.PREFIX_VARIABLE, "")


@dg.asset(key=RAW)
def raw() -> None: ...


@dg.asset(deps=[RAW])
def model() -> None: ...


def their_job(checks: Sequence[dg.AssetChecksDefinition]) -> dg.JobDefinition:
    """All of theirs and ours."""
    whole = dg.Definitions.merge(dg.Definitions(assets=[raw, model], asset_checks=checks), build_defs())
    return whole.resolve_implicit_global_asset_job_def()


def test_checks_in_code_run_with_their_asset_and_stop_what_is_downstream(story: Story) -> None:
    story.observe(0)
    checks = health_checks("odds_api", asset="odds/raw", blocking=("connectivity",))
    job = their_job(checks)
    wanted = [RAW, AssetKey("model")]

    def built() -> set[str]:
        result = job.execute_in_process(instance=story.instance, asset_selection=wanted, raise_on_error=False)
        return {event.asset_key.to_user_string() for event in result.get_asset_materialization_events()}

    assert built() == {"odds/raw", "model"}
    story.odds.unlink()
    story.observe()
    assert built() == {"odds/raw"}
    (story.config / "maintenance.yaml").write_text(
        'version: 1\nwindows:\n  - {name: work, select: {}, start: "2020-01-01T00:00", duration: 23h59m, rrule: FREQ=DAILY, zone: UTC}\n'
        '  - {name: more, select: {}, start: "2020-01-01T12:00", duration: 23h59m, rrule: FREQ=DAILY, zone: UTC}\n'
    )
    story.observe()
    assert built() == {"odds/raw"}, "a window silences people, not the gate"


@pytest.mark.parametrize(
    ("check", "unknown", "said"),
    [
        ("usable", "never observed", "not observed yet"),
        ("connectivity", "not observed for an hour", "unknown: last observed 1 h ago"),
        ("quality", "not scored", "cannot be evaluated: the suite odds is not there"),
    ],
)
def test_a_blocking_check_in_code_stops_what_is_downstream_of_what_no_one_can_tell(
    story: Story, check: str, unknown: str, said: str
) -> None:
    sources = story.config / "sources.yaml"
    sources.write_text(sources.read_text().replace("name: odds_api,", "name: odds_api, quality: {suite: odds},", 1))

    if unknown != "never observed":
        story.observe(0)
    checks = health_checks("odds_api", asset="odds/raw", blocking=(check,))
    job = their_job(checks)
    if unknown == "not scored":
        with bootstrap.open_app() as app, app.store.write() as uow:
            uow.quality.add([Scored("odds_api", app.now(), app.now(), "odds", no_data("the suite odds is not there"))])
            uow.states.set_quality({"odds_api": (None, app.now())})
    elif unknown == "not observed for an hour":
        story.clock.advance(3600)
    done = job.execute_in_process(
        instance=story.instance, asset_selection=[RAW, AssetKey("model")], raise_on_error=False
    )
    assert [e.asset_key for e in done.get_asset_materialization_events()] == [RAW]
    (evaluated,) = [e for e in done.get_asset_check_evaluations() if e.check_name == check]
    assert (evaluated.passed, evaluated.severity, evaluated.description) == (False, dg.AssetCheckSeverity.ERROR, said)


def test_checks_in_code_name_what_is_wrong(story: Story) -> None:
    with pytest.raises(UnknownName, match=r"no source is called 'odds_apy'. Did you mean odds_api\?"):
        health_checks("odds_apy", asset="odds/raw")
    with pytest.raises(BadInput, match="it has no check 'data_age'; it has connectivity, usable"):
        health_checks("odds_api", asset="odds/raw", blocking=("data_age",))
    with pytest.raises(BadInput, match="'odds//raw' is no asset key"):
        health_checks("odds_api", asset="odds//raw")
    with pytest.raises(BadInput, match=r"blocking is a list of checks: blocking=\['connectivity'\]"):
        health_checks("odds_api", asset="odds/raw", blocking="connectivity")
    with pytest.raises(BadInput, match="None is no asset key"):
        health_checks("odds_api", asset=None)
    with pytest.raises(BadInput, match=r"\['odds_api'\] is no name of a source"):
        health_checks(["odds_api"], asset="odds/raw")
