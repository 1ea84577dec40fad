from __future__ import annotations

import json

import jsonschema
import pytest
import yaml
from settings_stories import CHANNELS, DESIGN_ALERTS, DESIGN_MAINTENANCE, DESIGN_SOURCES, PROBES

from busta_health_dagster import settings


def test_the_resolved_configuration_masks_secrets_and_names_each_source_of_a_value(design):
    config = design.config()
    text = settings.show_yaml(config, settings.Secrets({"ODDS_API_KEY": "top-secret-key"}))
    shown = yaml.safe_load(text)
    odds = shown["sources"][0]
    assert odds["from"] == "config/sources.yaml:7"
    assert odds["config"]["headers"] == {"x-api-key": "{env: ODDS_API_KEY} (set)"}
    assert shown["sources"][2]["config"]["url"] == "{env: WAREHOUSE_URL} (missing)"
    assert (odds["interval"], odds["sla"]["uptime"], odds["concurrency_per_host"]) == ("5m", "99.5%", 5)
    assert shown["rules"][1]["all"] == ["response_ms > 5000"]
    assert shown["settings"]["retention"]["observations"] == "35d"
    assert shown["windows"][0]["start"] == "2026-11-26T02:00"
    assert "top-secret-key" not in text
    json.dumps(settings.show(config, settings.Secrets({})))


SCHEMAS = settings.schemas(PROBES, CHANNELS)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sources", DESIGN_SOURCES),
        ("alerts", DESIGN_ALERTS),
        ("maintenance", DESIGN_MAINTENANCE),
        ("settings", "version: 1\nweb: {port: 80}\n"),
    ],
)
def test_the_schemas_accept_the_example_of_the_design(name, text):
    schema = SCHEMAS[f"{name}.schema.json"]
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(
        yaml.safe_load(text.replace("[2026-12-24T02:00]", "['2026-12-24T02:00']"))
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sources", "version: 1\nsources: [{name: a, type: t, probe: http, url: u, host: h}]\n"),
        ("sources", "version: 1\nsources: [{name: a, type: t, probe: htp}]\n"),
        ("sources", "version: 1\nsources: [{name: a, type: t, probe: tcp, host: h, port: many}]\n"),
        ("sources", "version: 1\nsources: [{name: A B, type: t, probe: file, path: x}]\n"),
        ("sources", "version: 1\nsources: [{name: a, type: t, probe: file, path: x, interval: 5}]\n"),
        ("sources", "version: 1\ntypes: {t: {name: a}}\nsources: [{name: a, type: t, probe: file, path: x}]\n"),
        ("alerts", "version: 1\nchannels: [{name: a, kind: slack, url: x}]\n"),
        ("alerts", "version: 1\nrules: [{name: a, metric: Foo-bar}]\n"),
        ("maintenance", "version: 1\nwindows: [{name: a}]\n"),
        ("settings", "version: 1\nretention: {observations: 35}\n"),
        ("settings", "version: 2\n"),
    ],
)
def test_the_schemas_refuse_what_the_loader_refuses(name, text):
    assert not jsonschema.Draft202012Validator(SCHEMAS[f"{name}.schema.json"]).is_valid(yaml.safe_load(text))


def test_a_probe_that_comes_from_the_type_needs_no_probe_in_the_entry():
    data = yaml.safe_load("version: 1\ntypes: {t: {probe: tcp, port: 443}}\nsources: [{name: a, type: t, host: h}]\n")
    assert jsonschema.Draft202012Validator(SCHEMAS["sources.schema.json"]).is_valid(data)
