"""One verdict of a slot from what several vantage points observed.

A source is down when a quorum of them sees it down: as many as `quorum` says, else more than half of those that answered. A
vantage point that is away, or that could observe nothing, is unknown and counts for neither side. What the slot keeps is the
observation of one of them, so that its numbers belong together.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from busta_health_dagster.domain.observation import Observation, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

GRACE_S: Final = 60
"""So long a decided slot stays open for those that have not answered: what they say is shown, and changes nothing."""
REASON: Final = "vantages"
"""Reason code of what no single vantage point said: they disagree, too few answered, or none did."""


def status_of(down: int, degraded: int, up: int, quorum: int | None) -> Status:
    """The status that so many vantage points saw it in. Half of them, or more, that see it down or degraded make it
    degraded; nothing that none of them sees working is up.
    """
    answered = down + degraded + up
    if not answered:
        return Status.UNKNOWN
    needed = quorum or answered // 2 + 1
    if down >= needed:
        return Status.DOWN
    if down == answered:
        return Status.UNKNOWN
    if down + degraded >= needed or 2 * (down + degraded) >= answered:
        return Status.DEGRADED
    return Status.UP


def is_closed(came: Mapping[str, Status], vantages: Sequence[str], quorum: int | None, age_s: int, most_s: int) -> bool:
    """Is a slot that began `age_s` ago over? Once everyone has answered; after `GRACE_S` when no answer that is missing can
    change the status; after `most_s` in any case.
    """
    missing = sum(name not in came for name in vantages)
    if not missing or age_s >= most_s:
        return True
    return age_s >= GRACE_S and len(_possible(Counter(came[n] for n in vantages if n in came), missing, quorum)) == 1


def _possible(seen: Counter[Status], missing: int, quorum: int | None) -> set[Status]:
    """Every status that may still come of it, whatever `missing` vantage points answer, or if they do not."""
    down, degraded, up = (seen[status] for status in (Status.DOWN, Status.DEGRADED, Status.UP))
    return {
        status_of(down + d, degraded + g, up + u, quorum)
        for d in range(missing + 1)
        for g in range(missing + 1 - d)
        for u in range(missing + 1 - d - g)
    }


def verdict(
    source: str, slot: int, came: Mapping[str, Observation], vantages: Sequence[str], quorum: int | None, now: int
) -> Observation:
    """The observation of the slot. `came` is who answered, in any order; the order of `vantages` decides between equals."""
    came = {name: came[name] for name in vantages if name in came}
    if len(vantages) == 1 and came:
        return came[vantages[0]]
    seen = {s: [n for n, o in came.items() if o.status is s] for s in Status}
    status = status_of(len(seen[Status.DOWN]), len(seen[Status.DEGRADED]), len(seen[Status.UP]), quorum)
    of = _representative(status, seen, came)
    if of is None:
        away = f"no vantage point has reported: {_names(vantages)} {'is' if len(vantages) == 1 else 'are'} away"
        return Observation(source, slot, now, Status.UNKNOWN, REASON, away, attempts=0)
    chosen = came[of]
    alike = chosen.status is status and (status.is_verdict or {o.reason for o in came.values()} == {chosen.reason})
    return chosen.evaluated(
        status, chosen.reason if alike else REASON, _detail(status, of, seen, came, vantages, quorum)
    )


def _representative(
    status: Status, seen: Mapping[Status, Sequence[str]], came: Mapping[str, Observation]
) -> str | None:
    """Whose observation stands for all: of those that work the one with the middle response time, of those that fail the
    first with the most frequent reason.
    """
    if status in (Status.UP, Status.DEGRADED):
        working = seen[status] or seen[Status.UP]
        timed = sorted((ms, n) for n, ms in enumerate(came[v].response_ms for v in working) if ms is not None)
        return working[timed[(len(timed) - 1) // 2][1]] if timed else working[0]
    failing = seen[status] or list(came)
    reasons = Counter(came[name].reason for name in failing)
    return max(failing, key=lambda name: reasons[came[name].reason], default=None)


def _detail(
    status: Status,
    of: str,
    seen: Mapping[Status, Sequence[str]],
    came: Mapping[str, Observation],
    vantages: Sequence[str],
    quorum: int | None,
) -> str:
    """Down from 2 of 3 (nyc, fra): HTTP 503 (expected 2xx); up from lon."""
    order = sorted((Status.DOWN, Status.DEGRADED, Status.UP), key=lambda s: s is not status)
    parts = []
    for each in order:
        names = seen[each]
        if not names:
            continue
        shown = of if of in names else names[0]
        why = came[shown].detail if each is not Status.UP else ""
        if each is Status.UP and came[of].response_ms is not None and of in names and len(names) > 1:
            why = f"times of {of}"
        count = f"{each.word} from {len(names)} of {len(vantages)} ({_names(names)})"
        parts.append(f"{count}: {why.rstrip('.')}" if why else count)
    if seen[Status.UNKNOWN]:
        blind = seen[Status.UNKNOWN]
        parts.append(f"unknown from {_names(blind)}: {came[blind[0]].detail.rstrip('.') or came[blind[0]].reason}")
    away = [name for name in vantages if name not in came]
    if away:
        parts.append(f"{_names(away)} away")
    if status is Status.UNKNOWN and seen[Status.DOWN]:
        parts.insert(0, f"too few vantage points answered for the quorum of {quorum}")
    elif status is Status.DEGRADED and len(seen[Status.DOWN]) == len(seen[Status.DEGRADED]) + len(seen[Status.UP]):
        parts.insert(0, "a tie")
    return "; ".join(parts)


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)
