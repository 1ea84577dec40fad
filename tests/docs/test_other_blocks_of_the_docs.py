"""Blocks that are neither commands nor configuration: Python runs, suites and entry points load, a query is one that Dagster takes.
And no block is of a language that nothing here reads.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import textwrap
import tomllib
from pathlib import Path

import graphql
import pytest
from dagster_graphql.schema import create_schema
from documents import PAGES, ROOT, Block, blocks

from busta_health_dagster import plugins
from busta_health_dagster.channels.registry import GROUP as CHANNELS
from busta_health_dagster.demo.faults import Fault
from busta_health_dagster.demo.fleet import DemoFleet
from busta_health_dagster.probes.registry import GROUP as PROBES
from busta_health_dagster.quality.loader import parse_suite
from busta_health_dagster.testing import FakeClock

READ = {"sh", "bash", "yaml", "python", "json", "toml", "graphql", "text", ""}
"""yaml: test_yaml_of_the_docs.py. Commands of busta: test_commands_of_the_docs.py. Requests: test_requests_of_the_docs.py."""


def of(page: str, language: str) -> list[Block]:
    return [block for block in blocks(language) if block.page == ROOT / "docs" / page]


def where(block: Block) -> str:
    return block.where


def test_every_language_of_a_block_is_read_by_a_test() -> None:
    opened = {
        (str(page.relative_to(ROOT)), language)
        for page in PAGES
        for language in re.findall(r"^ *```(\w+) *$", page.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {language for _, language in opened} <= READ, opened


@pytest.mark.parametrize("block", blocks("sh", "bash"), ids=where)
def test_a_shell_block_is_one_that_a_shell_takes(block: Block) -> None:
    shell = shutil.which("bash")
    assert shell is not None
    done = subprocess.run([shell, "-n"], input=block.text, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("block", blocks("python"), ids=where)
def test_a_python_block_is_python(block: Block) -> None:
    asynchronous = "async def shown():\n" + textwrap.indent(block.text, "    ")
    compile(block.text if "async with" not in block.text else asynchronous, block.where, "exec")


def test_the_probe_of_the_docs_is_a_probe() -> None:
    (block,) = of("probes.md", "python")
    shown: dict[str, object] = {}
    exec(compile(block.text, block.where, "exec"), shown)
    made = shown["PROBE"]
    assert isinstance(made, plugins.ProbeType)
    assert made.config(url="https://api.example.com/").url == "https://api.example.com/"  # type: ignore[attr-defined]


async def test_the_fleet_of_the_docs_plays_what_is_shown(tmp_path: Path) -> None:
    (block,) = of("demo.md", "python")
    names = {"DemoFleet": DemoFleet, "Fault": Fault, "tmp_path": tmp_path, "clock": FakeClock()}
    text = "async def shown():\n" + textwrap.indent(block.text, "    ")
    exec(compile(text, block.where, "exec"), names)
    await names["shown"]()  # type: ignore[operator]


@pytest.mark.parametrize("block", of("quality.md", "json"), ids=where)
def test_an_expectation_of_the_docs_is_one_that_a_suite_takes(block: Block) -> None:
    shown = json.loads(block.text)
    suite = shown if "expectations" in shown else {"name": "shown", "expectations": [shown]}
    assert parse_suite(suite, block.where, block.text).checks


@pytest.mark.parametrize(("page", "group"), [("channels.md", CHANNELS), ("probes.md", PROBES)])
def test_an_entry_point_of_the_docs_is_in_the_group_that_is_searched(page: str, group: str) -> None:
    (block,) = of(page, "toml")
    (shown,) = tomllib.loads(block.text)["project"]["entry-points"].items()
    assert shown[0] == group
    assert all(re.fullmatch(r"[\w.]+:[A-Z]+", target) for target in shown[1].values())


def test_the_query_of_the_docs_is_one_that_dagster_takes() -> None:
    (block,) = of("dagster.md", "graphql")
    assert graphql.validate(create_schema().graphql_schema, graphql.parse(block.text)) == []
