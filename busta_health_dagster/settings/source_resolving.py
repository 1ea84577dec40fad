"""The validated fields of an entry, its type and the defaults -> a source of the domain."""

from __future__ import annotations

import zlib
from datetime import UTC
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from busta_health_dagster.domain.gate import GatePolicy
from busta_health_dagster.domain.near_events import NearEvents
from busta_health_dagster.domain.rule import Severity
from busta_health_dagster.domain.source import DbtSpec, Light, Metered, QualitySpec, Reconcile, Sla, Source
from busta_health_dagster.domain.units import to_epoch
from busta_health_dagster.domain.vantage import OWN_OBSERVATION
from busta_health_dagster.settings.active import season
from busta_health_dagster.settings.source_model import default_group

if TYPE_CHECKING:
    from pydantic import BaseModel

    from busta_health_dagster.settings.source_model import (
        NearEventsFields,
        QualityFields,
        ReconcileFields,
        SourceFields,
    )


def resolve(
    fields: SourceFields,
    config: BaseModel | None,
    entry: dict[str, Any],
    *,
    where: str,
    shards: int,
    vantages: tuple[str, ...] = (),
) -> Source:
    """`entry` is what the source itself says: an SLO written there is explicit, one of the defaults is inherited. `vantages`
    are those of a source that names none.
    """
    own_sla = entry.get("sla")
    # Defaults say how fresh data must be; a port or a name has none, unless its own entry insists.
    dated = getattr(config, "has_data", True)
    cadence = fields.cadence if dated or "cadence" in entry else None
    max_age = fields.max_data_age if dated or "max_data_age" in entry else None
    return Source(
        name=fields.name,
        type=fields.type,
        probe=fields.probe,
        config=config,
        interval_s=int(fields.interval),
        timeout_s=fields.timeout,
        confirm=fields.confirm,
        tier=fields.tier,
        group=fields.group or default_group(fields.type, fields.probe),
        description=fields.description,
        tags=fields.tags,
        owners=fields.owners,
        provider=fields.provider or fields.tags.get("provider") or _host(config),
        runbook=fields.runbook,
        feeds=fields.feeds,
        depends_on=fields.depends_on,
        cadence_s=None if cadence is None else int(cadence),
        max_data_age_s=None if max_age is None else int(max_age),
        sla=Sla(
            fields.sla.uptime,
            fields.sla.quality,
            fields.sla.degraded,
            explicit=isinstance(own_sla, dict) and "uptime" in own_sla,
        ),
        quality=None if fields.quality is None else _quality(fields.quality),
        gate=GatePolicy(
            fields.gate.min_quality,
            None if fields.gate.max_data_age is None else int(fields.gate.max_data_age),
            fields.gate.unknown,
        ),
        asset=fields.asset,
        concurrency=fields.concurrency,
        concurrency_per_host=fields.concurrency_per_host,
        allow_private=fields.allow_private,
        metered=None if fields.metered is None else Metered(fields.metered.per_month, fields.metered.each),
        light=_light(config),
        near_events=None if fields.near_events is None else _near(fields.near_events),
        active=None if fields.active is None else season(fields.active),
        quota=None if (credits_ := getattr(config, "quota", None)) is None else credits_.domain(),
        shadow_until=None if fields.rollout is None else to_epoch(fields.rollout.until.replace(tzinfo=UTC)),
        metrics=getattr(config, "custom_metrics", ()),
        # By name, not by position: a source added at the top must not move every other one to another run.
        shard=zlib.crc32(fields.name.encode()) % shards,
        vantages=_vantages(fields, vantages),
        where=where,
    )


def _vantages(fields: SourceFields, known: tuple[str, ...]) -> tuple[str, ...]:
    """In the order of settings.yaml; one that is not there stays, for the doctor to refuse."""
    if fields.vantages is None:
        return () if fields.probe in OWN_OBSERVATION else known
    chosen = dict.fromkeys(fields.vantages)
    return (*(name for name in known if name in chosen), *(name for name in chosen if name not in known))


def _near(fields: NearEventsFields) -> NearEvents:
    return NearEvents(
        fields.calendar,
        int(fields.before),
        int(fields.after),
        None if fields.max_data_age is None else int(fields.max_data_age),
        None if fields.interval is None else int(fields.interval),
        None if fields.severity is None else Severity[fields.severity.upper()],
    )


def _light(config: BaseModel | None) -> Light | None:
    said = getattr(config, "light", None)
    return None if said is None else Light(int(said.every), getattr(config, "light_config", None))


def _host(config: BaseModel | None) -> str:
    """Where the probe asks, as far as its configuration says so: the host of a URL, with the port that it names, or a `host`.
    A URL that is a secret says nothing.
    """
    for address in (getattr(config, "url", None), getattr(config, "path", None)):
        if isinstance(address, str) and "://" in address:
            return urlsplit(address).netloc.rpartition("@")[2].lower()
    said = getattr(config, "host", None)
    return said if isinstance(said, str) else ""


def _quality(fields: QualityFields) -> QualitySpec:
    return QualitySpec(
        suite=fields.suite,
        validator=fields.validator,
        validator_scale=fields.validator_scale,
        every_s=int(fields.every),
        rows=fields.rows,
        fetch=fields.fetch,
        public_columns=fields.public_columns,
        key_columns=fields.key_columns,
        push_down=fields.push_down,
        reconcile=None if fields.reconcile is None else _reconcile(fields.reconcile),
        dbt=None if fields.dbt is None else DbtSpec(fields.dbt.target, fields.dbt.node, int(fields.dbt.max_age)),
    )


def _reconcile(fields: ReconcileFields) -> Reconcile:
    return Reconcile(
        fields.with_, fields.on, fields.compare, fields.columns, fields.names, fields.found, fields.tolerance
    )
