"""Known events (game days, fixture lists): what covers an instant, and where in it the instant lies."""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

NEAR_S: Final = 1800


@dataclass(frozen=True, slots=True)
class KnownEvent:
    """An event of a `kind` from `start` to `end`, epoch seconds, end exclusive. `source` None: it concerns every
    source.
    """

    kind: str
    start: int
    end: int
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an instant stands: the kind's number or -1, the relative position 0-1, and whether an event is within 30
    min.
    """

    kind: int = -1
    position: float = 0.0
    near: bool = False


class Calendar:
    """Looks up events by instant. Kinds are numbered in the order of `kinds`; unknown ones are appended, never
    renumbered.
    """

    def __init__(self, events: Iterable[KnownEvent] = (), kinds: Iterable[str] = ()) -> None:
        ordered = sorted(events, key=lambda e: (e.start, e.end, e.kind))
        self.kinds = list(dict.fromkeys([*kinds, *(e.kind for e in ordered)]))
        self._number = {kind: i for i, kind in enumerate(self.kinds)}
        self._of: dict[str | None, list[KnownEvent]] = {}
        for event in ordered:
            self._of.setdefault(event.source, []).append(event)
        self._starts = {source: [e.start for e in events] for source, events in self._of.items()}

    @property
    def special(self) -> frozenset[str]:
        """Sources with events of their own."""
        return frozenset(source for source in self._of if source is not None)

    def at(self, epoch: int, source: str | None = None) -> Standing:
        """The event that began last among those that cover `epoch`; own events of a source go before shared ones."""
        near = False
        for owner in (source, None) if source in self._of else (None,):
            events = self._of.get(owner, [])
            stop = bisect_right(self._starts.get(owner, []), epoch + NEAR_S)
            # Events last hours; the sixteen that began last hold whatever can still touch this instant.
            for event in reversed(events[max(0, stop - 16) : stop]):
                if event.start <= epoch < event.end:
                    length = max(event.end - event.start, 1)
                    return Standing(self._number[event.kind], (epoch - event.start) / length, near=True)
                near = near or event.start - NEAR_S <= epoch < event.end + NEAR_S
        return Standing(near=near)
