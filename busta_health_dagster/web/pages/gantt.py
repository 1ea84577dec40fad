"""Incidents of a month, a line per source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from busta_health_dagster.svg.lines import n
from busta_health_dagster.web.pages import plotting, texts
from busta_health_dagster.web.pages.plotting import DAY_S, Chart
from busta_health_dagster.wording import lists
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.incident import Incident

_ROW = 20
_MOST_ROWS = 12
HATCH = Markup(
    '<pattern id="hatched" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="b-degraded" width="7" height="7"/><path class="hatch" d="M0 0v7"/></pattern>'
)
"""Degraded is hatched here as in the bars: colour is never the only sign."""


def gantt(incidents: Sequence[Incident], now: int, days: int = 30) -> Chart:
    """Incidents of the last days, a line per source, the source with the longest trouble first."""
    since = now - days * DAY_S
    by_source: dict[str, list[Incident]] = {}
    for incident in incidents:
        by_source.setdefault(incident.source, []).append(incident)
    order = sorted(by_source, key=lambda n: (-sum(i.age_s(now) for i in by_source[n]), n))
    if not order:
        return Chart(Markup(""), f"No incident in {days} days.")
    x = plotting.across(since, now)
    shown = order[:_MOST_ROWS]
    body = HATCH + Markup("").join(
        Markup('<line class="gr" x1="{0}%" x2="{0}%" y1="0" y2="{1}"/>').format(n(x(at)), _ROW * len(shown))
        for at in plotting.ticks(since, now)
    )
    for row, name in enumerate(shown):
        y = row * _ROW
        body += Markup('<line class="base" x1="0" x2="100%" y1="{0}" y2="{0}"/>').format(y + _ROW / 2)
        body += Markup('<text class="gl" x="-10" y="{}" text-anchor="end">{}</text>').format(y + 14, name)
        for i in by_source[name]:
            left = max(x(i.started_at), 0.0)
            width = max(x(i.resolved_at if i.resolved_at is not None else now) - left, 0.5)
            down = i.severity.word == "critical" or "source-down" in i.rules
            kind = Markup('class="b-down"') if down else Markup('fill="url(#hatched)"')
            body += Markup('<rect {} x="{}%" y="{}" width="{}%" height="12" rx="2"><title>{}</title></rect>').format(
                kind, n(left), y + 4, n(min(width, 100 - left)), _title(i, now)
            )
    finding = f"{lists.plural(len(incidents), 'incident')} in {days} days, most trouble: {lists.listed(order, 3)}."
    height = _ROW * len(shown)
    svg = Markup('<svg class="gantt" height="{}" role="img" aria-label="{}">{}{}</svg>').format(
        height + 22, finding, body, plotting.x_labels(since, now, y=f"{height + 14}")
    )
    return Chart(svg, finding)


def _title(incident: Incident, now: int) -> str:
    lasted = "lasted" if incident.resolved_at is not None else "open for"
    began = f"{texts.moment(incident.started_at, now)} UTC, {lasted} {duration_text(incident.age_s(now))}"
    return f"{incident.id} · {incident.about} · {began} · {', '.join(incident.rules)}"
