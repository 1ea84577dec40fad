"""The report as one file: no script, no font and no picture from anywhere else. Light, dark and print."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from busta_health_dagster.reports import charts
from busta_health_dagster.reports.view import View
from busta_health_dagster.svg.status_shape import glyph

if TYPE_CHECKING:
    from jinja2 import Environment

    from busta_health_dagster.domain.report import WeeklyReport


def page(report: WeeklyReport) -> str:
    """The whole document."""
    return environment().get_template("weekly.html.j2").render(**View(report).context())


@cache
def environment() -> Environment:
    """Autoescape is on: names, reasons and causes come from elsewhere."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    env = Environment(
        loader=PackageLoader("busta_health_dagster.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.globals |= {"glyph": glyph, "bar": charts.budget_bar, "line": charts.days_line}
    return env
