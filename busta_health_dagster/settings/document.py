"""YAML with positions: every value knows the line and column it was written at, so that every problem can name them.

Scalars follow YAML 1.2: only `true` and `false` are booleans (a tag `region: no` stays the text "no"), `010` and
`1:30` are texts,
and dates stay texts, which the models read as local times. Nothing but plain data is ever constructed.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_TAG = "tag:yaml.org,2002:"
PLAIN = "plain"
"""The tag of what is written without quotes: its meaning is read from its text."""
_DEEPEST = 64

# libyaml is ten times faster; PyYAML built without it still works.
_Base: Any = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader


class _Loader(_Base):  # type: ignore[misc]  # one of two classes
    """Marks what was written without quotes and leaves its meaning to `Document`: half the time of PyYAML's own
    guessing.
    """

    _depth = 0

    def descend_resolver(self, node: yaml.Node | None, index: Any) -> None:
        """Called on the way into each node: libyaml recurses in C, and 100,000 brackets ended the process."""
        del index
        self._depth += 1
        if self._depth > _DEEPEST:
            mark = node.start_mark if node is not None else None
            raise yaml.MarkedYAMLError(problem="nested too deeply", problem_mark=mark)

    def ascend_resolver(self) -> None:
        self._depth -= 1

    def resolve(self, kind: type[yaml.Node], value: str | None, implicit: Any) -> str:
        del value
        if kind is yaml.ScalarNode:
            return PLAIN if implicit[0] else f"{_TAG}str"
        return f"{_TAG}seq" if kind is yaml.SequenceNode else f"{_TAG}map"


_WORDS = {
    word: value
    for words, value in ((("true", "True", "TRUE"), True), (("false", "False", "FALSE"), False))
    for word in words
}
_WORDS |= dict.fromkeys(("", "~", "null", "Null", "NULL"))  # type: ignore[arg-type]
_NUMERIC = frozenset("+-.0123456789")
_DIGITS = 19
_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+)([eE][-+]?[0-9]+)?")

Place = tuple[str | int, ...]


class _NamedText(io.StringIO):
    """A text whose nodes carry the name of its file in their marks."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


class UnreadableYaml(Exception):
    """The text is no YAML. `where` names file, line and column."""

    def __init__(self, where: str, says: str) -> None:
        super().__init__(says)
        self.where, self.says = where, f"This is not readable as YAML: {says}."

    remedy = "close every bracket and quote, and indent with spaces; the mistake can also be a line or two above"


def compose(name: str, text: str) -> yaml.Node | None:
    """The nodes of a text, each with its place; None where there is nothing in it.

    Raises:
        UnreadableYaml: with the place and what is wrong there.
    """
    loader = _Loader(_NamedText(name, text))
    try:
        node: yaml.Node | None = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = ", ".join(part for part in (error.context, error.problem) if part)
        if mark and any(line[mark.column :].startswith("\t") for line in text.splitlines()[mark.line : mark.line + 1]):
            said += " (a tab: YAML indents with spaces)"
        raise UnreadableYaml(f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name, said) from error
    except yaml.YAMLError as error:
        raise UnreadableYaml(name, " ".join(str(error).split())) from error
    else:
        return node
    finally:
        loader.dispose()


def written_twice(key: str) -> tuple[str, str]:
    """What is wrong with a key that a mapping has a second time, and what would be right."""
    return f"`{key}` is written twice in one mapping: one of the two would be lost.", "keep one of them"


def position(node: yaml.Node) -> str:
    """`config/sources.yaml:14:26`: where a node begins."""
    return f"{node.start_mark.name}:{node.start_mark.line + 1}:{node.start_mark.column + 1}"


