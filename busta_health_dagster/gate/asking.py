"""Asks the gate from the outside: of the home that the environment names, or of a busta elsewhere over REST."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import BadInput, BustaError
from busta_health_dagster.domain.gate import GatePolicy
from busta_health_dagster.domain.units import parse_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.documents.gate import GateState
    from busta_health_dagster.domain.gate import UnknownPolicy


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the sources, or those of a consumer, and what else is asked of them."""

    sources: tuple[str, ...]
    consumer: str | None
    policy: GatePolicy
    url: str | None = None
    token: str | None = None

    def state(self) -> GateState:
        """Raises BustaError: it cannot be asked, or is asked for what does not exist."""
        if self.url is not None:
            from busta_health_dagster.cli.remote import Remote
            from busta_health_dagster.cli.remote_monitor import RemoteMonitor

            remote = RemoteMonitor(Remote(self.url, self.token))
            return remote.gate(list(self.sources) or None, consumer=self.consumer, policy=self.policy)
        from busta_health_dagster.defs.app_cache import cached_app
        from busta_health_dagster.pipeline.facade import Monitor

        with cached_app() as app:
            return Monitor(app, "gate").gate(list(self.sources) or None, consumer=self.consumer, policy=self.policy)


@dataclass(frozen=True, slots=True)
class Answer:
    """May they be used, and in one line why not. `sources` as far as they are known. It is true only while they may: `if
    gate.check(...)` must not let a bet through a closed gate.
    """

    usable: bool
    reason: str
    sources: tuple[str, ...]

    def __bool__(self) -> bool:
        return self.usable


def asked(question: Question) -> Answer:
    """The gate's answer. A gate that cannot be asked is closed: unknown is never healthy."""
    try:
        state = question.state()
        # What another server answers is looked through when it is read, and may turn out to be no busta's.
        reasons = [row["reason"] for row in state["sources"] if not row["usable"]]
        return Answer(state["usable"], "; ".join(reasons), tuple(row["source"] for row in state["sources"]))
    except BustaError as error:
        return Answer(False, f"the gate cannot be asked: {error}", question.sources)


def policy_of(min_quality: float | None, max_data_age: str | None, unknown: UnknownPolicy | None) -> GatePolicy:
    """Raises BadInput: `max_data_age` is no duration, or the quality no score."""
    age = None if max_data_age is None else int(duration(max_data_age, "max_data_age"))
    if min_quality is not None and not 0 <= min_quality <= 100:
        raise BadInput(f"min_quality {min_quality:g} is no score; write 0 to 100, such as 95.")
    return GatePolicy(min_quality, age, unknown)


def duration(text: str, name: str) -> float:
    """Raises BadInput."""
    try:
        return float(parse_seconds(text))
    except ValueError as error:
        raise BadInput(f"{name}: {error}") from error


def named(sources: Sequence[str], consumer: str | None, who: str) -> tuple[str, ...]:
    """Raises BadInput: nothing is asked for."""
    if isinstance(sources, str):
        raise BadInput(f'{who}: sources is a list of names: sources=["{sources}"].')
    if not sources and consumer is None:
        raise BadInput(f'{who} needs the sources that it depends on: sources=["odds_api"], or consumer="place-bets".')
    return tuple(sources)
