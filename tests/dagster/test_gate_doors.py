"""The doors for jobs and ops: held with the reason, released once, given up; and a Failure that says why."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData
from gate_stories import Story

from busta_health_dagster import bootstrap
from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.gate import HealthGate, gated_schedule, gated_sensor
from busta_health_dagster.pipeline.facade import Monitor

pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning", "ignore::dagster.PreviewWarning")


@dg.op
def place(gate: HealthGate) -> None:
    gate.require("odds_api")


@dg.job(resource_defs={"gate": HealthGate()})
def place_bets() -> None:
    place()


class Bets:
    """The sensor of place_bets, evaluated as the daemon does: with the cursor of the evaluation before, and since when it runs."""

    def __init__(self, story: Story, **arguments: object) -> None:
        self.story, self.cursor = story, None
        self.sensor = gated_sensor(place_bets, cron="*/10 * * * *", **({"sources": ["odds_api"]} | arguments))

    def evaluate(self) -> tuple[str, dict[str, str]]:
        """-> the words of a skipped tick, or the key and the tags of a run."""
        done = self.evaluated(last_sensor_start_time=1.0)
        self.cursor = done.cursor
        if done.run_requests:
            (run,) = done.run_requests
            return run.run_key, {k: v for k, v in run.tags.items() if k.startswith("busta/")}
        return done.skip_message, {}

    def evaluated(self, **known: object) -> SensorExecutionData:
        with dg.build_sensor_context(instance=self.story.instance, cursor=self.cursor, **known) as context:
            return self.sensor.evaluate_tick(context)

    def next_slot(self) -> str:
        """Go to the next slot of ten minutes, observing on the way."""
        now = self.story.clock.now()
        self.story.observe(floor_to(now, 600) + 600 - now + 1)
        return f"{datetime.fromtimestamp(self.story.clock.now() - 1, UTC):%H:%M}"


@pytest.fixture
def bets(story: Story) -> Bets:
    story.observe(0)
    found = Bets(story)
    assert found.evaluate()[0].startswith("Next slot "), "the past starts nothing"
    return found


def gate(story: Story) -> dict:
    with bootstrap.open_app() as app:
        return Monitor(app, "test").gate(["odds_api"])


def test_a_job_runs_at_its_slots_while_its_sources_are_usable(bets: Bets) -> None:
    for _ in range(2):
        slot = bets.next_slot()
        key, tags = bets.evaluate()
        assert slot in key
        assert tags == {"busta/slot": key}
        assert bets.evaluate()[0].startswith("Next slot ")


def test_a_job_is_held_with_the_reason_and_released_once(bets: Bets) -> None:
    bets.story.odds.unlink()
    slot = bets.next_slot()
    held = bets.evaluate()[0]
    assert held.startswith(f"HELD {slot}: odds_api is down: there is no file ")
    assert gate(bets.story)["jobs"][0]["held_since"] is not None
    bets.story.new_odds()
    bets.story.observe(180)
    bets.story.observe(120)
    key, tags = bets.evaluate()
    assert slot in key
    assert tags["busta/held_s"] == "301"
    assert bets.evaluate()[0].startswith("Next slot ")
    (job,) = gate(bets.story)["jobs"]
    assert (job["job"], job["held_since"], job["sources"]) == ("place_bets", None, ["odds_api"])


def test_a_bet_that_waited_for_too_long_is_given_up(story: Story) -> None:
    story.observe(0)
    bets = Bets(story, hold_for="8m")
    bets.evaluate()
    story.odds.unlink()
    slot = bets.next_slot()
    bets.evaluate()
    story.observe(300)
    story.clock.advance(200)
    said = bets.evaluate()[0]
    assert said.startswith(f"GIVEN UP {slot}, not started within 8m: odds_api is down")
    story.new_odds()
    story.observe(30)
    assert bets.evaluate()[0].startswith("Next slot ")
    (job,) = gate(story)["jobs"]
    assert (job["held_since"], job["reason"]) == (None, f"the slot of {slot} was given up, and none has run since")
    bets.next_slot()
    bets.evaluate()
    assert gate(story)["jobs"][0]["reason"] == "", "a later one ran"


def test_a_source_that_does_not_exist_holds_the_job_and_is_named(story: Story) -> None:
    story.observe(0)
    bets = Bets(story, sources=["odds_apy"])
    bets.evaluate()
    bets.next_slot()
    assert "No source is called 'odds_apy'. Did you mean odds_api?" in bets.evaluate()[0]


def test_a_store_that_is_away_holds_the_job(story: Story, monkeypatch) -> None:
    story.observe(0)
    bets = Bets(story)
    bets.evaluate()
    bets.next_slot()
    monkeypatch.setattr("busta_health_dagster.gate.sensor.time", SimpleNamespace(time=story.clock.now))
    monkeypatch.setenv("BUSTA_DATABASE_URL", "postgresql+psycopg2://nobody@127.0.0.1:1/none")
    assert "the gate cannot be asked" in bets.evaluate()[0]


def test_by_hand_it_fails_with_the_reason_and_is_not_retried(story: Story) -> None:
    story.observe(0)
    assert place_bets.execute_in_process(instance=story.instance).success
    story.odds.unlink()
    story.observe()
    result = place_bets.execute_in_process(instance=story.instance, raise_on_error=False)
    assert not result.success
    (failure,) = [e for e in result.all_events if e.is_step_failure]
    data = failure.step_failure_data.user_failure_data
    assert data.description.startswith("The gate is closed: odds_api is down: there is no file ")
    assert data.metadata["page"].value == "/source-health/odds_api"
    with pytest.raises(dg.Failure) as error:
        HealthGate().require("odds_api")
    assert error.value.allow_retries is False


def test_an_operator_opens_the_gate_for_a_while(bets: Bets) -> None:
    bets.story.odds.unlink()
    bets.next_slot()
    assert bets.evaluate()[0].startswith("HELD ")
    with bootstrap.open_app() as app:
        Monitor(app, "ann").open_gate("odds_api", for_s=600, reason="prices checked by hand")
    assert "busta/held_s" in bets.evaluate()[1]
    assert place_bets.execute_in_process(instance=bets.story.instance).success
    bets.next_slot()
    assert bets.evaluate()[0].startswith("HELD "), "it closed by itself"


def test_a_consumer_of_the_configuration_asks_for_more(story: Story) -> None:
    sources = story.config / "sources.yaml"
    sources.write_text(f"{sources.read_text()}consumers:\n  - {{name: bets, sources: [odds_api], max_data_age: 5m}}\n")
    story.observe(0)
    assert HealthGate().check("odds_api").usable
    assert HealthGate(consumer="bets").check().usable
    story.observe()
    story.clock.advance(60)
    assert HealthGate().check("odds_api").usable
    assert HealthGate(consumer="bets").check().reason == "the data of odds_api are 6 min old (at most 5m asked)"
    assert not HealthGate().check("odds_api", max_data_age="1m").usable


def test_a_gated_schedule_is_the_same_in_the_words_of_a_schedule() -> None:
    sensor = gated_schedule(
        place_bets, cron_schedule="50 16 * * *", execution_timezone="America/New_York", sources=["odds_api"]
    )
    assert (sensor.name, sensor.job_name) == ("place_bets_gated", "place_bets")
    assert "50 16 * * * (America/New_York)" in sensor.description


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"cron": "every day"}, "gated_sensor of place_bets: 'every day' is no cron schedule; write minute hour"),
        ({"sources": []}, "gated_sensor of place_bets needs the sources that it depends on: sources="),
        ({"sources": "odds_api"}, 'sources is a list of names: sources=["odds_api"]'),
        ({"hold_for": "soon"}, "gated_sensor of place_bets, hold_for: 'soon'"),
        ({"hold_for": "0s"}, "hold_for 0s is over before the sensor has looked twice (every 30 s)"),
        ({"hold_for": "59s"}, "Write hold_for='1m' or more."),
        ({"timezone": "Mars/Olympus"}, "'Mars/Olympus' is no zone; write an IANA name"),
        ({"min_quality": 950}, "min_quality 950 is no score; write 0 to 100"),
        ({"min_quality": "95"}, "min_quality '95' is no score; write 0 to 100, such as min_quality=95."),
        ({"min_quality": True}, "min_quality True is no score"),
        ({"max_data_age": 5}, "gated_sensor of place_bets, max_data_age: 5 is not a duration; write it as text"),
        ({"max_data_age": "soon"}, "gated_sensor of place_bets, max_data_age: 'soon' is not a duration"),
        ({"unknown": "maybe"}, "unknown 'maybe' is not known; write unknown='block' or 'allow'."),
        ({"unknown": ["allow"]}, "unknown ['allow'] is not known"),
        ({"hold_for": 30}, "gated_sensor of place_bets, hold_for: 30 is not a duration; write it as text"),
        ({"hold_for": None}, "hold_for: None is not a duration"),
        ({"every_s": "30"}, "every_s '30' is no number of seconds; write every_s=30."),
        ({"sources": 5}, "sources 5 is no list of names; write sources=['odds_api']."),
        ({"sources": [["odds_api"]]}, "['odds_api'] is no name of a source; write each as text: 'odds_api'."),
        ({"consumer": ["bets"]}, "consumer ['bets'] is no name; write consumer='place-bets'."),
        ({"cron": 5}, "gated_sensor of place_bets: 5 is no cron schedule"),
        ({"timezone": None}, "None is no zone; write an IANA name"),
        ({"timezone": 5}, "5 is no zone; write an IANA name"),
        (
            {"job": "place_bets"},
            "gated_sensor: 'place_bets' is no job; hand over what @dg.job or dg.define_asset_job made.",
        ),
        ({"job": None}, "gated_sensor: None is no job"),
    ],
)
def test_an_argument_that_cannot_be_used_is_named_when_the_code_loads(arguments, said) -> None:
    with pytest.raises(BadInput) as error:
        gated_sensor(**({"job": place_bets, "cron": "0 * * * *", "sources": ["odds_api"]} | arguments))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("sources", "arguments", "said"),
    [
        ((["odds_api"],), {}, "HealthGate: ['odds_api'] is no name of a source; write each as text: 'odds_api'."),
        ((), {}, "HealthGate needs the sources that it depends on"),
        (("odds_api",), {"max_data_age": 5}, "HealthGate, max_data_age: 5 is not a duration"),
        (("odds_api",), {"min_quality": "95"}, "HealthGate: min_quality '95' is no score"),
        (("odds_api",), {"unknown": "maybe"}, "HealthGate: unknown 'maybe' is not known"),
    ],
)
def test_an_argument_of_the_resource_that_cannot_be_used_is_named(sources, arguments, said) -> None:
    with pytest.raises(BadInput) as error:
        HealthGate().require(*sources, **arguments)
    assert str(error.value).startswith(said)


PREVIEW = [{}, {"repository_name": "theirs", "sensor_name": "place_bets_gated"}]
"""What `dagster sensor preview` and the UI's test hand over: no start of the sensor, and no log; Dagster puts a time there."""