class Document:
    """One file, and what it includes. `data` is its top-level mapping, without the keys whose section is empty; `name` is how
    messages call it.

    `report(line, column, path, message, remedy)` receives what is wrong with the YAML itself; `data` then holds what
    could be read. `expand` may rewrite the nodes before they are read (settings/expanding.py), and answers how the entries it
    made are called.
    """

    def __init__(
        self,
        name: str,
        text: str,
        report: Callable[[str, Place, str, str], None],
        expand: Callable[[yaml.Node], Mapping[tuple[str, int], str]] | None = None,
    ) -> None:
        self.name = name
        self.broken = False
        self._report = report
        self._values: dict[int, Any] = {}
        self._pairs_of: dict[int, dict[str, tuple[yaml.Node, yaml.Node]]] = {}
        self._root: yaml.Node | None = None
        try:
            self._root = compose(name, text)
        except UnreadableYaml as why:
            self.broken = True
            report(why.where, (), why.says, why.remedy)
        self.heads = expand(self._root) if expand is not None and self._root is not None else {}
        data = self._value(self._root, ()) if self._root is not None else {}
        self.value = data
        if not isinstance(data, dict):
            self._problem(self._root, (), "the file is not a mapping of sections", "version: 1")
            data = {}
        self.data: dict[str, Any] = {key: value for key, value in data.items() if value is not None}

    def where(self, path: Sequence[str | int], *, key: bool = False) -> str:
        """`config/sources.yaml:14:26` of the value at `path` (of its key with `key`), or of the nearest thing around
        it.
        """
        node, key_node = self._root, None
        for part in path:
            if isinstance(node, yaml.MappingNode) and isinstance(part, str) and part in self._pairs(node):
                key_node, node = self._pairs(node)[part]
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                key_node, node = None, node.value[part]
            else:
                break
        return self._at(key_node if key and key_node is not None else node)

    def line(self, path: Sequence[str | int]) -> str:
        """`config/sources.yaml:14`: what domain objects carry as `where`."""
        return self.where(path).rsplit(":", 1)[0]

    def _at(self, node: yaml.Node | None) -> str:
        if node is None:
            return f"{self.name}:1:1"
        return position(node)

    def _problem(self, node: yaml.Node | None, path: Place, message: str, remedy: str) -> None:
        self._report(self._at(node), path, message, remedy)

    def _value(self, node: yaml.Node, path: Place) -> Any:
        """The plain data of a node. Anchored nodes are read once and shared, so a bomb of aliases costs nothing."""
        if id(node) in self._values:
            return self._values[id(node)]
        if isinstance(node, yaml.ScalarNode):
            value = self._scalar(node, path)
        elif isinstance(node, yaml.SequenceNode):
            value = self._values[id(node)] = []
            value.extend(self._value(child, (*path, index)) for index, child in enumerate(node.value))
        else:
            value = self._values[id(node)] = {}
            value.update({key: self._value(child, (*path, key)) for key, (_, child) in self._pairs(node, path).items()})
        self._values[id(node)] = value
        return value

    def _pairs(self, node: yaml.Node, path: Place = ()) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Key -> (key node, value node), merge keys (`<<: *anchor`) included. A key written twice is a problem: the
        first would be lost.
        """
        known = self._pairs_of.get(id(node))
        if known is not None:
            return known
        own: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        self._pairs_of[id(node)] = own
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(
                    key_node,
                    path,
                    "a list or a mapping cannot be a key",
                    "write a name before the colon; a text with { or [ needs quotes",
                )
                continue
            if key_node.value == "<<" and key_node.tag in {PLAIN, f"{_TAG}merge"}:
                for source in value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]:
                    if isinstance(source, yaml.MappingNode):
                        merged = self._pairs(source, path) | merged
                continue
            key = str(key_node.value)
            if key in own:
                self._problem(key_node, (*path, key), *written_twice(key))
                continue
            own[key] = (key_node, value_node)
        for key, pair in merged.items():
            own.setdefault(key, pair)
        return own

    def _scalar(self, node: yaml.ScalarNode, path: Place) -> Any:
        tag, text = node.tag, node.value
        if tag == PLAIN:
            if text in _WORDS:
                return _WORDS[text]
            if text[0] in _NUMERIC:
                if _INT.fullmatch(text):
                    if len(text) <= _DIGITS:
                        return int(text)
                    self._problem(node, path, f"A number of {len(text)} digits is not read.", "a number below 10^18")
                    return None
                if FLOAT.fullmatch(text):
                    return float(text)
            return text
        if tag in {f"{_TAG}str", "!"}:
            return text
        self._problem(
            node,
            path,
            f"The tag {node.tag!r} is not read: configuration is plain data.",
            "write the value without the tag",
        )
        return None
