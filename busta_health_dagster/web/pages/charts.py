"""The charts of one source over a window. Each has its finding as a sentence, and a table of its numbers beside it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from markupsafe import Markup

from busta_health_dagster.engines.rules.limits import value_text
from busta_health_dagster.web.pages import plotting
from busta_health_dagster.web.pages.plotting import DAY_S, Axis, Chart
from busta_health_dagster.wording import durations, lists, numbers
from busta_health_dagster.wording.measures import measured_range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from busta_health_dagster.pipeline.views.source_page import Normal
    from busta_health_dagster.store.rollup_queries import Bar

NORMAL_RANGE_WORDS = "normal for the hour of the week (p5–p95)"


def response(
    points: Sequence[Bar],
    since: int,
    until: int,
    *,
    limit: float | None,
    normal_range: Sequence[Normal],
    window: str,
    anomalies: Iterable[int] = (),
) -> Chart:
    """Mean response per bucket, with the limit, the normal band where one is known, and what was not answered.

    `anomalies` are the instants at which the detector found this source's response strange.
    """
    known = [(p.start, p.response_ms) for p in points if p.response_ms is not None]
    if not known:
        return Chart(Markup(""), f"No response time was measured in the last {window}.")
    values = [ms for _, ms in known]
    edges = [
        *values,
        *([limit] if limit is not None else []),
        *(b.p5 for b in normal_range),
        *(b.p95 for b in normal_range),
    ]
    axis = Axis(max(min(edges), 0.2) / 1.4, max(edges) * 1.35, log=True)
    ticks = plotting.log_ticks(min(edges), max(edges))
    x = plotting.across(since, until)
    inner = plotting.gaps(points, since, until) + plotting.grid(axis(t) for t in ticks)
    inner += plotting.normal_range(normal_range, x, axis, lowest=0.2) + plotting.limit_line(limit, axis)
    inner += plotting.path(
        (None if ms is None else (10 * x(p.start), axis(ms))) for p in points for ms in [p.response_ms]
    )
    outer = plotting.y_labels([(axis(t), _round(t)) for t in ticks])
    outer += plotting.limit_words(limit, axis, _round) + plotting.x_labels(since, until)
    outer += plotting.marks(points, since, until)
    strange = [at for at in anomalies if since <= at < until]
    outer += Markup("").join(_strange(at, known, x, axis) for at in strange)
    finding = _said(points, known, limit, window)
    legend = [
        ("sl", "mean"),
        *([("sw", NORMAL_RANGE_WORDS)] if normal_range else []),
        *([("sd", "limit")] if limit is not None else []),
    ]
    if strange:
        finding += f" {lists.plural(len(strange), 'anomaly', 'anomalies')} found."
        legend.append(("an", "anomaly"))
    return Chart(plotting.plot(inner, outer, finding), finding, tuple(legend))


def _round(ms: float) -> str:
    return durations.milliseconds_text(ms).replace(".00 s", " s")


def _strange(at: int, known: Sequence[tuple[int, float]], x: Callable[[float], float], axis: Axis) -> Markup:
    """A triangle on the line, at the point that is nearest."""
    _, value = min(known, key=lambda pair: abs(pair[0] - at))
    return plotting.mark("degraded", x(at), axis(value), dy=-20)


def _said(points: Sequence[Bar], known: Sequence[tuple[int, float]], limit: float | None, window: str) -> str:
    values = [ms for _, ms in known]
    text = (
        f"Response time over {window}: {durations.between(min(values), max(values), durations.milliseconds_text)}, "
        f"last {durations.milliseconds_text(values[-1])}"
    )
    if limit is not None:
        over = sum(v > limit for v in values)
        text += (
            f"; {over} of {len(values)} points over the limit of {_round(limit)}" if over else "; never over its limit"
        )
    down = sum(p.status is not None and p.status.word == "down" and not p.maintenance for p in points)
    unknown = sum(p.status is not None and p.status.word == "unknown" for p in points)
    said = [f"Down in {down} of {len(points)} points."] if down else []
    said += [f"Not known in {unknown} of {len(points)} points."] if unknown else []
    if not said:
        observed = sum(p.status is not None for p in points)
        some = f"Answered in every point that was observed, {observed} of {len(points)}."
        said.append("Always answered." if observed == len(points) else some)
    return f"{text}. {' '.join(said)}"


def quality(
    days: Sequence[tuple[int, float | None]],
    *,
    limit: float | None,
    newest: float | None = None,
    normal_range: Sequence[Normal] = (),
) -> Chart:
    """Mean score of each day. `newest`: the last single score, which a mean may hide."""
    known = [(at, q) for at, q in days if q is not None]
    if len(known) < 2:
        return Chart(Markup(""), "Fewer than two days have a quality score.")
    values = [q for _, q in known]
    low = min([*values, *([limit] if limit is not None else []), *(b.p5 for b in normal_range)])
    axis = Axis(low - max((100 - low) * 0.15, 0.6), 100 + max((100 - low) * 0.06, 0.2), log=False)
    since, until = days[0][0], days[-1][0]
    x = plotting.across(since, until)
    ticks = sorted({round(v, 1) for v in (100.0, (100 + low) / 2, low)}, reverse=True)
    inner = (
        plotting.grid(axis(t) for t in ticks)
        + plotting.normal_range(normal_range, x, axis)
        + plotting.limit_line(limit, axis)
    )
    inner += plotting.path(None if q is None else (10 * x(at), axis(q)) for at, q in days)
    outer = plotting.y_labels([(axis(t), f"{t:g}") for t in ticks]) + plotting.x_labels(since, until)
    outer += plotting.limit_words(limit, axis, lambda v: f"{v:g}")
    low_high = durations.between(min(values), max(values), numbers.score)
    finding = f"Daily means over {len(days)} days: {low_high}, last {numbers.score(values[-1])}"
    if limit is not None:
        under = sum(q < limit for q in values)
        finding += f"; {lists.plural(under, 'day')}" if under else "; no day"
        finding += f" under the limit of {limit:g}"
        if newest is not None and newest < limit:
            finding += f", and the newest score is: {numbers.score(newest)}"
    return Chart(
        plotting.plot(inner, outer, f"{finding}.", small=True), f"{finding}.", _normal_range_legend(normal_range)
    )


def items(
    series: Sequence[tuple[int, float | None]],
    since: int,
    until: int,
    *,
    normal_range: Sequence[Normal] = (),
    window: str,
) -> Chart:
    """Items per observation, from zero: half of them missing has to look like half."""
    known = [n for _, n in series if n is not None]
    if not known:
        return Chart(Markup(""), "")
    axis = Axis(0, max(*known, *(b.p95 for b in normal_range), 1) * 1.12, log=False)
    low_high = durations.between(min(known), max(known), numbers.count)
    finding = f"Items over {window}: {low_high}, last {numbers.count(known[-1])}."
    if normal_range:
        finding += f" Normal now is {measured_range(normal_range[-1].p5, normal_range[-1].p95, 'items')}."
    return _series(series, since, until, axis, normal_range, None, numbers.count, finding)


def data_age(
    series: Sequence[tuple[int, float | None]], since: int, until: int, *, limit: float | None, window: str
) -> Chart:
    """How old the newest data were, with the age that is too old."""
    known = [age for _, age in series if age is not None]
    if not known:
        return Chart(Markup(""), "")
    axis = Axis(0, max(*known, limit or 0, 1) * 1.12, log=False)
    low_high = durations.between(min(known), max(known), durations.duration_text)
    finding = f"Data age over {window}: {low_high}, last {durations.duration_text(known[-1])}"
    if limit is not None:
        over = sum(age > limit for age in known)
        finding += f"; {over} of {len(known)} points over" if over else "; never over"
        finding += f" the limit of {durations.duration_text(limit)}"
    return _series(series, since, until, axis, (), limit, durations.duration_text, f"{finding}.")


def custom(metric: str, series: Sequence[tuple[int, float]], since: int, until: int, *, window: str) -> Chart:
    """A source's own metric, from zero where it is never negative."""
    values = [value for _, value in series]

    def words(value: float | None) -> str:
        return value_text(metric, value)

    low = min(*values, 0)
    high = max(*values, low + 1)
    axis = Axis(low, low + (high - low) * 1.12, log=False)
    finding = f"{metric} over {window}: {durations.between(min(values), max(values), words)}, last {words(values[-1])}."
    return _series(series, since, until, axis, (), None, words, finding)


def _series(
    series: Sequence[tuple[int, float | None]],
    since: int,
    until: int,
    axis: Axis,
    normal_range: Sequence[Normal],
    limit: float | None,
    words: Callable[[float | None], str],
    finding: str,
) -> Chart:
    x = plotting.across(since, until)
    step = min((b[0] - a[0] for a, b in pairwise(series)), default=DAY_S)
    ticks = [axis.high / 1.12 * part for part in (0, 0.5, 1)]
    inner = (
        plotting.grid(axis(t) for t in ticks)
        + plotting.normal_range(normal_range, x, axis)
        + plotting.limit_line(limit, axis)
    )
    inner += plotting.path((None if v is None else (10 * x(at), axis(v)) for at, v in plotting.with_gaps(series, step)))
    outer = plotting.y_labels([(axis(t), words(t) if t else "0") for t in ticks]) + plotting.x_labels(since, until)
    outer += plotting.limit_words(limit, axis, words)
    return Chart(plotting.plot(inner, outer, finding, small=True), finding, _normal_range_legend(normal_range))


def _normal_range_legend(normal_range: Sequence[Normal]) -> tuple[tuple[str, str], ...]:
    return (("sw", NORMAL_RANGE_WORDS),) if normal_range else ()
