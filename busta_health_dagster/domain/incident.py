"""What an outage was: the alerts of one source that overlap, as one story with a start and an end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.units import iso

if TYPE_CHECKING:
    from busta_health_dagster.domain.documents.service import IncidentFacts, IncidentFigures, SpreadRow

State = Literal["open", "acked", "resolved"]


@dataclass(frozen=True, slots=True)
class AlertSpan:
    """What incidents need to know of one alert; epoch seconds, UTC. A reopened alert may come as several spans with
    one `alert_id`.

    `first_good_slot_after` is the first good slot of the *source* after `last_bad_slot`; None while there is none.
    `makes_incident` is False for `no-data`, for alerts about the monitor itself, and for shadow rules. `subject` is what of
    the Dagster instance it is about: each job, check or daemon has incidents of its own. `acked_at` is its first
    acknowledgement, `freed_at` when no one had it any more.
    """

    alert_id: int
    source: str
    rule: str
    severity: Severity
    opened_at: int
    first_bad_slot: int
    last_bad_slot: int
    first_good_slot_after: int | None = None
    acked_at: int | None = None
    freed_at: int | None = None
    resolved_at: int | None = None
    makes_incident: bool = True
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident of one source. `started_at` is its first bad slot, `resolved_at` the first good one after its last
    bad slot.

    Its id is that of its lowest alert, so it survives merging and needs no table of its own; `part` counts the incidents
    of one alert that reopened. `held`: someone has all of it that is open; an acknowledgement that ended is none.
    """

    source: str
    alert_ids: tuple[int, ...]
    rules: tuple[str, ...]
    severity: Severity
    started_at: int
    opened_at: int
    acked_at: int | None
    resolved_at: int | None
    last_bad_slot: int
    part: int = 1
    subject: str = ""
    held: bool = False

    @property
    def about(self) -> str:
        """`odds_api`, or `dagster their_project/place_bets`."""
        return f"{self.source} {self.subject}".rstrip()

    @property
    def id(self) -> str:
        return f"INC-{self.alert_ids[0]}" + (f".{self.part}" if self.part > 1 else "")

    @property
    def state(self) -> State:
        if self.resolved_at is not None:
            return "resolved"
        return "acked" if self.held else "open"

    @property
    def detect_s(self) -> int:
        """Alert opened - first bad slot."""
        return max(self.opened_at - self.started_at, 0)

    @property
    def acknowledge_s(self) -> int | None:
        """First acknowledgement by a person - opened."""
        return None if self.acked_at is None else max(self.acked_at - self.opened_at, 0)

    @property
    def resolve_s(self) -> int | None:
        """First good slot - first bad slot."""
        return None if self.resolved_at is None else self.resolved_at - self.started_at

    def age_s(self, at: int) -> int:
        """How long it has lasted so far, or lasted in all."""
        return max((at if self.resolved_at is None else self.resolved_at) - self.started_at, 0)

    def as_json(self) -> IncidentFacts:
        """The public shape of one entry of `busta incidents list -o json`."""
        return {
            "id": self.id,
            "source": self.source,
            "subject": self.subject or None,
            "started_at": iso(self.started_at),
            "opened_at": iso(self.opened_at),
            "acked_at": iso(self.acked_at),
            "resolved_at": iso(self.resolved_at),
            "severity": self.severity.word,
            "rules": list(self.rules),
            "state": self.state,
            "alerts": list(self.alert_ids),
            "ttd_s": self.detect_s,
            "tta_s": self.acknowledge_s,
            "ttr_s": self.resolve_s,
        }


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean, median and p90 (nearest rank) of some durations in seconds; None where there are none."""

    count: int = 0
    mean: float | None = None
    median: float | None = None
    p90: float | None = None

    def as_json(self) -> SpreadRow:
        return {"mean": self.mean, "median": self.median, "p90": self.p90}


@dataclass(frozen=True, slots=True)
class IncidentSummary:
    """The cohort of incidents resolved in a window, in numbers. `open` are listed beside it, never averaged."""

    resolved: int
    mttr: Spread
    mtta: Spread
    mttd: Spread
    mtbf_s: float | None
    open: int

    def as_json(self) -> IncidentFigures:
        return {
            "mttr_s": self.mttr.as_json(),
            "mtta_s": self.mtta.as_json(),
            "mttd_s": self.mttd.as_json(),
            "mtbf_s": self.mtbf_s,
            "resolved": self.resolved,
            "open": self.open,
        }
