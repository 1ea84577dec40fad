"""Takes `rollout` out of a file of sources, and leaves every other character as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from busta_health_dagster.settings.document import compose, position
from busta_health_dagster.settings.included import SECTIONS, pairs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "rollout"


def without_rollout(name: str, text: str, goes: Callable[[str], bool]) -> str:
    """The text without the `rollout` of the entries for which `goes("config/sources.yaml:14")` says so. `types` and
    `defaults` stand at their own lines.

    Raises:
        UnreadableYaml: it cannot be read.
    """
    cuts = [_cut(text, entry) for entry in _holders(compose(name, text)) if goes(position(entry).rsplit(":", 1)[0])]
    for begin, end in sorted(cuts, reverse=True):
        text = text[:begin] + text[end:]
    return text


def _holders(root: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    sections = pairs(root)
    blocks = [node for _, node in pairs(sections["types"][1]).values()] if "types" in sections else []
    blocks += [sections["defaults"][1]] if "defaults" in sections else []
    for section in SECTIONS:
        _, entries = sections.get(section, (None, None))
        blocks += entries.value if isinstance(entries, yaml.SequenceNode) else []
    for block in blocks:
        if isinstance(block, yaml.MappingNode) and KEY in pairs(block):
            yield block


def _cut(text: str, entry: yaml.MappingNode) -> tuple[int, int]:
    """From which character to which; whole lines where the key stands on its own."""
    index = next(i for i, (key, _) in enumerate(entry.value) if key.value == KEY)
    key, value = entry.value[index]
    end = _end(value)
    if not entry.flow_style and text[: key.start_mark.index].rpartition("\n")[2].strip() == "":
        begin = text.rfind("\n", 0, key.start_mark.index) + 1
        line_end = text.find("\n", end)
        return begin, len(text) if line_end < 0 else line_end + 1
    if index + 1 < len(entry.value):
        return key.start_mark.index, entry.value[index + 1][0].start_mark.index
    return (_end(entry.value[index - 1][1]) if index else key.start_mark.index), end


def _end(node: yaml.Node) -> int:
    """Where a value ends: a block ends where the next thing begins, so its last leaf is asked."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)
