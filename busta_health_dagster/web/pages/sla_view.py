"""Service levels as a page: the documents of `busta sla`, worst first. Nothing is counted here."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.web.pages.asked import Turn, address, number
from busta_health_dagster.web.pages.bars_and_sparklines import meter
from busta_health_dagster.web.pages.figures import no_next
from busta_health_dagster.web.pages.frame import ROOT
from busta_health_dagster.web.pages.texts import epoch
from busta_health_dagster.wording import numbers, percentages
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.domain.documents.service import ServiceLevelRow

PATH = f"{ROOT}/sla"
WINDOWS = {"24h": "24 h", "7d": "7 d", "30d": "30 d", "90d": "90 d"}
SIZE = 100
_MONTHS = 6
_SHAPES = {True: "up", False: "down", None: "unknown"}


def months(now: int, since: int | None, zone: str) -> list[tuple[str, str]]:
    """(2026-11, Nov 2026) of this month and those before it, the newest first, as far back as anything was observed."""
    local = ZoneInfo(zone)
    at = from_epoch(now).astimezone(local).replace(day=1, hour=0, minute=0, second=0)
    found: list[tuple[str, str]] = []
    first = now if since is None else since
    while len(found) < _MONTHS:
        found.append((f"{at:%Y-%m}", f"{at:%b %Y}"))
        if at.timestamp() <= first:
            break
        at = (at - timedelta(days=1)).replace(day=1)
    return found


def sla_view(
    rows: Sequence[ServiceLevelRow], window: str, query: Mapping[str, str], calendar: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """`calendar` are the months that may be asked for."""
    page = min(number(query), max(1, -(-len(rows) // SIZE)))
    verdicts = [row["met"] for row in rows]
    return {
        "window": window,
        "windows": [
            (said, address(PATH, window=w), w == window) for w, said in (*WINDOWS.items(), *reversed(calendar))
        ],
        "met": verdicts.count(True),
        "missed": verdicts.count(False),
        "unsaid": verdicts.count(None),
        "burning": sum(row["burn_tier"] is not None for row in rows),
        "next_none": no_next(any_verdict=any(met is not None for met in verdicts)),
        "next": next((row for row in rows if row["met"]), None),
        "rows": [_row(row) for row in rows[(page - 1) * SIZE : page * SIZE]],
        "turn": Turn(page, len(rows), SIZE, PATH, {"window": window}),
        "since": epoch(rows[0]["since"]) if rows else None,
        "until": epoch(rows[0]["until"]) if rows else None,
    }


def _row(row: ServiceLevelRow) -> dict[str, Any]:
    """Of a window that was hardly seen there is its coverage and nothing else to say."""
    met, quality = row["met"], row["quality"]
    said = met is not None
    left = row["budget_left"] if said else None
    return {
        "source": row["source"],
        "status": _SHAPES[met],
        "verdict": row["verdict"],
        "target": percentages.share(row["target"]),
        "uptime": percentages.share(row["uptime"]) if said else numbers.DASH,
        "missed": met is False,
        "coverage": percentages.share(row["coverage"]),
        "bad": f"{row['bad']:g}, {row['allowed_bad']:g} allowed" if said else numbers.DASH,
        "budget": numbers.DASH if left is None else f"{percentages.budget(left)}%",
        "low": left is not None and left < 0,
        "meter": meter(left),
        "burn": [
            (label, "" if rate is None or not (said or row["burn_tier"]) else numbers.decimal(rate, 2))
            for label, rate in row["burn"].items()
            if label in _PACES
        ],
        "tier": row["burn_tier"],
        "forecast": row["forecast"]["text"] if said else "",
        "spare": duration_text(row["time_to_breach_s"]) if row["time_to_breach_s"] is not None and said else "",
        "quality": None if quality is None or quality["met"] is None else percentages.share(quality["attained"]),
        "quality_missed": quality is not None and quality["met"] is False,
    }


_PACES = ("1h", "6h", "3d")
