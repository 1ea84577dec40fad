"""Every YAML block of the documents is a configuration that loads: what it leaves out is filled in around it, nothing in it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from documents import ROOT, Block, blocks

from busta_health_dagster import bootstrap

FILES = {
    "sources.yaml": {"sources", "control", "types", "defaults", "consumers"},
    "alerts.yaml": {"channels", "rules", "escalations", "routes", "inhibit", "grouping", "on_call"},
    "maintenance.yaml": {"windows", "events"},
    "settings.yaml": {
        "store",
        "retention",
        "web",
        "schedule",
        "limits",
        "dagster",
        "dead_mans_switch",
        "status_page",
        "vantages",
        "quorum",
    },
}
SOURCE = {"name": "odds_api", "type": "odds", "probe": "http", "url": "https://odds.example.com/v4/odds"}
OTHER = {"scores_api": {**SOURCE, "name": "scores_api", "quality": {"suite": "scores"}}}
HOOK = {"name": "hook", "kind": "webhook", "url": "https://ops.example.com/hooks/busta"}
FOR_DAGSTER = {"load_from", "run_coordinator"}
"""test_gate_docs.py has Dagster itself read those."""
BLOCKS = [block for block in blocks("yaml") if not FOR_DAGSTER & set(re.findall(r"^(\w+):", block.text, re.MULTILINE))]


class AsOurs(yaml.SafeLoader):
    """`on` is a key of ours and a word, as docs/configuration.md says; to YAML 1.1 it is true."""


AsOurs.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in known if letter in "tTfF" or not tag.endswith(":bool")]
    for letter, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def as_files(block: Block) -> dict[str, dict[str, Any]]:
    """File -> content: the whole of what the block shows, or shows a part of."""
    shown = yaml.load(block.text, Loader=AsOurs)
    if isinstance(shown, list):
        rules = any({"pattern", "metric"} & set(entry) for entry in shown)
        shown = {"rules": shown} if rules else {"sources": shown}
    elif "body" in shown:
        shown = {"channels": [HOOK | shown]}
    elif "quality" in shown:
        shown = {"sources": [SOURCE | shown]}
    files: dict[str, dict[str, Any]] = {name: {} for name in FILES}
    for key, value in shown.items():
        for name, keys in FILES.items():
            if key in keys:
                files[name][key] = value
        assert key == "version" or any(key in keys for keys in FILES.values()), f"{block.where}: which file has {key}?"
    return files


def sources(shown: dict[str, Any], events: list[dict[str, Any]]) -> dict[str, Any]:
    entries = [
        entry if {"include", "probe"} & set(entry) else SOURCE | entry for entry in shown.get("sources", [SOURCE])
    ]
    wanted = {entry["quality"]["reconcile"]["with"] for entry in entries if "reconcile" in entry.get("quality", {})}
    wanted |= {event["source"] for event in events if "source" in event}
    return {**shown, "sources": entries + [OTHER[name] for name in wanted]}


def alerts(shown: dict[str, Any]) -> dict[str, Any]:
    """With everyone who is named in it, and a way for every alert."""
    if not set(shown) - {"rules"}:
        return shown
    ways = [step for policy in shown.get("escalations", []) for step in policy["steps"]]
    turns = [way for rotation in shown.get("on_call", []) for way in (rotation, *rotation.get("shifts", []))]
    named = {name for step in ways for name in step["notify"]} | {
        name for way in turns for name in way.get("turns", [])
    }
    known = {entry["name"] for part in ("channels", "on_call") for entry in shown.get(part, [])}
    more = [{"name": name, "kind": "console"} for name in sorted(named - known) or ["anyone"]]
    last = {"name": "the-rest", "steps": [{"after": "0m", "notify": [more[0]["name"]]}]}
    return {
        **shown,
        "channels": [*shown.get("channels", []), *more],
        "escalations": [*shown.get("escalations", []), last],
        "routes": [*shown.get("routes", []), {"select": {}, "escalation": "the-rest"}],
    }


def included(entries: list[dict[str, Any]]) -> list[str]:
    names = [entry["include"] for entry in entries if "include" in entry]
    return [name for given in names for name in (given if isinstance(given, list) else [given])]


def seasons(entries: list[dict[str, Any]]) -> list[str]:
    """The files of calendars that an `active` names."""
    said = [entry["active"] for entry in entries if "active" in entry]
    times = [one for active in said for one in (active if isinstance(active, list) else [active])]
    return [one["ical"] for one in times if "ical" in one]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.where)
def test_a_yaml_block_loads(block: Block, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    (tmp_path / "expectations").symlink_to(ROOT / "expectations")
    files = as_files(block)
    files["sources.yaml"] = sources(files["sources.yaml"], files["maintenance.yaml"].get("events", []))
    files["alerts.yaml"] = alerts(files["alerts.yaml"])
    for number, name in enumerate(included(files["sources.yaml"]["sources"])):
        path = config / name.replace("*", "some")
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump({"version": 1, "sources": [SOURCE | {"name": f"included_{number}"}]}))
    for name in seasons(files["sources.yaml"]["sources"]):
        day = f"BEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:{datetime.now(UTC):%Y%m%d}\nEND:VEVENT"
        (config / name).write_text(f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//x//EN\n{day}\nEND:VCALENDAR\n")
    for name, content in files.items():
        (config / name).write_text(yaml.safe_dump({"version": 1, **content}, sort_keys=False))
    assert [str(problem) for problem in bootstrap.diagnose_config(config, {}).errors] == []


def test_every_yaml_block_is_seen() -> None:
    assert len(BLOCKS) > 20
    assert {"README.md", "docs/probes.md", "docs/channels.md", "deploy/oauth2-proxy/README.md"} <= {
        block.where.partition(":")[0] for block in BLOCKS
    }