@pytest.mark.parametrize("known", PREVIEW)
def test_a_preview_says_that_it_would_be_held_and_writes_nothing(story: Story, known) -> None:
    story.observe(0)
    bets = Bets(story)
    bets.cursor = bets.evaluated(**known).cursor
    story.odds.unlink()
    slot = bets.next_slot()
    assert bets.evaluated(**known).skip_message.startswith(f"HELD {slot}: odds_api is down")
    assert gate(story)["jobs"] == []
    bets.evaluate()
    assert gate(story)["jobs"][0]["held_since"] is not None, "a tick of the daemon does"


def test_a_preview_does_not_end_what_waits(story: Story) -> None:
    story.observe(0)
    bets = Bets(story)
    bets.evaluate()
    story.odds.unlink()
    bets.next_slot()
    bets.evaluate()
    bets.cursor = None
    assert bets.evaluated().skip_message.startswith("Next slot ")
    assert gate(story)["jobs"][0]["held_since"] is not None


def test_a_sensor_that_was_reset_still_tells_what_waits(story: Story) -> None:
    """Dagster then forgets when it was started; its ticks have their numbers."""
    story.observe(0)
    bets = Bets(story)
    context = dg.SensorEvaluationContext(
        instance_ref=None,
        last_tick_completion_time=None,
        last_run_key=None,
        cursor=None,
        log_key=["theirs", "place_bets_gated", "17"],
        repository_name="theirs",
        instance=story.instance,
        sensor_name="place_bets_gated",
    )
    bets.sensor.evaluate_tick(context)
    assert [job["job"] for job in gate(story)["jobs"]] == ["place_bets"]


def test_the_answer_is_true_only_while_they_may_be_used(story: Story) -> None:
    story.observe(0)
    assert HealthGate().check("odds_api")
    story.odds.unlink()
    story.observe()
    answer = HealthGate().check("odds_api")
    assert not answer, "`if gate.check(...)` lets no bet through a closed gate"
    assert answer.reason.startswith("odds_api is down")
