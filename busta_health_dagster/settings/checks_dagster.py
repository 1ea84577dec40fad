"""What the doctor knows of a Dagster instance that is not busta's: what its dagster.yaml should say, since we do not write it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from busta_health_dagster.domain.rule import Pattern
from busta_health_dagster.settings.instance import JOB_TAG, written_by_us

if TYPE_CHECKING:
    from busta_health_dagster.settings.check_context import CheckContext

_ONE_TICK = f"tag_concurrency_limits: [{{key: {JOB_TAG}, limit: 1, value: {{applyLimitPerUniqueValue: true}}}}]"
_MANY = 12


def their_instance(review: CheckContext) -> None:
    """Of the instance that DAGSTER_HOME names, where busta did not write its file."""
    home = review.environ.get("DAGSTER_HOME")
    if not home or written_by_us(Path(home)):
        return
    path = Path(home) / "dagster.yaml"
    instance = _read(review, path)
    if instance is None:
        return

    def warn(field: str, says: str, remedy: str) -> None:
        review.found.at(str(path), field, says, remedy, level="warning")

    if not _limits_ticks(instance):
        says = "Two runs of one busta job may overlap: nothing limits the tag busta/job, so a slow tick meets the next one."
        warn("concurrency.runs", says, f"concurrency: {{runs: {{{_ONE_TICK}}}}}")
    if _part(instance, "run_monitoring").get("enabled") is not True:
        says = (
            "A tick whose launch is interrupted is starting for ever, and no other one begins: run monitoring is off."
        )
        warn("run_monitoring", says, "run_monitoring: {enabled: true, start_timeout_seconds: 120}")
    sensors = _part(instance, "sensors")
    if sensors.get("use_threads") is not True:
        says = "The sensors of a code location run one after another: a slow one delays messages and the gate."
        warn("sensors", says, "sensors: {use_threads: true, num_workers: 4}")
    late = next((rule.name for rule in review.rules if rule.pattern is Pattern.DAGSTER_FRESHNESS), None)
    if late is not None and _part(instance, "freshness").get("enabled") is False:
        says = f"Rule {late} can never fire: Dagster's freshness daemon, which says what is late, is off."
        warn("freshness", says, "freshness: {enabled: true}, or remove the rule")
    if not _on_a_server(instance) and len(review.sources) > _MANY:
        says = (
            f"Its events are kept in SQLite files: with {len(review.sources)} sources, daemon, webserver and runs wait for "
            "each other, and none of them can move to another machine."
        )
        warn("storage", says, "storage: {postgres: {postgres_url: {env: DAGSTER_POSTGRES_URL}}}")


def _read(review: CheckContext, path: Path) -> dict[str, Any] | None:
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        says = f"It cannot be read: {' '.join(str(error).split())[:200]}"
        review.found.at(str(path), "", says, "correct it: Dagster does not start on it either", level="warning")
        return None
    return found if isinstance(found, dict) else {}


def _limits_ticks(instance: dict[str, Any]) -> bool:
    """In the new words (`concurrency`) or in those of the run coordinator."""
    new = _part(_part(instance, "concurrency"), "runs").get("tag_concurrency_limits")
    old = _part(_part(instance, "run_coordinator"), "config").get("tag_concurrency_limits")
    limits = [limit for found in (new, old) if isinstance(found, list) for limit in found if isinstance(limit, dict)]
    return any(limit.get("key") == JOB_TAG for limit in limits)


def _on_a_server(instance: dict[str, Any]) -> bool:
    """Anything but Dagster's default, which is SQLite files."""
    return bool({"storage", "run_storage", "event_log_storage"} & instance.keys()) and "sqlite" not in _part(
        instance, "storage"
    )


def _part(parent: dict[str, Any], key: str) -> dict[str, Any]:
    found = parent.get(key)
    return found if isinstance(found, dict) else {}
