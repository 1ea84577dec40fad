"""`gated_sensor`: a job on a schedule, held while a source that it needs may not be used."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

import dagster as dg

from busta_health_dagster.domain.errors import BadInput, BustaError
from busta_health_dagster.domain.gate import GatedJob
from busta_health_dagster.domain.units import config_duration
from busta_health_dagster.engines.gate_hold import HoldState, decide
from busta_health_dagster.gate.asking import Answer, Question, asked, duration, named, policy_of
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

HELD_TAG = "busta/held_s"
SLOT_TAG = "busta/slot"


def gated_sensor(
    job: dg.JobDefinition | UnresolvedAssetJobDefinition,
    *,
    cron: str,
    sources: Sequence[str] = (),
    hold_for: str = "30m",
    consumer: str | None = None,
    min_quality: float | None = None,
    max_data_age: str | None = None,
    unknown: Literal["block", "allow"] | None = None,
    timezone: str = "UTC",
    name: str | None = None,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    run_config: Mapping[str, Any] | None = None,
    every_s: int = 30,
    url: str | None = None,
    token: str | None = None,
) -> dg.SensorDefinition:
    """Start `job` at each slot of `cron` while all `sources` are usable.

    While one is not, the slot is held, with the reason in the sensor's tick; it is released once, with the tag `busta/held_s`,
    as soon as they are, and given up `hold_for` after the slot. A newer slot takes the place of one that waits: never
    two runs for one wait. `consumer`, `min_quality`, `max_data_age` and `unknown` may only ask for more than the
    sources' own `gate:`. `url` and `token`: ask a busta elsewhere instead of the home that BUSTA_HOME names.

    Raises:
        BadInput: an argument that cannot be used; the sentence names the job.
    """
    who = _who(job)
    question = Question(
        named(sources, consumer, who), consumer, policy_of(who, min_quality, max_data_age, unknown), url, token
    )
    if not isinstance(every_s, int) or isinstance(every_s, bool) or every_s < 1:
        raise BadInput(f"{who}: every_s {every_s!r} is no number of seconds; write every_s=30.")
    hold_for_s = duration(hold_for, f"{who}, hold_for")
    if hold_for_s < 2 * every_s:
        raise BadInput(
            f"{who}: hold_for {hold_for} is over before the sensor has looked twice (every {every_s} s): its slots would be "
            f"given up while the sources may be used. Write hold_for={config_duration(2 * every_s)!r} or more."
        )
    _check_schedule(who, cron, timezone)
    sensor = name or f"{job.name}_gated"

    def evaluate(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        now = _now(question)
        slot = _newest_slot(cron, timezone, now)
        state = HoldState(**json.loads(context.cursor)) if context.cursor else HoldState(slot)
        due = slot > state.done or state.held is not None
        answer = asked(question) if due else Answer(True, "", question.sources)
        decision = decide(state, slot, now, usable=answer.usable, hold_for_s=hold_for_s)
        context.update_cursor(json.dumps(asdict(decision.state)))
        held_since = decision.since if decision.action == "hold" else None
        upcoming = _next_slot(cron, timezone, now)
        reason = answer.reason if decision.action == "hold" else ""
        if decision.state.given_up is not None:
            reason = f"the slot of {_clock(decision.state.given_up, timezone)} was given up, and none has run since"
        seen = Answer(answer.usable, reason, answer.sources)
        if _is_tick(context):
            _note(context, job.name, sensor, question, seen, upcoming, now, held_since)
        if decision.slot is None:
            return dg.SkipReason(f"Next slot {_clock(upcoming, timezone)}.")
        at = _clock(decision.slot, timezone)
        if decision.action == "hold":
            return dg.SkipReason(f"HELD {at}: {answer.reason}")
        if decision.action == "give_up":
            waited = config_duration(hold_for_s)
            why = answer.reason or "no one observed the schedule in time"
            return dg.SkipReason(f"GIVEN UP {at}, not started within {waited}: {why}")
        held = {HELD_TAG: str(decision.held_s)} if state.held is not None else {}
        slot_text = datetime.fromtimestamp(decision.slot, ZoneInfo(timezone)).isoformat()
        return dg.RunRequest(
            run_key=slot_text, run_config=run_config or {}, tags={**(tags or {}), SLOT_TAG: slot_text, **held}
        )

    names = ", ".join(question.sources) or f"the sources of {consumer}"
    return dg.SensorDefinition(
        name=sensor,
        job=job,
        evaluation_fn=evaluate,
        minimum_interval_seconds=every_s,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=description
        or f"Starts {job.name} at {cron} ({timezone}) while {names} may be used; holds it for at most {duration_text(hold_for_s)}.",
    )


def gated_schedule(
    job: dg.JobDefinition | UnresolvedAssetJobDefinition,
    *,
    cron_schedule: str,
    execution_timezone: str = "UTC",
    sources: Sequence[str] = (),
    **more: Any,
) -> dg.SensorDefinition:
    """`gated_sensor` with the words of a schedule, for a ScheduleDefinition that is to wait at the gate. It is a sensor, which a
    schedule cannot be: it has to look again after its slot. Put it into `sensors=`.
    """
    return gated_sensor(job, cron=cron_schedule, timezone=execution_timezone, sources=sources, **more)


def _who(job: object) -> str:
    """Raises BadInput: it is no job. Another one that Dagster knows has a `name` as well, and cannot be started."""
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

    if not isinstance(job, dg.JobDefinition | UnresolvedAssetJobDefinition):
        raise BadInput(f"gated_sensor: {job!r} is no job; hand over what @dg.job or dg.define_asset_job made.")
    return f"gated_sensor of {job.name}"


def _check_schedule(who: str, cron: object, timezone: object) -> None:
    from dagster._utils.schedules import is_valid_cron_schedule

    if not isinstance(cron, str) or not is_valid_cron_schedule(cron):
        raise BadInput(
            f"{who}: {cron!r} is no cron schedule; write minute hour day month weekday, such as 50 16 * * *."
        )
    try:
        ZoneInfo(timezone)  # type: ignore[arg-type]
    except (ValueError, OSError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{who}: {timezone!r} is no zone; write an IANA name such as America/New_York.") from error


def _now(question: Question) -> int:
    """The monitor's clock, so that slots and verdicts are of one moment; this machine's where it is elsewhere or away."""
    if question.url is None:
        from busta_health_dagster.defs.app_cache import cached_app

        try:
            with cached_app() as app:
                return app.now()
        except BustaError:
            pass  # `asked` says why: the slot is held
    return int(time.time())


def _newest_slot(cron: str, timezone: str, now: int) -> int:
    from dagster._utils.schedules import reverse_cron_string_iterator

    return int(next(iter(reverse_cron_string_iterator(now + 1, cron, timezone))).timestamp())


def _next_slot(cron: str, timezone: str, now: int) -> int:
    from busta_health_dagster.defs.lineage import next_slot

    return next_slot(cron, timezone, now)


def _clock(epoch: int, timezone: str) -> str:
    return f"{datetime.fromtimestamp(epoch, ZoneInfo(timezone)):%H:%M}"


def _is_tick(context: dg.SensorEvaluationContext) -> bool:
    """Does the daemon evaluate? `dagster sensor preview` and the test in Dagster's UI do too: nothing waits then, and nothing is
    written. Dagster 1.13.27 says it by two things, and a sensor that was reset has only the second: when the sensor was
    started, and a key of its log that ends with the number of the tick (a preview's ends with the time).
    """
    key = context.log_key
    return context.last_sensor_start_time is not None or bool(key and key[-1].isdigit())


def _note(
    context: dg.SensorEvaluationContext,
    job: str,
    sensor: str,
    question: Question,
    answer: Answer,
    next_at: int,
    now: int,
    held_since: int | None,
) -> None:
    """Tell the monitor, which shows and alerts what waits. One that cannot be reached holds the job, not the sensor."""
    if question.url is not None:
        return
    from busta_health_dagster.defs.app_cache import cached_app
    from busta_health_dagster.pipeline.gate.jobs import note_job

    origin = context.code_location_origin
    location = origin.location_name if origin is not None and origin.location_name else ""
    try:
        with cached_app() as app:
            sources = answer.sources
            if not sources and question.consumer is not None and question.consumer in app.config.consumers:
                sources = app.config.consumers[question.consumer].sources
            note_job(app, GatedJob(location, job, sources, next_at, now, held_since, answer.reason, sensor))
    except BustaError as error:
        context.log.warning("the monitor does not know that %s is behind the gate: %s", job, error)
