"""What the doctor knows of vantage points: names that are not there, a quorum that no one can reach, sources that gain nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from busta_health_dagster.domain.vantage import OWN_OBSERVATION
from busta_health_dagster.wording.lists import listed, plural
from busta_health_dagster.wording.suggestions import near

if TYPE_CHECKING:
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.settings.check_context import CheckContext

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_FROM_HERE = "vantages: [], to observe it from this machine only"


def vantages_of_sources(review: CheckContext) -> None:
    """Each source against the vantage points that observe it."""
    known, quorum = review.settings.vantages, review.settings.quorum
    if quorum is not None and quorum > max(len(known), 1):
        says = f"A quorum of {quorum} can never be reached: there {_are(len(known))}."
        remedy = f"quorum: {len(known) // 2 + 1}, or more `vantages`" if known else "remove it, or name `vantages`"
        review.found.add(review.docs["settings.yaml"], ("quorum",), says, remedy)
        return
    for source in review.sources.values():
        if source.vantages:
            _known_names(review, source)
            _reachable_quorum(review, source)
            _use_of_it(review, source)


def _are(count: int) -> str:
    return f"{'is' if count == 1 else 'are'} {plural(count, 'vantage point')}"


def _known_names(review: CheckContext, source: Source) -> None:
    known = review.settings.vantages
    for name in source.vantages:
        if name not in known:
            meant = near(name, known)
            says = f"There is no vantage point {name!r} in settings.yaml: it would be away for ever."
            remedy = f"vantages: [{meant}]" if meant else f"one of {listed(known, 8)}" if known else _FROM_HERE
            review.found.add(review.docs["sources.yaml"], review.at_source(source.name, "vantages"), says, remedy)


def _reachable_quorum(review: CheckContext, source: Source) -> None:
    quorum = review.settings.quorum
    if quorum is not None and quorum > len(source.vantages):
        says = (
            f"{source.name} is observed from {plural(len(source.vantages), 'vantage point')}, and the quorum is {quorum}: it can "
            "never be down."
        )
        remedy = f"at least {quorum} of its `vantages`, or a lower `quorum`"
        review.found.add(review.docs["sources.yaml"], review.at_source(source.name, "vantages"), says, remedy)


def _use_of_it(review: CheckContext, source: Source) -> None:
    """What vantage points cost a source, and do not bring it."""
    place = review.at_source(source.name, "vantages")
    reason = OWN_OBSERVATION.get(source.probe) or _on_each_machine(source)
    if reason:
        says = f"{source.name} gains nothing from vantage points: {reason}."
        review.warn("sources.yaml", place, says, _FROM_HERE)
    paid, times = source.metered, len(source.vantages)
    if paid is not None and times > 1 and times * paid.asked(source.full_every_s) > paid.per_month:
        asked = times * paid.asked(source.full_every_s)
        says = f"{source.name} takes {asked:,} credits a month from {times} vantage points, and has {paid.per_month:,}."
        review.warn("sources.yaml", place, says, "fewer of them, a longer interval, or more credits")
    if source.near_events is not None and source.near_events.interval_s is not None:
        says = (
            f"{source.name} is observed from vantage points, at its slots only: the interval near events has no effect."
        )
        review.warn("sources.yaml", review.at_source(source.name, "near_events", "interval"), says, _FROM_HERE)


def _on_each_machine(source: Source) -> str:
    """Does each vantage point look at something of its own?"""
    path, url = getattr(source.config, "path", None), getattr(source.config, "url", None)
    if isinstance(path, str) and "://" not in path:
        return "each of them would read a file of its own machine"
    host = getattr(source.config, "host", None) or (urlsplit(url).hostname if isinstance(url, str) else None)
    if host in _HERE or (isinstance(url, str) and url.startswith("sqlite")):
        return "each of them would ask its own machine"
    return ""
