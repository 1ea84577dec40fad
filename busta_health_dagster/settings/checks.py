"""What the doctor knows beyond shapes: one function per check, each given what was read. Here: sources and windows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.source import CONFIRM_DELAYS_S
from busta_health_dagster.domain.units import config_duration
from busta_health_dagster.extras import SCHEMES, installed, remedy
from busta_health_dagster.settings.check_context import CheckContext
from busta_health_dagster.settings.source_model import GROUPS
from busta_health_dagster.wording.durations import duration_text
from busta_health_dagster.wording.lists import listed
from busta_health_dagster.wording.suggestions import near

if TYPE_CHECKING:
    from busta_health_dagster.domain.source import Metered, Source
    from busta_health_dagster.settings.document import Document, Place

_PROXIES = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy")


def missing_files(review: CheckContext) -> None:
    """A file that is not there is allowed, and said."""
    consequence = {
        "alerts.yaml": "no rule exists that it does not list, so no answer is too slow and no one is notified",
        "maintenance.yaml": "no maintenance and no known events",
        "settings.yaml": "every setting has its default",
    }
    anchor = review.docs.get("sources.yaml")
    for name, meaning in consequence.items():
        if name not in review.docs and anchor is not None:
            where = anchor.name.removesuffix("sources.yaml") + name
            review.found.at(
                where, "", f"The file is not there: {meaning}.", f"a file {name} with version: 1", level="warning"
            )


def unmeasurable_slo(review: CheckContext) -> None:
    """A target whose monthly allowance is below 10 checks: refused where the source itself asks for it, told where
    it inherits it.
    """
    from busta_health_dagster.engines.service_levels.burn import measurable

    inherited: dict[tuple[Any, int], list[str]] = {}
    for source in review.sources.values():
        verdict = measurable(source.sla.uptime, source.interval_s)
        if verdict.ok:
            continue
        if source.sla.explicit:
            review.found.add(
                review.docs["sources.yaml"],
                review.at_source(source.name, "sla", "uptime"),
                verdict.reason,
                verdict.remedy,
            )
        else:
            inherited.setdefault((source.sla.uptime, source.interval_s), []).append(source.name)
    for (target, interval), names in inherited.items():
        verdict = measurable(target, interval)
        says = f"Inherited by {listed(names)}: {verdict.reason} It is reported, and never alerted."
        review.warn("sources.yaml", review.at_source(names[0]), says, verdict.remedy)


def untold_ages(review: CheckContext) -> None:
    """`max_data_age` or `cadence` where no observation can ever say how old the data are: once for each place that says it."""
    silent: dict[tuple[Place, str], list[str]] = {}
    doc = review.docs["sources.yaml"]
    for source in review.sources.values():
        if source.stale_after_s is None or getattr(source.config, "tells_age", True):
            continue
        key = "max_data_age" if source.max_data_age_s is not None else "cadence"
        place = who_says(doc, review.at_source(source.name), source.type, key)
        silent.setdefault((place, key), []).append(source.name)
    for (place, key), names in silent.items():
        config = review.sources[names[0]].config
        what = (
            f"{listed(names)}: `{key}` says how old the data may be, and nothing tells how old they are: "
            f"{'each of them is' if len(names) > 1 else 'it is'} degraded (age_unknown)."
        )
        remedy = (
            "data_age: {path: ...}, {header: Last-Modified} or {column: ...} on the source"
            if getattr(config, "has_data", True)
            else f"remove {key}: a probe {review.sources[names[0]].probe} sees no data"
            if "data_age" not in type(config).model_fields
            else f"remove {key}, or data_age: none"
        )
        review.found.add(doc, (*place, key), what, remedy, key=True, blocks=False)


def who_says(doc: Document, own: Place, type_: str, key: str) -> Place:
    """The entry, its type or the defaults: where this key stands."""
    entry = doc.data[str(own[0])][own[1]]
    types = doc.data.get("types") or {}
    if key in entry:
        return own
    return ("types", type_) if key in (types.get(type_) or {}) else ("defaults",)


def slow_confirmation(review: CheckContext) -> None:
    """A failing source that takes longer to confirm than its interval lasts."""
    for source in review.sources.values():
        longest = source.timeout_s * (source.confirm + 1) + sum(CONFIRM_DELAYS_S[: source.confirm])
        place = review.at_source(source.name)
        interval = config_duration(source.interval_s)
        if source.timeout_s >= source.interval_s:
            timeout = config_duration(source.timeout_s)
            says = f"The timeout of {timeout} is not shorter than the interval of {interval}: a check would outlast it."
            review.found.add(review.docs["sources.yaml"], (*place, "timeout"), says, "timeout: 10s")
        elif longest > source.interval_s:
            needed = config_duration(int(longest))
            says = f"A failure takes up to {needed} to confirm, longer than the interval of {interval}."
            review.warn("sources.yaml", place, says, "a shorter timeout, a longer interval, or confirm: 1")


def metered(review: CheckContext) -> None:
    """Credits that do not last the month: the source would be unknown for the rest of it."""
    for source in review.sources.values():
        paid = source.metered
        if paid is None:
            continue
        every, asked = source.full_every_s, paid.asked(source.full_every_s)
        takes = f"{source.name} takes {asked:,} credits a month at every {config_duration(every)}"
        place = review.at_source(source.name, "metered")
        if asked <= paid.per_month:
            review.note("sources.yaml", place, f"{takes}, of {paid.per_month:,}{_near_an_event(source, paid)}.")
            continue
        says = f"{takes} and has {paid.per_month:,}: they last {duration_text(paid.lasts_s(every))}."
        shortest = config_duration(paid.shortest_interval_s())
        key = "interval" if source.light is None else "light.every"
        cheaper = "" if source.light is not None else ", a free place in between (`light`)"
        review.warn("sources.yaml", place, says, f"{key}: {shortest}{cheaper}, or more credits")


def _near_an_event(source: Source, paid: Metered) -> str:
    """What each known event takes on top."""
    spec = source.near_events
    if spec is None or spec.interval_s is None or spec.interval_s >= source.full_every_s:
        return ""
    lasts = spec.before_s + spec.after_s
    more = (lasts // spec.interval_s - lasts // source.full_every_s) * paid.each
    every = config_duration(spec.interval_s)
    return f", and {more:,} more for each event of {spec.calendar} ({config_duration(lasts)} at every {every})"


def light_observations(review: CheckContext) -> None:
    """A light observation that never takes place: the full one is due every time."""
    for source in review.sources.values():
        if source.light is not None and source.light.every_s <= source.interval_s:
            every, interval = config_duration(source.light.every_s), config_duration(source.interval_s)
            says = f"Every observation is a full one: `light` asks for one every {every}, the interval is {interval}."
            remedy = f"light: {{every: {config_duration(12 * source.interval_s)}, ...}}, or no `light`"
            place = (*review.at_source(source.name), "light", "every")
            review.found.add(review.docs["sources.yaml"], place, says, remedy)


def unused_proxy(review: CheckContext) -> None:
    """A proxy in the environment, as other programs take it, that no source is asked through."""
    name = next((n for n in _PROXIES if review.environ.get(n)), None)
    direct = [s.name for s in review.sources.values() if getattr(s.config, "proxy", False) is None]
    if name is None or not direct or any(getattr(s.config, "proxy", None) for s in review.sources.values()):
        return
    says = f"{name} is set in the environment, and nothing is asked through it: the way to {listed(direct)} is direct."
    review.warn("sources.yaml", ("sources",), says, f"defaults: {{proxy: {{env: {name}}}}}, if the way out leads there")


def unused_types(review: CheckContext) -> None:
    """A type's defaults that no source takes: usually a misspelt name."""
    types = review.docs["sources.yaml"].data.get("types", {})
    for name in types if isinstance(types, dict) else ():
        if name not in review.used_types:
            guess = near(name, review.used_types)
            review.warn(
                "sources.yaml",
                ("types", name),
                f"No source has the type {name!r}.",
                f"{guess}: ..." if guess else "remove it, or give a source this type",
                key=True,
            )


