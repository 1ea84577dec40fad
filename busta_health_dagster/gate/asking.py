"""Asks the gate from the outside: of the home that the environment names, or of a busta elsewhere over REST."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard, get_args

from busta_health_dagster.domain.errors import BadInput, BustaError
from busta_health_dagster.domain.gate import GatePolicy, UnknownPolicy
from busta_health_dagster.domain.units import parse_seconds

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.gate import GateState


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


def policy_of(who: str, min_quality: object, max_data_age: object, unknown: UnknownPolicy | None) -> GatePolicy:
    """Raises BadInput: `max_data_age` is no duration, the quality no score, or `unknown` neither block nor allow."""
    age = None if max_data_age is None else int(duration(max_data_age, f"{who}, max_data_age"))
    if min_quality is not None and not (_is_number(min_quality) and 0 <= min_quality <= 100):
        raise BadInput(f"{who}: min_quality {min_quality!r} is no score; write 0 to 100, such as min_quality=95.")
    if unknown is not None and unknown not in get_args(UnknownPolicy):
        raise BadInput(f"{who}: unknown {unknown!r} is not known; write unknown='block' or 'allow'.")
    return GatePolicy(min_quality, age, unknown)


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def duration(text: object, name: str) -> float:
    """Raises BadInput."""
    if not isinstance(text, str):
        raise BadInput(f"{name}: {text!r} is not a duration; write it as text with its unit, such as '30m'.")
    try:
        return float(parse_seconds(text))
    except ValueError as error:
        raise BadInput(f"{name}: {error}") from error


def named(sources: object, consumer: object, who: str) -> tuple[str, ...]:
    """Raises BadInput: nothing is asked for, or by something that is no name."""
    if isinstance(sources, str):
        raise BadInput(f'{who}: sources is a list of names: sources=["{sources}"].')
    if consumer is not None and not isinstance(consumer, str):
        raise BadInput(f"{who}: consumer {consumer!r} is no name; write consumer='place-bets'.")
    if not isinstance(sources, Iterable):
        raise BadInput(f"{who}: sources {sources!r} is no list of names; write sources=['odds_api'].")
    names = tuple(sources)
    for name in names:
        if not isinstance(name, str):
            raise BadInput(f"{who}: {name!r} is no name of a source; write each as text: 'odds_api'.")
    if not names and consumer is None:
        raise BadInput(f'{who} needs the sources that it depends on: sources=["odds_api"], or consumer="place-bets".')
    return names
