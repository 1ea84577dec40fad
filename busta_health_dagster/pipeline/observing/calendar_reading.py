"""An iCalendar as it is now, at its address or in its file: of known events, and of who is on call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import BadInput, MissingSecret
from busta_health_dagster.domain.fields import SecretRef
from busta_health_dagster.engines.ical import MOST_BYTES, read_calendar
from busta_health_dagster.probes.calendar_fetch import fetched
from busta_health_dagster.settings.calendar_files import calendar_file, is_remote

if TYPE_CHECKING:
    from busta_health_dagster.engines.ical import ReadCalendar
    from busta_health_dagster.pipeline.app.app import App

AGAIN_S = 900
"""After a failure it is tried again so soon."""
_TIMEOUT_S = 10.0


def is_due(tried_at: int, wait_s: int, now: int) -> bool:
    """Is it to be read again? Also where the last attempt lies in the future: the clock was ahead then."""
    return not tried_at <= now < tried_at + wait_s


def read_now(
    app: App, place: SecretRef | str, since: int, until: int, zone: str, *, allow_private: bool
) -> ReadCalendar:
    """What overlaps [since, until). Outside any transaction: a server may take its time.

    Raises:
        BadInput: it cannot be read; the reason names no secret and has no full stop.
    """
    try:
        where = app.secrets(place).strip() if isinstance(place, SecretRef) else place
        if where.startswith("webcal://"):
            where = f"https{where.removeprefix('webcal')}"
        if is_remote(where):
            fetching = fetched(where, timeout_s=_TIMEOUT_S, max_bytes=MOST_BYTES, guarded=not allow_private)
            text = asyncio.run(fetching)
        else:
            text = calendar_file(where, app.config.dir)
        return read_calendar(text, since, until, zone)
    except (BadInput, MissingSecret, ValueError) as why:
        raise BadInput(app.secrets.scrub(str(why)).rstrip(".")) from why