def misspelt_groups(review: CheckContext) -> None:
    """A group of one's own is allowed; one that looks like a usual group is probably that."""
    for source in review.sources.values():
        guess = near(source.group, GROUPS) if source.group not in GROUPS else None
        if guess:
            review.warn(
                "sources.yaml",
                review.at_source(source.name, "group"),
                f"{source.group!r} is a group of its own; did you mean {guess!r}?",
                f"group: {guess}",
            )


def missing_extras(review: CheckContext) -> None:
    """What a source's keys ask for and this installation leaves out: told here, before it is met at night."""
    for source in review.sources.values():
        if source.quality is not None and not installed("quality"):
            says = f"The extra [quality] is not installed: the quality of {source.name} is not scored."
            review.warn("sources.yaml", review.at_source(source.name, "quality"), says, remedy("quality"))
        key, extra = _extra_of(source)
        if extra is not None and not installed(extra):
            says = f"The extra [{extra}] is not installed: {source.name} cannot be observed."
            review.warn("sources.yaml", review.at_source(source.name, key), says, remedy(extra))


def _extra_of(source: Source) -> tuple[str, str | None]:
    """(key, the extra that its value needs)."""
    url = getattr(source.config, "url", None)
    if source.probe == "sql" and isinstance(url, str) and url.startswith("postgres"):
        return "url", "postgres"
    path = getattr(source.config, "path", None)
    if isinstance(path, str) and path.partition("://")[0] in SCHEMES:
        return "path", SCHEMES[path.partition("://")[0]]
    form = getattr(source.config, "format", None)
    if form == "parquet":
        return "format", "file"
    return ("path", "file") if isinstance(path, str) and path.endswith(".parquet") else ("", None)


