"""Is a source usable? One pure verdict behind every door of the gate.

Usable is up or degraded, observed within three intervals, with the quality and the age that its policy asks for. What
cannot be told, and a source off season, is not usable, unless the policy says `unknown: allow`. An override by a person
comes before all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.gate import UsableVerdict
from busta_health_dagster.domain.observation import Status
from busta_health_dagster.domain.season import OFF_SEASON
from busta_health_dagster.domain.units import config_duration, from_epoch
from busta_health_dagster.engines.seasons import off_season_at, off_season_text
from busta_health_dagster.wording.durations import ago, duration_text

if TYPE_CHECKING:
    from busta_health_dagster.domain.gate import GateOverride, GatePolicy
    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.engines.seasons import Interval

QUALITY_AGES = 3
"""A quality score older than so many scoring intervals says nothing of now."""


def usable_verdict(
    source: Source,
    state: SourceState | None,
    *,
    stale: bool,
    now: int,
    policy: GatePolicy,
    override: GateOverride | None = None,
    no_score: str = "",
) -> UsableVerdict:
    """`stale`: the newest observation is too old to say anything. `policy` is the source's own, tightened by the caller that
    asks. `no_score`: why the newest validation came to no score.
    """
    status = "unknown" if state is None or stale else state.status.word
    seen = None if state is None else state.observed_at
    # One that closes holds before its time too: only a clock that was set back makes that, and closed is the safe side.
    if override is not None and now < override.until and (override.since <= now or not override.usable):
        how = "open" if override.usable else "closed"
        reason = f"{source.name} is {how} by hand until {from_epoch(override.until):%H:%M} UTC: {override.reason} ({override.by})"
        return UsableVerdict(source.name, override.usable, reason, status, seen, override)
    gap = off_season_at(source.active, now)
    if gap is not None:
        return _off_season(source, gap, policy, seen)
    refused, unsure = _refusal(source, state, policy, now, stale=stale, no_score=no_score)
    if refused is not None:
        return UsableVerdict(source.name, False, refused, status, seen)
    if unsure is not None:
        if policy.unknown == "allow":
            return UsableVerdict(source.name, True, f"{unsure}; gate.unknown: allow", status, seen)
        return UsableVerdict(source.name, False, unsure, status, seen)
    return UsableVerdict(source.name, True, f"{source.name} is {status}", status, seen)


def _off_season(source: Source, gap: Interval, policy: GatePolicy, seen: int | None) -> UsableVerdict:
    """No one can tell how its data are, since they are not evaluated."""
    reason = f"{source.name} is {off_season_text(gap)}, and its data are not evaluated"
    if policy.unknown == "allow":
        return UsableVerdict(source.name, True, f"{reason}; gate.unknown: allow", OFF_SEASON, seen)
    remedy = f"where they are wanted now, widen its `active`, or busta gate open {source.name} --for 2h --reason ..."
    return UsableVerdict(source.name, False, f"{reason}; {remedy}", OFF_SEASON, seen)


def _refusal(
    source: Source, state: SourceState | None, policy: GatePolicy, now: int, *, stale: bool, no_score: str
) -> tuple[str | None, str | None]:
    """-> (why it is not usable, what cannot be told)."""
    name = source.name
    if state is None:
        return None, f"{name} was never observed"
    if stale:
        return None, f"{name} was last observed {ago(state.observed_at, now)}"
    if state.status is Status.UNKNOWN:
        return None, f"{name} is unknown: {state.detail or state.reason}"
    if state.status is Status.DOWN:
        return f"{name} is down: {state.detail or state.reason}", None
    unsure = None
    if policy.min_quality is not None:
        every = source.quality.every_s if source.quality is not None else source.interval_s
        if state.quality is None or state.quality_at is None:
            why = f": {no_score}" if no_score else " yet"
            unsure = f"{name} has no quality score{why} (at least {policy.min_quality:g} asked)"
        elif now - state.quality_at > QUALITY_AGES * every + source.interval_s:
            unsure = f"the quality score of {name} is {duration_text(now - state.quality_at)} old"
        elif state.quality < policy.min_quality:
            return f"{name} has quality {state.quality:.1f} (at least {policy.min_quality:g} asked)", None
    if policy.max_data_age_s is not None:
        if state.data_age_s is None:
            unsure = unsure or f"the age of the data of {name} cannot be told"
        else:
            age = state.data_age_s + max(0, now - state.last_full.observed_at)
            if age > policy.max_data_age_s:
                limit = config_duration(policy.max_data_age_s)
                return f"the data of {name} are {duration_text(age)} old (at most {limit} asked)", None
    return None, unsure
