"""One configuration file by itself, for `busta backtest --alerts` and `--maintenance`: rules to try before they are
installed.

It need not be complete: an alerts file may hold nothing but rules. What it does hold is read as strictly as ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.errors import BadInput, ConfigError
from busta_health_dagster.settings import alert_model, window_model
from busta_health_dagster.settings.document import Document
from busta_health_dagster.settings.policy import AlertReader
from busta_health_dagster.settings.problems import Findings, label
from busta_health_dagster.settings.secret_scanner import scan
from busta_health_dagster.settings.windows import read_windows
from busta_health_dagster.wording.suggestions import near

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pydantic import BaseModel

    from busta_health_dagster.domain.maintenance import Window
    from busta_health_dagster.domain.policy import AlertPolicy, ChannelSpec
    from busta_health_dagster.domain.rule import Rule
    from busta_health_dagster.settings.document import Place


def read_alerts(path: Path, channels: Mapping[str, type[BaseModel]]) -> tuple[tuple[Rule, ...], AlertPolicy]:
    """The rules and the policy of one alerts file. Channels, escalations and routes may be missing.

    Raises:
        BadInput: the file cannot be read, or has no rule.
        ConfigError: every problem of the file.
    """
    found = Findings()
    doc = _document(path, alert_model.SECTIONS, found)
    rules, policy = _Reader(doc, channels, found).read() if doc is not None else ((), None)
    if found.errors or policy is None:
        raise ConfigError(found.errors)
    if not rules:
        raise BadInput(f"{path} has no rule, so nothing would ever fire. Give it `rules: [...]`.")
    return rules, policy


def read_maintenance(path: Path) -> tuple[tuple[Window, ...], tuple[Window, ...]]:
    """(windows, known events) of one maintenance file.

    Raises:
        BadInput: the file cannot be read.
        ConfigError: every problem of the file.
    """
    found = Findings()
    doc = _document(path, window_model.SECTIONS, found)
    windows = read_windows(doc, "windows", found) if doc is not None else ()
    events = read_windows(doc, "events", found) if doc is not None else ()
    if found.errors:
        raise ConfigError(found.errors)
    return windows, events


class _Reader(AlertReader):
    """Without a `channels` section the ladder's names stand for themselves: nothing is delivered anyway."""

    def _channels(self) -> dict[str, ChannelSpec | None]:
        channels = super()._channels()
        if "channels" not in self._doc.data:
            for _, ladder in self._entries("escalations"):
                steps = ladder.get("steps")
                for step in steps if isinstance(steps, list) else []:
                    named = step.get("notify") if isinstance(step, dict) else None
                    channels |= dict.fromkeys(
                        n for n in (named if isinstance(named, list) else []) if isinstance(n, str)
                    )
        return channels


def _document(path: Path, sections: Sequence[str], found: Findings) -> Document | None:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8, at byte {error.start}. Save it as UTF-8.") from error
    said: list[tuple[str, Place, str, str]] = []
    doc = Document(str(path), text, lambda *problem: said.append(problem))
    for where, place, message, remedy in said:
        found.at(where, label(doc.data, place), message, remedy)
    if doc.broken:
        return None
    scan(doc, found)
    for key in doc.data.keys() - set(sections):
        guess = near(key, sections)
        tail = f"; did you mean `{guess}`?" if guess else "."
        remedy = f"{guess}: ..." if guess else f"one of {', '.join(sections)}"
        found.add(doc, (key,), f"Unknown section `{key}`{tail}", remedy, key=True)
    if doc.data.get("version", 1) != 1:
        found.add(doc, ("version",), f"Version {doc.data['version']!r} is not known to this program.", "version: 1")
    return doc
