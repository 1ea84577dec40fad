"""From a source to what the Dagster catalog shows of it: key, group, tags, owners, kinds, description, checks."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import dagster as dg

from busta_health_dagster.defs.keys import asset_key, source_key
from busta_health_dagster.defs.page_links import job_link, links, page_url, picture
from busta_health_dagster.domain.units import config_duration
from busta_health_dagster.engines.rules import ANOMALY_CHECK, decidable_checks
from busta_health_dagster.pipeline.gate.verdicts import USABLE_CHECK
from busta_health_dagster.wording.durations import duration_text

if TYPE_CHECKING:
    from busta_health_dagster.domain.rule import Limits, Rule
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.settings import Config

TICK_JOB = "health_tick"
"""The job that checks every source that is due."""
CHECKS = {
    "connectivity": "Does the source answer as it should? Fails as ERROR when it is down.",
    "response_time": "Is the answer as fast as rule slow-response asks for?",
    "failure_rate": "Do no more checks fail than rule failure-rate allows?",
    "data_age": "Is the newest data no older than rule stale-data allows?",
    "quality": "Is the newest quality score at or above what rule low-quality asks for?",
}
OWN_CHECKS = frozenset({*CHECKS, ANOMALY_CHECK, USABLE_CHECK})
"""Names of all checks that a source may have."""
SOURCE_METADATA = "busta/source"
"""On a check: the source that it is about."""
_KIND_OF_PROBE = {
    "http": "http",
    "feed": "rss",
    "sql": "sql",
    "file": "file",
    "tcp": "tcp",
    "dns": "dns",
    "framework": "python",
    "heartbeat": "push",
}
_TAG_VALUE = re.compile(r"[^A-Za-z0-9_.-]")


def tag_value(text: str) -> str:
    """Dagster's tags take letters, digits, `_`, `.` and `-`: 99.5, not 99.5%."""
    return _TAG_VALUE.sub("-", text)[:63].strip("-.") or "none"


def source_spec(source: Source, config: Config) -> dg.AssetSpec:
    """The static facts of a source. What changes is in its events, not here."""
    tags = {
        "health/monitored": "true",
        "health/tier": str(source.tier),
        "health/sla": tag_value(f"{float(source.sla.uptime * 100):g}"),
        "health/interval": config_duration(source.interval_s),
    }
    tags |= {tag_value(key): tag_value(value) for key, value in source.tags.items()}
    metadata: dict[str, str | dg.MetadataValue] = {
        "type": source.type,
        "probe": source.probe,
        "checked": f"every {duration_text(source.interval_s)}",
        "checked by": job_link(TICK_JOB),
        "config": source.where,
    }
    if (page := page_url(config, f"/s/{source.name}")) is not None:
        metadata["page"] = dg.MetadataValue.url(page)
    if source.runbook:
        metadata["runbook"] = dg.MetadataValue.url(source.runbook)
    if source.feeds:
        metadata["feeds"] = ", ".join(source.feeds)
    return dg.AssetSpec(
        key=source_key(source.name),
        group_name=source.group,
        description=description(source, config),
        tags=tags,
        owners=list(source.owners),
        kinds={_KIND_OF_PROBE.get(source.probe, "python"), tag_value(source.type)},
        metadata=metadata,
        freshness_policy=freshness_policy(source),
    )


def freshness_policy(source: Source) -> dg.FreshnessPolicy | None:
    """Only where every version of the data is reported, which is where something is built from it: elsewhere an event at most
    every hour says nothing of the age.
    """
    tells = getattr(source.config, "tells_age", True)
    if source.max_data_age_s is None or not source.feeds or not tells:
        return None
    return dg.FreshnessPolicy.time_window(fail_window=timedelta(seconds=source.max_data_age_s + source.interval_s))


def description(source: Source, config: Config) -> str:
    """First sentence in plain text of 45 characters or more: it is what lists and searches show."""
    lead = (
        source.description or f"External source {source.name} of type {source.type}, seen through probe {source.probe}"
    )
    lead = lead.rstrip(".") + f", checked every {duration_text(source.interval_s)}."
    feeds = [f"Feeds {', '.join(source.feeds)}."] if source.feeds else []
    # Served no-store by our own web process: renders inline on the asset's page and in the lineage's side panel.
    strip = picture("status of the last 24 hours", f"/strip/{source.name}.svg")
    paths = links(("Open page", page_url(config, f"/s/{source.name}")), ("Runbook", source.runbook))
    return "\n\n".join([lead, *strip, *feeds, *paths])


def check_specs(source: Source, limits: Limits, anomaly_rule: Rule | None = None) -> list[dg.AssetCheckSpec]:
    """Those that can be decided. `anomaly_rule`: the rule of pattern anomaly that watches this source, if one does."""
    about = dict(CHECKS)
    if anomaly_rule is not None:
        about[ANOMALY_CHECK] = f"Is it within its normal range? Rule {anomaly_rule.name}" + (
            " is in shadow mode: it is recorded, neither evaluated here nor alerted on."
            if anomaly_rule.shadow
            else " alerts on it."
        )
    return [
        dg.AssetCheckSpec(name=name, asset=asset_key(source), description=about[name], blocking=False)
        for name in decidable_checks(source, limits, anomaly=anomaly_rule is not None)
    ]


def usable_spec(source: Source) -> dg.AssetCheckSpec:
    """The only blocking one, in a definition of its own: a blocking check among the outputs of a multi-asset stops it
    half way.
    """
    return dg.AssetCheckSpec(
        name=USABLE_CHECK,
        asset=asset_key(source),
        description="May anything downstream use it? Blocks what is downstream while it is down, unknown, or worse than "
        "its `gate:` asks for.",
        blocking=True,
        metadata={SOURCE_METADATA: source.name},
    )
