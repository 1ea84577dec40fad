"""JSON Schemas of the four files, for editors: completion and red lines while typing, with the keys of each probe
and channel kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from busta_health_dagster.domain.fields import Strict
from busta_health_dagster.settings import alert_model, on_call_model, route_model, source_model, window_model
from busta_health_dagster.settings.settings_model import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas(
    probes: Mapping[str, type[BaseModel]], channels: Mapping[str, type[BaseModel]]
) -> dict[str, dict[str, Any]]:
    """File name -> schema: sources.schema.json, alerts.schema.json, maintenance.schema.json, settings.schema.json."""
    return {
        "sources.schema.json": _sources(probes),
        "alerts.schema.json": _alerts(channels),
        "maintenance.schema.json": {
            "$schema": _DIALECT,
            **_MaintenanceFile.model_json_schema(),
            "title": "maintenance.yaml",
            "required": ["version"],
        },
        "settings.schema.json": {
            "$schema": _DIALECT,
            **Settings.model_json_schema(),
            "title": "settings.yaml",
            "required": ["version"],
        },
    }


class _MaintenanceFile(Strict):
    """Maintenance and known events."""

    version: Literal[1]
    windows: tuple[window_model.WindowFields, ...] = ()
    events: tuple[window_model.EventFields | window_model.CalendarFields, ...] = ()


def _sources(probes: Mapping[str, type[BaseModel]]) -> dict[str, Any]:
    common = source_model.SourceFields
    models: list[type[BaseModel]] = [common, source_model.ConsumerFields, *probes.values()]
    schema, refs = _joined(_file_base("sources.yaml"), models)
    own = {kind: refs[model] for kind, model in probes.items()}
    entry = _by_kind(refs[common], own, "probe", required=("name",))
    block = _by_kind(refs[common], own, "probe", required=())
    block["properties"] = {key: value for key, value in block["properties"].items() if key not in {"name", "type"}}
    plain = {key: value for key, value in refs[common]["properties"].items() if key not in {"name", "type"}}
    schema["$defs"] |= {"source": entry, "type": block, "include": _INCLUDE, "template": _template(entry)}
    written = _either(("include", "#/$defs/include"), ("for_each", "#/$defs/template"), ("", "#/$defs/source"))
    schema["properties"] = {
        "version": {"const": 1},
        "defaults": {
            "type": "object",
            "description": "For every source.",
            "properties": plain,
            "additionalProperties": False,
        },
        "types": {
            "type": "object",
            "description": "Defaults by type of source.",
            "additionalProperties": {"$ref": "#/$defs/type"},
        },
        "sources": {
            "type": "array",
            "description": "What is watched.",
            "items": written,
            "minItems": 1,
        },
        "control": {
            "type": "array",
            "description": "Endpoints that tell our own network's failure from theirs.",
            "items": written,
        },
        "consumers": {
            "type": "array",
            "description": "What uses sources, and what it asks of them before it runs.",
            "items": refs[source_model.ConsumerFields],
        },
    }
    schema["required"] = ["version", "sources"]
    return schema


_INCLUDE = {
    "type": "object",
    "description": "The sources of other files, relative to this one.",
    "properties": {
        "include": {
            "description": "A file or a pattern (feeds/*.yaml), or a list of them.",
            "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}],
        }
    },
    "additionalProperties": False,
    "required": ["include"],
}
_FOR_EACH = {
    "description": "One source for each set of values; {placeholders} in the entry are replaced by them.",
    "anyOf": [
        {"type": "array", "minItems": 1},
        {"type": "object", "minProperties": 1},
    ],
}


def _template(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry with placeholders: any of its values may be one, so only the keys are checked."""
    return {
        "type": "object",
        "properties": {"for_each": _FOR_EACH, **dict.fromkeys(sorted(entry["properties"]), True)},
        "additionalProperties": False,
        "required": ["name", "for_each"],
    }


def _either(*shapes: tuple[str, str]) -> dict[str, Any]:
    """The first shape whose key is there; the last one has none."""
    (key, ref), *rest = shapes
    if not rest:
        return {"$ref": ref}
    return {"if": {"required": [key]}, "then": {"$ref": ref}, "else": _either(*rest)}


def _alerts(channels: Mapping[str, type[BaseModel]]) -> dict[str, Any]:
    lists: dict[str, type[BaseModel]] = {
        "rules": alert_model.RuleFields,
        "on_call": on_call_model.RotationFields,
        "escalations": route_model.EscalationFields,
        "routes": route_model.RouteFields,
        "inhibit": route_model.InhibitFields,
    }
    models: list[type[BaseModel]] = [
        *lists.values(),
        alert_model.ChannelFields,
        route_model.GroupingFields,
        *channels.values(),
    ]
    schema, refs = _joined(_file_base("alerts.yaml"), models)
    own = {kind: refs[model] for kind, model in channels.items()}
    schema["$defs"]["channel"] = _by_kind(refs[alert_model.ChannelFields], own, "kind", required=("name", "kind"))
    schema["properties"] = {
        "version": {"const": 1},
        "channels": {"type": "array", "items": {"$ref": "#/$defs/channel"}},
        **{name: {"type": "array", "items": refs[model]} for name, model in lists.items()},
        "grouping": refs[route_model.GroupingFields],
    }
    schema["required"] = ["version"]
    return schema


def _file_base(title: str) -> dict[str, Any]:
    return {"$schema": _DIALECT, "title": title, "type": "object", "additionalProperties": False, "$defs": {}}


def _joined(
    schema: dict[str, Any], models: Sequence[type[BaseModel]]
) -> tuple[dict[str, Any], dict[type[BaseModel], dict[str, Any]]]:
    """The definitions of all models in one place, and each model's own object."""
    by_model, together = models_json_schema([(model, "validation") for model in models], ref_template="#/$defs/{model}")
    schema["$defs"] |= together.get("$defs", {})
    resolved: dict[type[BaseModel], dict[str, Any]] = {}
    for model in models:
        ref = by_model[model, "validation"]
        resolved[model] = schema["$defs"][ref["$ref"].rpartition("/")[2]] if "$ref" in ref else ref
    return schema, resolved


def _by_kind(
    common: dict[str, Any], own: Mapping[str, dict[str, Any]], key: str, *, required: tuple[str, ...]
) -> dict[str, Any]:
    """Common keys, and those of the kind that `key` names. Where the kind comes from elsewhere (the type), any
    kind's keys are fine.
    """
    shared = dict(common["properties"])
    shared[key] = {**shared.get(key, {}), "enum": sorted(own)}
    every: dict[str, Any] = {}
    for schema in own.values():
        for name, held in schema.get("properties", {}).items():
            alternatives = every.setdefault(name, [])
            if held not in alternatives:
                alternatives.append(held)
    joined = {name: held[0] if len(held) == 1 else {"anyOf": held} for name, held in every.items()}
    return {
        "type": "object",
        "properties": {**joined, **shared},
        "additionalProperties": False,
        "required": list(required),
        "allOf": [
            {
                "if": {"properties": {key: {"const": kind}}, "required": [key]},
                "then": {
                    "propertyNames": {"enum": sorted({*shared, *schema.get("properties", {})})},
                    "properties": schema.get("properties", {}),
                },
            }
            for kind, schema in sorted(own.items())
        ],
    }
