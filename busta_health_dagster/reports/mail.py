"""The HTML part of the mail: styles inlined (most readers drop style sheets), pictures by CID, nothing remote."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.extras import installed
from busta_health_dagster.reports import picture
from busta_health_dagster.reports.html import environment
from busta_health_dagster.reports.view import View
from busta_health_dagster.wording import glyphs

if TYPE_CHECKING:
    from busta_health_dagster.domain.report import WeeklyReport

RESPONSE, SCORES = "response", "quality"
"""Content-IDs of the pictures."""
ROWS = 40
"""Gmail cuts a mail off at 102 KB; the attached tables have everyone."""
_FONT = "font-family:Inter,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
STYLES = {
    "page": f"margin:0;padding:0;background:#f6f7f9;color:#1b2430;{_FONT};font-size:14px;line-height:1.45",
    "card": "background:#ffffff;border:1px solid #e1e5ea;border-radius:8px;margin:0 0 14px;padding:10px 14px",
    "h1": "font-size:22px;line-height:1.25;margin:0 0 8px;font-weight:650",
    "h2": "font-size:15px;margin:0 0 4px;font-weight:650",
    "muted": "color:#556170;font-size:12.5px;margin:0 0 8px",
    "th": "text-align:left;color:#556170;font-weight:500;font-size:11.5px;padding:3px 8px 3px 0;border-bottom:1px solid #e1e5ea",
    "thr": "text-align:right;color:#556170;font-weight:500;font-size:11.5px;padding:3px 0 3px 8px;border-bottom:1px solid #e1e5ea",
    "td": "text-align:left;padding:3px 8px 3px 0;border-bottom:1px solid #eef0f3;font-size:13px",
    "tdr": "text-align:right;padding:3px 0 3px 8px;border-bottom:1px solid #eef0f3;font-size:13px;white-space:nowrap",
    "bad": "color:#b92c19;font-weight:600",
}
COLOURS = {"down": "#b92c19", "degraded": "#8f5500", "up": "#0a7460", "unknown": "#556170", "maintenance": "#2b62b8"}


def body(report: WeeklyReport) -> str:
    """The whole document."""
    view = View(report, ROWS)
    context = view.context() | {
        "s": STYLES,
        "colours": COLOURS,
        "shapes": glyphs.STATUS,
        "cid_response": RESPONSE,
        "cid_quality": SCORES,
        "panels": picture.PANELS,
        "pictures": installed("report"),
    }
    return environment().get_template("mail.html.j2").render(**context)
