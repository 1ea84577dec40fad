"""`include:` and `for_each:`: what sources.yaml says in one line, as the entries that it stands for.

The nodes are rewritten before they are read, so everything after it (merging, checking, the doctor) sees plain entries, each
with the file and line where it was written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.settings.document import UnreadableYaml, compose, position, written_twice
from busta_health_dagster.settings.for_each import CannotExpand, expanded, rows_of, table_rows
from busta_health_dagster.settings.included import ROOT, SECTIONS, named_files, pairs, repeated, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from busta_health_dagster.settings.for_each import Row
    from busta_health_dagster.settings.problems import Findings

_EXAMPLE = "include: feeds/*.yaml"


class Expansion:
    """Reads what one sources.yaml includes. `texts` are the bytes of every file (settings/included.py); what is wrong goes to
    `found`.
    """

    def __init__(self, config_dir: Path, shown: str, texts: Mapping[str, bytes], found: Findings) -> None:
        self._dir, self._shown, self._texts, self._found = config_dir, shown, texts, found
        self._read_at: dict[str, str] = {}

    def __call__(self, root: yaml.Node) -> dict[tuple[str, int], str]:
        """Rewrite `sources` and `control` in place; -> (section, index) -> how an entry is called in messages."""
        heads: dict[tuple[str, int], str] = {}
        for section in SECTIONS:
            _, entries = pairs(root).get(section, (None, None))
            if isinstance(entries, yaml.SequenceNode):
                plain = list(self._entries(section, entries, (ROOT,)))
                entries.value = [entry for entry, _ in plain]
                heads |= {
                    (section, index): head for index, (_, head) in enumerate(plain) if head != f"{section}[{index}]"
                }
        return heads

    def _entries(
        self, section: str, entries: yaml.SequenceNode, chain: tuple[str, ...]
    ) -> Iterator[tuple[yaml.Node, str]]:
        for index, entry in enumerate(entries.value):
            head, keys = f"{section}[{index}]", pairs(entry)
            if "include" in keys or "for_each" in keys:
                self._once(entry, head)
            if "include" in keys:
                yield from self._included(section, head, entry, keys["include"][1], chain)
            elif "for_each" in keys:
                yield from self._one_for_each(head, entry, keys["for_each"][1], chain)
            else:
                yield entry, head

    def _one_for_each(
        self, head: str, entry: yaml.MappingNode, values: yaml.Node, chain: tuple[str, ...]
    ) -> Iterator[tuple[yaml.Node, str]]:
        for inner in (values, *_inside(values)):
            self._once(inner, f"{head}, for_each")
        try:
            rows = self._rows(values, chain)
            made = expanded(entry, rows)
        except CannotExpand as why:
            self._say(why.node, f"{head}, for_each", why.says, why.remedy)
            return
        for number, one in enumerate(made):
            yield one, f"{head} for_each[{number}]"

    def _rows(self, values: yaml.Node, chain: tuple[str, ...]) -> list[Row]:
        table = pairs(values).get("file")
        if table is None or len(pairs(values)) > 1 or not isinstance(table[1], yaml.ScalarNode):
            return rows_of(values)
        node = table[1]
        try:
            found = resolve(self._dir, chain[-1], node.value)
        except BadInput as why:
            raise CannotExpand(node, f"{why}.", "file: teams.csv") from why
        if len(found) > 1:
            says = f"{node.value!r} matches {len(found)} files, and a table is one: the others would be lost."
            raise CannotExpand(node, says, f"file: {found[0]}, and an entry of its own for each other one")
        name = found[0] if found else ""
        if name not in self._texts:
            raise CannotExpand(node, f"There is no file {name or node.value}.", "a CSV file there, with a header")
        self._found.part(f"{self._shown}/{name}", f"{self._shown}/{ROOT}")
        return table_rows(node, f"{self._shown}/{name}", self._texts[name])

    def _included(
        self, section: str, head: str, entry: yaml.MappingNode, value: yaml.Node, chain: tuple[str, ...]
    ) -> Iterator[tuple[yaml.Node, str]]:
        for key, (node, _) in pairs(entry).items():
            if key != "include":
                says = f"`{key}` beside `include` would be lost: the files say it themselves."
                self._say(node, f"{head}, {key}", says, "an entry of its own")
        files = named_files(value)
        if not files or (isinstance(value, yaml.SequenceNode) and len(files) < len(value.value)):
            self._say(value, f"{head}, include", "`include` is not the name of a file, or a list of names.", _EXAMPLE)
        for node in files:
            for name in self._named(head, node, chain):
                yield from self._file(section, head, node, name, chain)

    def _named(self, head: str, node: yaml.ScalarNode, chain: tuple[str, ...]) -> list[str]:
        try:
            names = resolve(self._dir, chain[-1], node.value)
        except BadInput as why:
            self._say(node, f"{head}, include", f"{why}.", _EXAMPLE)
            return []
        if not names:
            says = f"No file matches {node.value!r}: the sources that it should bring would be watched by no one."
            self._say(node, f"{head}, include", says, "a file that matches, or remove the line")
        return names

    def _file(
        self, section: str, head: str, node: yaml.ScalarNode, name: str, chain: tuple[str, ...]
    ) -> Iterator[tuple[yaml.Node, str]]:
        field, shown = f"{head}, include", f"{self._shown}/{name}"
        if name in chain:
            circle = " includes ".join((*chain[chain.index(name) :], name))
            self._say(node, field, f"The files include each other in a circle: {circle}.", "remove one of the includes")
            return
        if name not in self._texts:
            self._say(node, field, f"There is no file {name}.", "a file there, or remove the line")
            return
        if first := self._read_at.get(f"{section}:{name}"):
            says = f"{name} is included already, at {first}: its sources would be there twice."
            self._say(node, field, says, "include it once")
            return
        self._read_at[f"{section}:{name}"] = position(node).rsplit(":", 1)[0]
        self._found.part(shown, f"{self._shown}/{ROOT}")
        entries = self._section(section, shown, self._texts[name])
        if entries is not None:
            yield from self._entries(section, entries, (*chain, name))

    def _section(self, section: str, shown: str, content: bytes) -> yaml.SequenceNode | None:
        """The entries of an included file; None, reported, where it has none."""
        try:
            root = compose(shown, content.decode("utf-8-sig"))
        except UnicodeDecodeError as why:
            line = content[: why.start].count(b"\n") + 1
            self._found.at(f"{shown}:{line}:1", "", "The file is not UTF-8.", "save it as UTF-8")
            return None
        except UnreadableYaml as why:
            self._found.at(why.where, "", why.says, why.remedy)
            return None
        sections = pairs(root)
        if root is not None:
            self._once(root, "")
        for key, (node, value) in sections.items():
            if key not in {"version", section}:
                says = (
                    f"An included file holds `{section}`, and `{key}` belongs to sources.yaml or to a file of its own."
                )
                self._say(node, key, says, f"version: 1, and {section}: [...]")
            elif key == "version" and value.value != "1":
                self._say(value, key, f"Version {value.value!r} is not known to this program.", "version: 1")
        _, entries = sections.get(section, (None, None))
        if entries is None or (isinstance(entries, yaml.ScalarNode) and not entries.value):
            self._found.at(f"{shown}:1:1", section, f"There is no `{section}` in this file.", f"{section}: [...]")
        elif not isinstance(entries, yaml.SequenceNode):
            self._say(entries, section, f"`{section}` is not a list.", f"{section}: [{{name: ..., ...}}]")
        else:
            return entries
        return None

    def _once(self, node: yaml.Node, field: str) -> None:
        """Say which keys stand twice in what only the expansion reads: of the two, one would be lost."""
        for key in repeated(node):
            self._say(key, f"{field}, {key.value}" if field else key.value, *written_twice(key.value))

    def _say(self, node: yaml.Node, field: str, says: str, remedy: str) -> None:
        self._found.at(position(node), field, says, remedy)


def _inside(values: yaml.Node) -> Iterator[yaml.Node]:
    """The sets of values of a `for_each`."""
    for one in values.value if isinstance(values, yaml.CollectionNode) else ():
        yield one[1] if isinstance(one, tuple) else one