def the_monitor_itself(review: CheckContext) -> None:
    """Who is notified when the monitor dies; whether its database fits the fleet."""
    file = "settings.yaml" if "settings.yaml" in review.docs else "sources.yaml"
    if review.settings.dead_mans_switch is None:
        where = review.docs["sources.yaml"].name.removesuffix("sources.yaml") + "settings.yaml"
        says = "No one outside notices when this monitor dies: there is no dead_mans_switch."
        remedy = "dead_mans_switch: {url: {env: BUSTA_DEAD_MANS_URL}, every: 5m}"
        review.found.at(where, "dead_mans_switch", says, remedy, level="warning")
    if len(review.sources) > 100 and review.settings.store.url is None and not review.environ.get("BUSTA_DATABASE_URL"):
        says = f"{len(review.sources)} sources on SQLite: above 100 the writers wait for each other."
        review.warn(file, ("store",), says, "store: {url: {env: BUSTA_DATABASE_URL}} with a Postgres")
    if review.settings.retention.observations < 31 * 86400:
        says = "Observations are dropped before their 30-day window is full: its first incidents lose their reasons."
        review.warn(file, ("retention", "observations"), says, "observations: 35d")
    if not review.settings.dagster.paint_degraded:
        says = "Degraded sources are green in Dagster's catalog, which paints only ERROR red: its lists hide them."
        review.warn(file, ("dagster", "paint_degraded"), says, "remove it, unless only what is down should be red")


def windows(review: CheckContext) -> None:
    """Windows that overlap on a source, and single ones that are over."""
    from busta_health_dagster.engines.maintenance import MaintenanceIndex, occurrences

    since = int(review.now)
    places = {("windows", w.name): ("windows", i) for i, w in enumerate(review.windows)}
    index = MaintenanceIndex(review.windows, since, since + 35 * 86400)
    for problem in index.overlaps(group[0] for group in review.kinds_of_source):
        name = problem.field.removeprefix("window ").rpartition(", ")[0]
        review.warn("maintenance.yaml", (*places["windows", name], "start"), problem.message, problem.remedy)
    for place, window in [(("windows", i), w) for i, w in enumerate(review.windows)] + [
        (("events", i), w) for i, w in enumerate(review.events)
    ]:
        if window.rrule is None and not occurrences(window, since, since + 50 * 366 * 86400):
            review.warn(
                "maintenance.yaml",
                place,
                f"It is over, and has no rrule: {window.name} will not come again.",
                "remove it, or add rrule: ...",
            )
