"""What the doctor knows of the status page: groups that it would show, and no source is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.wording.lists import listed
from busta_health_dagster.wording.suggestions import near

if TYPE_CHECKING:
    from busta_health_dagster.settings.check_context import CheckContext


def groups_without_a_source(review: CheckContext) -> None:
    page = review.settings.status_page
    known = sorted({source.group for source in review.sources.values()})
    for group in page.groups if page is not None else ():
        if group not in known:
            says = f"No source is in group {group!r}: the status page shows it as without data."
            meant = near(group, known)
            remedy = f"{meant}, or take it out" if meant else f"one of {listed(known, 8)}, or take it out"
            review.warn("settings.yaml", ("status_page", "groups", group), says, remedy, key=True)
