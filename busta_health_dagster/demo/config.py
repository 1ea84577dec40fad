"""The demo's configuration: four files in `<home>/config`, written so that they can be read, edited and kept.

The interval is five minutes, not one: the history is five-minute slots, and a source whose interval is one minute
would see four of five slots without a verdict in it (no-data alerts all through the replay, burn-rate tiers and rates
over a fifth of their time). What moves the picture is the script: the first check runs at once, and every slot after
it brings something new.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from typing import TYPE_CHECKING

from busta_health_dagster.demo.scenarios import scenario
from busta_health_dagster.demo.upstreams import Address, directory
from busta_health_dagster.domain.units import config_duration, from_epoch

if TYPE_CHECKING:
    from pathlib import Path

FILES = ("sources.yaml", "alerts.yaml", "maintenance.yaml", "settings.yaml")
INTERVAL_S = 300


@dataclass(frozen=True, slots=True)
class Written:
    """What became of each file: `written` now, `kept` because someone edited it, `moved` kept with the new ports put
    in.
    """

    written: tuple[str, ...]
    kept: tuple[str, ...]
    moved: tuple[str, ...] = ()


def render(
    home: Path, address: Address, *, expectations: Path, interval_s: int = INTERVAL_S, days: int = 30
) -> dict[str, str]:
    """The text of every file. Paths are absolute; maintenance windows stand where the scenario has them; reports begin with
    the history of so many `days`.
    """
    begin = from_epoch(address.anchor) - timedelta(days=max(days, 1))
    values = {
        "interval": config_duration(interval_s),
        "notifications": json.dumps(str((home / "notifications.jsonl").resolve())),
        "expectations": json.dumps(str(expectations.resolve())),
        "planned": _planned(address),
        "report_start": begin.date().isoformat(),
        **{name: json.dumps(where) for name, where in (address.urls | address.paths).items()},
    }
    texts = {}
    for name in FILES:
        text = files("busta_health_dagster.demo").joinpath("templates", name).read_text(encoding="utf-8")
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        texts[name] = text
    return texts


def write_config(
    home: Path, address: Address, *, expectations: Path, interval_s: int = INTERVAL_S, days: int = 30
) -> Written:
    """Write `<home>/config`. A file that was edited since we wrote it is kept; only a port that had to change is put
    into it.
    """
    folder = home / "config"
    folder.mkdir(parents=True, exist_ok=True)
    record_path = directory(home) / "config.json"
    record = (
        json.loads(record_path.read_text(encoding="utf-8")) if record_path.exists() else {"digests": {}, "ports": {}}
    )
    written, kept, moved = [], [], []
    texts = render(home, address, expectations=expectations, interval_s=interval_s, days=days)
    for name, text in texts.items():
        path = folder / name
        present = path.read_text(encoding="utf-8") if path.exists() else None
        if present is None or record["digests"].get(name) == _digest(present):
            _replace(path, text)
            record["digests"][name] = _digest(text)
            written.append(name)
            continue
        rerouted = _rerouted(present, record["ports"], address.ports)
        if rerouted != present:
            _replace(path, rerouted)
            moved.append(name)
        else:
            kept.append(name)
    record["ports"] = address.ports
    record_path.parent.mkdir(parents=True, exist_ok=True)
    _replace(record_path, json.dumps(record, indent=1) + "\n")
    return Written(tuple(written), tuple(kept), tuple(moved))


def _planned(address: Address) -> str:
    lines = []
    for window in scenario(address.scenario).planned:
        start = from_epoch(address.anchor) + timedelta(seconds=window.start_s)
        again = f'rrule: "{window.rrule}", ' if window.rrule else ""
        lines.append(
            f"  - {{name: {window.name}, select: {{names: [{window.source}]}}, "
            f"start: {start:%Y-%m-%dT%H:%M}, zone: UTC, "
            f"duration: {config_duration(window.duration_s)}, {again}reason: {window.reason}}}"
        )
    return "\n".join(lines)


def _rerouted(text: str, old: dict[str, int], new: dict[str, int]) -> str:
    """The text with this fleet's old ports replaced, through a mark, so that a port which was another source's is not
    replaced twice.
    """
    for name, port in old.items():
        text = text.replace(f"127.0.0.1:{port}/", f"127.0.0.1:<{name}>/")
    for name, port in old.items():
        text = text.replace(f"127.0.0.1:<{name}>/", f"127.0.0.1:{new.get(name, port)}/")
    return text


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _replace(path: Path, text: str) -> None:
    aside = path.with_name(f".{path.name}.part")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
