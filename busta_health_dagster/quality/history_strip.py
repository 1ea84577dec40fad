"""30 days of one check as a small picture: a bar a day, as high as the share of validations that passed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from markupsafe import Markup

from busta_health_dagster.domain.check_history import WINDOW_DAYS
from busta_health_dagster.svg.lines import n

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.documents.quality import CheckDayRow

_STEP, _WIDTH, _HEIGHT = 5, 4, 18


def history_strip(days: Sequence[CheckDayRow], last: date) -> Markup:
    """The days up to `last`. A full bar passed every time; a short one with a cross-line below says how much did not; a dot is a day
    without a verdict, so that nothing rests on colour alone.
    """
    by_day = {day["day"]: day for day in days}
    parts = []
    for back in range(WINDOW_DAYS):
        x = (WINDOW_DAYS - 1 - back) * _STEP
        day = by_day.get((last - timedelta(days=back)).isoformat())
        if day is None:
            parts.append(f'<rect class="none" x="{x + 1}" y="{_HEIGHT - 2}" width="2" height="2"/>')
            continue
        share = day["passed"] / day["evaluated"]
        height = max(3.0, share * _HEIGHT)
        kind = "pass" if share == 1 else "fail"
        parts.append(
            f'<rect class="{kind}" x="{x}" y="{n(_HEIGHT - height)}" width="{_WIDTH}" height="{n(height)}">'
            f"<title>{day['day']}: passed {day['passed']} of {day['evaluated']}</title></rect>"
        )
    failed = sum(1 for day in days if day["passed"] < day["evaluated"])
    label = f"passed on {len(days) - failed} of {len(days)} days"
    body = "".join(parts)
    return Markup(  # noqa: S704  numbers and dates of our own
        f'<svg class="strip" role="img" aria-label="{label}" width="{WINDOW_DAYS * _STEP}" height="{_HEIGHT}" '
        f'viewBox="0 0 {WINDOW_DAYS * _STEP} {_HEIGHT}">{body}</svg>'
    )
