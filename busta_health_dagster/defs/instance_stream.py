"""What the readers of the Dagster instance share: a budget, what one of them brings, and who owns what fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from busta_health_dagster.domain.verdict import ExternalFact
from busta_health_dagster.pipeline.app.app import App
from busta_health_dagster.pipeline.gate.stored_lineage import owners_of
from busta_health_dagster.settings.foreign_text import foreign_text

if TYPE_CHECKING:
    from dagster_shared.error import SerializableErrorInfo

    from busta_health_dagster.domain.clock import Clock
    from busta_health_dagster.settings.secret import Secrets

ROWS = 500
"""Of a page: what a stream reads at once."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Until when, on the monotonic clock, a stream may go on. Its first row or page is always read, so that it moves."""

    clock: Clock
    until: float

    @property
    def spent(self) -> bool:
        return self.clock.monotonic() >= self.until


@dataclass(frozen=True, slots=True)
class Stream:
    """`cursor` is where the next reading goes on. `reached` is up to when it has read (epoch seconds) where something may be
    left; None where it has read all there is.
    """

    cursor: Mapping[str, Any]
    facts: list[ExternalFact]
    reached: float | None = None


Owners = Callable[[str, str], tuple[str, ...]]
"""Of an asset, job, schedule or sensor: (its kind, its name) -> those that it names."""
Reader = Callable[[dg.DagsterInstance, App, Mapping[str, Any] | None, Budget], Stream]


def owners(app: App) -> Owners:
    """As the lineage was noted last."""
    with app.store.read() as uow:
        return owners_of(uow)


def error_text(error: SerializableErrorInfo | None, secrets: Secrets) -> str:
    """`ValueError: diverged`: the innermost error, the one that a person wrote, in one line and without secrets."""
    if error is None:
        return ""
    while error.cause is not None:
        error = error.cause
    return foreign_text(error.message, secrets)
