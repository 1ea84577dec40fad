"""Fakes that we ship: a clock that moves when asked to, a probe that answers what it was given, a channel that
remembers what it was sent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from busta_health_dagster.channels.port import ChannelType
from busta_health_dagster.domain.delivery import Delivered
from busta_health_dagster.domain.fields import Strict
from busta_health_dagster.domain.observation import ProbeResult, Status
from busta_health_dagster.probes.port import ProbeType

if TYPE_CHECKING:
    from collections.abc import Iterable

    from busta_health_dagster.channels.port import ChannelContext
    from busta_health_dagster.domain.delivery import Delivery, Outcome
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.probes.port import ProbeContext

EPOCH = 1_795_420_800.0  # 2026-11-23 08:00:00 UTC, a Monday


class FakeClock:
    """`advance` lets time pass; `jump` sets the wall clock only, as a bad NTP server would."""

    def __init__(self, now: float = EPOCH) -> None:
        self._now, self._monotonic = float(now), 1000.0

    def now(self) -> float:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._now += seconds
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        self._now += seconds


class ScriptedConfig(Strict):
    """No keys: the script is the configuration."""


@dataclass
class ScriptedProbe:
    """Answers from a script, per source; the last answer repeats. An answer is a result, a Status, or an exception to
    raise.

    `asked` lists the names of the sources in the order in which they were checked.
    """

    scripts: dict[str, list[Any]] = field(default_factory=dict)
    default: Any = Status.UP
    asked: list[str] = field(default_factory=list)

    def say(self, source: str, answers: Iterable[Any]) -> None:
        self.scripts[source] = list(answers)

    async def probe(self, source: Source, config: ScriptedConfig, context: ProbeContext) -> ProbeResult:
        del config, context
        self.asked.append(source.name)
        script = self.scripts.get(source.name) or [self.default]
        answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, Status):
            good = answer in (Status.UP, Status.DEGRADED)
            return ProbeResult(answer, "ok" if good else "scripted", f"scripted {answer.word}", 100.0 if good else None)
        return answer  # type: ignore[no-any-return]

    def type(self, kind: str = "scripted", **options: Any) -> ProbeType:
        return ProbeType(kind, ScriptedConfig, self.probe, **options)


class RecordingConfig(Strict):
    """No keys: a recording channel goes nowhere."""


@dataclass
class RecordingChannel:
    """Remembers every delivery, and answers as it was set up; when it has nothing left to say, it delivers.

    `type` is what a registry takes. A receipt is `{"ts": "<count>"}`.
    """

    answers: list[Outcome] = field(default_factory=list)
    deliveries: list[Delivery] = field(default_factory=list)

    @property
    def type(self) -> ChannelType:
        return ChannelType("recording", RecordingConfig, self.send)

    @property
    def keys(self) -> list[str]:
        """The idempotency key of each delivery, in order."""
        return [delivery.key for delivery in self.deliveries]

    def send(self, delivery: Delivery, config: RecordingConfig, context: ChannelContext) -> Outcome:
        del config, context
        self.deliveries.append(delivery)
        return self.answers.pop(0) if self.answers else Delivered({"ts": str(len(self.deliveries))})
