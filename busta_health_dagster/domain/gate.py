"""The gate: may anything be built from a source now, and what waits because it may not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from busta_health_dagster.domain.units import from_epoch, iso

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.gate import GatedJobRow, OverrideRow, UsableRow

UnknownPolicy = Literal["block", "allow"]


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """What makes a source usable besides its status. None: nothing is asked."""

    min_quality: float | None = None
    max_data_age_s: int | None = None
    unknown: UnknownPolicy | None = None

    def tightened(self, other: GatePolicy) -> GatePolicy:
        """The stricter of the two in each point: a consumer can ask for more, never for less."""
        qualities = [q for q in (self.min_quality, other.min_quality) if q is not None]
        ages = [a for a in (self.max_data_age_s, other.max_data_age_s) if a is not None]
        words = {self.unknown, other.unknown} - {None}
        return GatePolicy(
            max(qualities, default=None),
            min(ages, default=None),
            "block" if "block" in words else "allow" if words else None,
        )


@dataclass(frozen=True, slots=True)
class Consumer:
    """What uses sources, and what it asks of them beyond their own policy."""

    name: str
    sources: tuple[str, ...]
    policy: GatePolicy
    where: str = ""


@dataclass(frozen=True, slots=True)
class GateOverride:
    """A person opened or closed the gate of one source by hand, from `since` to `until` (epoch seconds)."""

    source: str
    usable: bool
    since: int
    until: int
    reason: str
    by: str

    def as_json(self) -> OverrideRow:
        """The shape of REST."""
        return {
            "state": "open" if self.usable else "closed",
            "since": iso(self.since),
            "until": iso(self.until),
            "reason": self.reason,
            "by": self.by,
        }


@dataclass(frozen=True, slots=True)
class UsableVerdict:
    """May anything downstream use this source, and why."""

    source: str
    usable: bool
    reason: str
    status: str
    observed_at: int | None = None
    override: GateOverride | None = None

    def as_json(self) -> UsableRow:
        """An entry of `gate status -o json` and of REST."""
        return {
            "source": self.source,
            "usable": self.usable,
            "reason": self.reason,
            "status": self.status,
            "observed_at": iso(self.observed_at),
            "override": None if self.override is None else self.override.as_json(),
        }


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """The gate of several sources: usable where each of them is."""

    at: int
    verdicts: tuple[UsableVerdict, ...]

    @property
    def usable(self) -> bool:
        return all(v.usable for v in self.verdicts)

    @property
    def reason(self) -> str:
        """Why not, in one line; empty where it is usable."""
        return "; ".join(v.reason for v in self.verdicts if not v.usable)


@dataclass(frozen=True, slots=True)
class GatedJob:
    """A job behind the gate, as a sensor of it last saw it: `held_since` is the slot that began to wait, None while nothing
    waits; a `reason` then says that a slot was given up. Instants are epoch seconds.
    """

    location: str
    job: str
    sources: tuple[str, ...]
    next_at: int | None
    evaluated_at: int
    held_since: int | None = None
    reason: str = ""
    sensor: str = ""

    def as_json(self, now: int) -> GatedJobRow:
        """An entry of `gate status -o json` and of REST."""
        return {
            "job": self.job,
            "location": self.location,
            "sources": list(self.sources),
            "next_at": iso(self.next_at),
            "evaluated_at": iso(self.evaluated_at),
            "held_since": iso(self.held_since),
            "held_s": None if self.held_since is None else max(0, now - self.held_since),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class NextRun:
    """A job downstream of a source: when it runs next, and since which slot it waits at the gate (epoch seconds)."""

    job: str
    at: int | None
    held_since: int | None = None


@dataclass(frozen=True, slots=True)
class BlastRadius:
    """What a source hits when it fails."""

    assets: tuple[str, ...]
    jobs: tuple[NextRun, ...]

    @property
    def next_run(self) -> NextRun | None:
        """The job that runs first."""
        due = [run for run in self.jobs if run.at is not None]
        return min(due, key=lambda run: (run.at, run.job), default=None)

    @property
    def held(self) -> tuple[NextRun, ...]:
        """Jobs that wait now, longest first."""
        waiting = [run for run in self.jobs if run.held_since is not None]
        return tuple(sorted(waiting, key=lambda run: (run.held_since, run.job)))

    @property
    def sentence(self) -> str:
        """`3 assets, 2 jobs; next place_bets 15:00 UTC`. A job is named also where no one knows when it runs."""
        parts = [
            f"{count} {word}{'' if count == 1 else 's'}"
            for count, word in ((len(self.assets), "asset"), (len(self.jobs), "job"))
            if count
        ]
        said = [", ".join(parts)]
        if self.held:
            first = self.held[0]
            said.append(f"{first.job} held since {from_epoch(first.held_since or 0):%H:%M} UTC")
        elif self.next_run is not None:
            said.append(f"next {self.next_run.job} {from_epoch(self.next_run.at or 0):%H:%M} UTC")
        elif self.jobs:
            said.append(", ".join([run.job for run in self.jobs][:3]) + (" ..." if len(self.jobs) > 3 else ""))
        return "; ".join(said)
