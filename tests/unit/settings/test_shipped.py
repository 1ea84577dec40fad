"""What the repository ships: the files in config/, .env.example, the documentation and the lightness of the import."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from busta_health_dagster import settings
from busta_health_dagster.settings import (
    alert_model,
    on_call_model,
    route_model,
    settings_model,
    source_model,
    window_model,
)

ROOT = Path(__file__).parents[3]


def test_importing_settings_loads_nothing_heavy():
    heavy = [
        "dagster",
        "sqlalchemy",
        "aiohttp",
        "fastapi",
        "pandas",
        "numpy",
        "great_expectations",
        "dateutil",
        "requests",
        "typer",
        "rich",
        "jinja2",
    ]
    code = f"import sys, busta_health_dagster.settings; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture(scope="module")
def real():
    """The models of the probes and channels that we ship."""
    from busta_health_dagster.channels import registry as channels
    from busta_health_dagster.probes import registry as kinds

    ours = {kind: kind_type.config for kind, kind_type in channels.BUILT_IN.items()}
    return kinds(()).models(), ours


def test_the_shipped_configuration_loads_with_an_empty_environment_and_lacks_nothing_but_secrets(real, monkeypatch):
    monkeypatch.chdir(ROOT)
    config = settings.load(ROOT / "config", *real, {})
    assert len(config.sources) == 12
    assert {s.probe for s in config.sources.values()} == {"http", "feed", "file", "sql", "heartbeat"}
    assert [str(w) for w in config.warnings if "is not set" not in w.message] == []
    assert config.tick_s == 300


def test_the_schemas_in_the_repository_are_those_of_the_code(real):
    """`busta config schema` writes them."""
    for name, schema in settings.schemas(*real).items():
        assert json.loads((ROOT / "config/schema" / name).read_text()) == schema, (
            f"{name} is out of date: run busta config schema"
        )


@pytest.mark.parametrize("name", ["sources", "alerts", "maintenance", "settings"])
def test_the_shipped_files_fit_their_schemas(name):
    text = re.sub(r"\[(\d{4}-\d{2}-\d{2}T\d{2}:\d{2})\]", r"['\1']", (ROOT / f"config/{name}.yaml").read_text())
    jsonschema.Draft202012Validator(json.loads((ROOT / f"config/schema/{name}.schema.json").read_text())).validate(
        yaml.safe_load(text)
    )


def test_every_reference_of_the_shipped_files_is_in_the_example_environment():
    used = {
        name for file in settings.FILES for name in re.findall(r"\{env: (\w+)\}", (ROOT / "config" / file).read_text())
    } - {"NAME"}
    offered = set(re.findall(r"^#? ?(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert used <= offered


def test_the_shipped_files_ask_for_suites_that_are_there():
    named = {
        s["quality"]["suite"]
        for s in yaml.safe_load((ROOT / "config/sources.yaml").read_text())["sources"]
        if "quality" in s
    }
    assert named <= {path.stem for path in (ROOT / "expectations").iterdir()}


def test_the_documentation_names_every_key_of_every_file():
    text = (ROOT / "docs/configuration.md").read_text()
    modules = (source_model, alert_model, on_call_model, route_model, window_model, settings_model)
    models = {
        m for module in modules for m in vars(module).values() if isinstance(m, type) and hasattr(m, "model_fields")
    }
    keys = {field.alias or name for model in models for name, field in model.model_fields.items()}
    assert [key for key in sorted(keys) if f"`{key}`" not in text] == []
