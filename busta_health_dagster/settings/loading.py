"""The four files -> one Config, or every problem of every file at once."""

from __future__ import annotations

import gc
import logging
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ValidationError

from busta_health_dagster.domain.errors import ConfigError, Problem
from busta_health_dagster.domain.policy import AlertPolicy
from busta_health_dagster.settings import (
    checks,
    checks_code,
    checks_dagster,
    checks_events,
    checks_gate,
    checks_quality,
    checks_rollout,
    checks_routes,
    checks_rules,
    checks_season,
    checks_secrets,
    checks_status_page,
    checks_vantages,
)
from busta_health_dagster.settings.calendar_seasons import with_calendar_days
from busta_health_dagster.settings.check_context import CheckContext
from busta_health_dagster.settings.config import Config
from busta_health_dagster.settings.consumers import read_consumers
from busta_health_dagster.settings.dependencies import check_dependencies
from busta_health_dagster.settings.document import Document
from busta_health_dagster.settings.files import content_sha, read_documents, read_texts
from busta_health_dagster.settings.locate import shown_as
from busta_health_dagster.settings.policy import AlertReader
from busta_health_dagster.settings.problems import Findings
from busta_health_dagster.settings.secret import Secrets
from busta_health_dagster.settings.settings_model import Settings
from busta_health_dagster.settings.sources import SourceReader
from busta_health_dagster.settings.translating import translate
from busta_health_dagster.settings.windows import read_calendars, read_windows
from busta_health_dagster.wording.lists import listed, plural

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from busta_health_dagster.domain.near_events import EventCalendar
    from busta_health_dagster.domain.plugins import PluginProblem
    from busta_health_dagster.domain.source import Source

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the doctor found. `config` is None when an error blocks it; `files` are the files that were read."""

    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    files: tuple[str, ...]
    config: Config | None
    notes: tuple[Problem, ...] = ()
    """What is right, and worth knowing."""

    @property
    def summary(self) -> str:
        """`3 errors, 1 warning in 4 files`."""
        errors, warnings = plural(len(self.errors), "error"), plural(len(self.warnings), "warning")
        return f"{errors}, {warnings} in {plural(len(self.files), 'file')}"


def load(
    config_dir: Path,
    probes: Mapping[str, type[BaseModel]],
    channels: Mapping[str, type[BaseModel]],
    environ: Mapping[str, str],
    *,
    plugins: Sequence[PluginProblem] = (),
) -> Config:
    """Read, check and resolve. Missing secrets and selectors without a match are warnings, on `Config.warnings`.

    Raises:
        ConfigError: with every error of every file.
    """
    found = diagnose(config_dir, probes, channels, environ, plugins=plugins)
    if found.config is None:
        raise ConfigError(found.errors)
    return found.config


def diagnose(
    config_dir: Path,
    probes: Mapping[str, type[BaseModel]],
    channels: Mapping[str, type[BaseModel]],
    environ: Mapping[str, str],
    *,
    now: float | None = None,
    plugins: Sequence[PluginProblem] = (),
) -> Diagnosis:
    """Everything wrong with a configuration directory; what a file holds never raises. `now` is epoch seconds, `plugins`
    are those that cannot be used.
    """
    # Hundreds of thousands of small objects that all live on: collecting in between took a third of the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _diagnose(config_dir, probes, channels, environ, time.time() if now is None else now, plugins)
    except Exception as error:  # noqa: BLE001  a file must never end the monitor: what no check foresaw is a problem, too
        _LOG.exception("reading the configuration in %s failed", config_dir)
        says = f"Reading the configuration failed in a way that no check foresaw: {type(error).__name__}: {str(error)[:200]}"
        remedy = "undo the last change; the log has the traceback for a bug report"
        return Diagnosis((Problem(shown_as(config_dir), "", says, remedy),), (), (), None)
    finally:
        if collecting:
            gc.enable()


def _diagnose(
    config_dir: Path,
    probes: Mapping[str, type[BaseModel]],
    channels: Mapping[str, type[BaseModel]],
    environ: Mapping[str, str],
    at: float,
    plugins: Sequence[PluginProblem],
) -> Diagnosis:
    found, texts = Findings(), read_texts(config_dir)
    docs = read_documents(config_dir, texts, found)
    settings = _settings(docs.get("settings.yaml"), found)
    sources: dict[str, Any] = {}
    reader = None
    control: tuple[Any, ...] = ()
    if "sources.yaml" in docs:
        with_calendar_days(docs["sources.yaml"], texts, config_dir, at, found)
        reader = SourceReader(docs["sources.yaml"], probes, found, settings.limits.shards, settings.vantages)
        sources, control = reader.read()
    if reader is not None:
        check_dependencies(docs["sources.yaml"], sources, reader.names, reader.place_of, found)
    consumers = read_consumers(docs["sources.yaml"], sources, reader.names, found) if reader is not None else {}
    rules, policy = (
        AlertReader(docs["alerts.yaml"], channels, found).read() if "alerts.yaml" in docs else ((), AlertPolicy())
    )
    planned = docs.get("maintenance.yaml")
    windows = read_windows(planned, "windows", found) if planned else ()
    events = read_windows(planned, "events", found) if planned else ()
    calendars = read_calendars(planned, {window.name for window in events}, found) if planned else ()
    sources = with_event_paths(sources, calendars)
    config = Config(
        dir=config_dir,
        sources=sources,
        control=control,
        consumers=consumers,
        rules=rules,
        policy=policy,
        windows=windows,
        events=events,
        calendars=calendars,
        settings=settings,
        sha=content_sha(texts),
        loaded_at=at,
        files=tuple(texts),
        unlisted=reader.unlisted() if reader is not None else {},
    )
    if reader is not None:
        secrets = Secrets(environ, config_dir)
        review = CheckContext(
            docs,
            found,
            sources,
            control,
            reader.place_of,
            reader.used_types,
            rules,
            policy,
            windows,
            events,
            settings,
            secrets,
            environ,
            config.expectations_dir,
            at,
            consumers,
            calendars,
            config_dir,
        )
        _review(review)
    _report_plugins(plugins, config, found)
    errors, warnings = found.errors, found.warnings
    complete = (
        None
        if any(problem.blocks for problem in errors)
        else Config(**{name: getattr(config, name) for name in Config.__slots__} | {"warnings": (*errors, *warnings)})
    )
    return Diagnosis(errors, warnings, config.files, complete, found.notes)


def with_event_paths(sources: Mapping[str, Source], calendars: Sequence[EventCalendar]) -> dict[str, Source]:
    """Each source with the calendars that are read from its payload."""
    paths: dict[str, list[tuple[str, str]]] = {}
    for calendar in calendars:
        if calendar.source is not None and calendar.path is not None:
            paths.setdefault(calendar.source, []).append((calendar.name, calendar.path))
    return {n: replace(s, event_paths=tuple(paths[n])) if n in paths else s for n, s in sources.items()}


def _report_plugins(plugins: Sequence[PluginProblem], config: Config, found: Findings) -> None:
    """Each plug-in that cannot be used: an error where something uses it, which stops nothing else."""
    for problem in plugins:
        users, becomes = (
            [s.name for s in (*config.sources.values(), *config.control) if s.probe == problem.kind],
            "unknown",
        )
        if problem.group.endswith("channels"):
            users, becomes = [c.name for c in config.policy.channels.values() if c.kind == problem.kind], "not notified"
        if problem.built_in:
            users, does = [], "The built-in one is used."
        else:
            is_ = "are" if len(users) > 1 else "is"
            does = f"Until then {listed(users)} {is_} {becomes}." if users else "Nothing uses it."
        level: Literal["error", "warning"] = "error" if users else "warning"
        says = f"It cannot be used: {problem.why}. {does}"
        found.at(f"plug-in {problem.module}", problem.kind, says, problem.remedy, level=level, blocks=False)


def _review(review: CheckContext) -> None:
    """Run the checks whose files can be trusted; one of a half-read file would report nonsense."""

    def settings_and(*files: str) -> tuple[str, ...]:
        """settings.yaml may be missing, and must not be broken."""
        return (*files, *({"settings.yaml"} & review.docs.keys()))

    every: list[tuple[tuple[str, ...], Callable[[CheckContext], None]]] = [
        ((), checks.missing_files),
        (("sources.yaml",), checks.unused_types),
        ((), checks.unmeasurable_slo),
        ((), checks.slow_confirmation),
        ((), checks.metered),
        ((), checks.light_observations),
        ((), checks_events.unknown_calendars),
        ((), checks_events.intervals_near_events),
        ((), checks.unused_proxy),
        ((), checks.untold_ages),
        ((), checks.misspelt_groups),
        ((), checks_quality.missing_suites),
        ((), checks_quality.lonely_reconciliations),
        ((), checks.missing_extras),
        ((), checks_quality.half_a_quality),
        ((), checks_code.missing_modules),
        ((), checks_rollout.rollouts),
        ((), checks_gate.undecidable_gates),
        ((), checks_gate.shared_assets),
        ((), checks_gate.feeds_that_are_no_keys),
        ((), checks_gate.built_from_itself),
        ((), checks_season.seasons_that_are_over),
        (("sources.yaml", "settings.yaml"), checks_status_page.groups_without_a_source),
        (("sources.yaml", "alerts.yaml"), checks_season.gates_that_no_one_watches),
        (settings_and("sources.yaml"), checks_vantages.vantages_of_sources),
        ((), checks_dagster.their_instance),
        ((), checks_routes.default_route),
        (("sources.yaml",), checks_routes.selectors_that_match_nothing),
        (("sources.yaml", "alerts.yaml"), checks_routes.unreachable_routes),
        (("alerts.yaml",), checks_routes.unused_ladders),
        (("sources.yaml", "alerts.yaml"), checks_rules.unknown_metrics),
        (("alerts.yaml",), checks_rules.impossible_limits),
        (("alerts.yaml",), checks_rules.recovery_limits),
        (("alerts.yaml",), checks_rules.contradictions),
        (("alerts.yaml",), checks_rules.beyond_the_timeout),
        (("alerts.yaml",), checks_rules.short_windows),
        (("sources.yaml", "alerts.yaml"), checks_rules.without_a_limit),
        (("sources.yaml", "alerts.yaml"), checks_rules.unwatched_sources),
        (("maintenance.yaml",), checks.windows),
        (settings_and(), checks.the_monitor_itself),
        ((), checks_secrets.missing_secrets),
        (("alerts.yaml",), checks_secrets.secrets_of_no_use),
    ]
    for files, check in every:
        if review.sound(*files):
            check(review)


def _settings(doc: Document | None, found: Findings) -> Settings:
    if doc is None:
        return Settings()
    data = {key: value for key, value in doc.data.items() if key in Settings.model_fields and key != "version"}
    try:
        return Settings.model_validate(data)
    except ValidationError as error:
        translate(error, Settings, data, lambda at, says, remedy, key: found.add(doc, at, says, remedy, key=key))
        return Settings()
