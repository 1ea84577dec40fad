"""The optional parts of the installation."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from busta_health_dagster import extras

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]


def test_each_extra_of_the_package_is_known_here() -> None:
    assert set(extras.MODULES) == set(PROJECT["optional-dependencies"]) - {"all", "dev"}
    assert set(extras.SCHEMES.values()) <= set(extras.MODULES)


def test_what_is_installed_is_asked_for_in_silence() -> None:
    extras.require("quality", "A score")


def test_what_is_not_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras.MODULES, "gcs", ("no_such_module_of_ours",))
    extras.installed.cache_clear()
    with pytest.raises(extras.MissingExtra, match=r"A bucket needs the extra \[gcs\].*busta_health_dagster\[gcs\]"):
        extras.require("gcs", "A bucket")
    extras.installed.cache_clear()
