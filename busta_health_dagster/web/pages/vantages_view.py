"""A source from each of its vantage points, as the rows of a small table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.units import floor_to
from busta_health_dagster.web.pages import bars_and_sparklines
from busta_health_dagster.wording import glyphs
from busta_health_dagster.wording.durations import milliseconds_text
from busta_health_dagster.wording.lists import plural
from busta_health_dagster.wording.sentences import capital, clean

if TYPE_CHECKING:
    from busta_health_dagster.pipeline.views.source_page import SourcePage
    from busta_health_dagster.pipeline.views.vantages import SeenFrom


def vantages(page: SourcePage) -> list[dict[str, Any]]:
    """Empty for a source that is observed from here."""
    return [_row(page, seen) for seen in page.vantages]


def quorum(page: SourcePage) -> str:
    if page.quorum is None:
        return "down once more than half of those that answered see it down"
    return f"down once {page.quorum} of {len(page.vantages)} see it down"


def _row(page: SourcePage, seen: SeenFrom) -> dict[str, Any]:
    status, step_s = seen.status, page.source.interval_s
    known = seen.newest is not None and status.is_verdict
    start = floor_to(page.fleet.at, step_s) - (len(seen.slots) - 1) * step_s
    return {
        "name": seen.vantage,
        "status": status.word,
        "word": glyphs.STATUS_LABEL[status.word],
        "why": "" if status.word == "up" else capital(clean(seen.detail or seen.reason)),
        "response": milliseconds_text(seen.newest.response_ms if seen.newest is not None and known else None),
        "count": len(seen.slots),
        "bars": bars_and_sparklines.heartbeats(
            seen.slots, f"{seen.vantage}, last {plural(len(seen.slots), 'slot')}", start=start, step_s=step_s
        ),
    }
