"""What the doctor knows of sources that are introduced: a shadow that lasts long, and one that is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.units import iso
from busta_health_dagster.wording.lists import listed

if TYPE_CHECKING:
    from busta_health_dagster.settings.check_context import CheckContext

_LONGEST_S = 31 * 86_400


def rollouts(review: CheckContext) -> None:
    """One sentence for each day, however many sources share it."""
    by_day: dict[int, list[str]] = {}
    for source in review.sources.values():
        if source.shadow_until is not None:
            by_day.setdefault(source.shadow_until, []).append(source.name)
    for until, names in sorted(by_day.items()):
        place = review.at_source(names[0], "rollout", "until")
        if until <= review.now:
            is_ = "is" if len(names) == 1 else "are"
            says = f"{listed(names)} {is_} live since {iso(until)}: `rollout` says nothing more."
            review.warn("sources.yaml", place, says, "remove it, or: busta alerts rollout --apply")
        elif until - review.now > _LONGEST_S:
            says = f"The rules of {listed(names)} notify no one until {iso(until)}: an outage before that is seen by no one."
            review.warn(
                "sources.yaml", place, says, "a day within the next month; what would be sent: busta alerts rollout"
            )
