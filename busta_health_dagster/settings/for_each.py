"""`for_each:`: one entry that stands for many sources, one for each set of values. `{team}` in a text of the entry is replaced
by that set's `team`.

    for_each: [bills, jets]                          {value}
    for_each: [{team: bills, id: 2}, ...]            {team}, {id}
    for_each: {team: [bills, jets], feed: [rss]}     {team}, {feed}: every combination
    for_each: {bills: {id: 2}, jets: {id: 20}}       {key}, {id}
    for_each: {file: teams.csv}                      its columns

Everything here is nodes of YAML, so that each value keeps the place where it was written.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
from typing import TYPE_CHECKING

import yaml

from busta_health_dagster.settings.document import PLAIN
from busta_health_dagster.settings.included import pairs
from busta_health_dagster.wording.names import name_text
from busta_health_dagster.wording.suggestions import near

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

MOST = 10_000
_HOLE = re.compile(r"(?<!\$)\{([A-Za-z_]\w*)\}")
_KEY = re.compile(r"[A-Za-z_]\w*")
_DATES = frozenset({"today", "now"})
_SHAPES = "for_each: {team: [bills, jets]}, a list of mappings, or {file: teams.csv}"

Row = dict[str, yaml.Node]


class CannotExpand(Exception):
    """What is wrong with a `for_each`, where, and what would be right."""

    def __init__(self, node: yaml.Node, says: str, remedy: str) -> None:
        super().__init__(says)
        self.node, self.says, self.remedy = node, says, remedy


def rows_of(node: yaml.Node) -> list[Row]:
    """The sets of values that are written in the file itself.

    Raises:
        CannotExpand: it is none of the shapes, is empty, or would make too many sources.
    """
    rows = list(itertools.islice(_rows(node), MOST + 1))
    if len(rows) > MOST:
        says = f"`for_each` would make more than {MOST:,} sources of this entry, and that many are the most."
        raise CannotExpand(node, says, "fewer values")
    if not rows:
        raise CannotExpand(node, "`for_each` has no value: the entry would stand for no source.", _SHAPES)
    for row in rows:
        _check_keys(node, list(row))
    return rows


def _rows(node: yaml.Node) -> Iterator[Row]:
    if isinstance(node, yaml.SequenceNode):
        for one in node.value:
            row = _mapping(one) if isinstance(one, yaml.MappingNode) else {"value": one}
            if not row:
                raise CannotExpand(one, "This set of values is empty: no two entries would differ by it.", _SHAPES)
            yield row
        return
    if not isinstance(node, yaml.MappingNode):
        raise CannotExpand(node, "`for_each` is neither a list nor a mapping.", _SHAPES)
    held = pairs(node)
    lists = {key: value.value for key, (_, value) in held.items() if isinstance(value, yaml.SequenceNode)}
    if lists and len(lists) == len(held):
        total = math.prod(len(values) for values in lists.values())
        if total > MOST:
            says = f"`for_each` would make {total:,} sources of this entry; {MOST:,} are the most."
            raise CannotExpand(node, says, "fewer values, or a list of mappings: lists side by side are combined")
        for combination in itertools.product(*lists.values()):
            yield dict(zip(lists, combination, strict=True))
        return
    for key, value in held.values():
        if isinstance(value, yaml.SequenceNode):
            raise CannotExpand(value, "`for_each` mixes lists with other values.", _SHAPES)
        yield {"key": key, **(_mapping(value) if isinstance(value, yaml.MappingNode) else {"value": value})}


def _mapping(node: yaml.Node) -> Row:
    return {key: value for key, (_, value) in pairs(node).items()}


def _check_keys(node: yaml.Node, keys: Sequence[str]) -> None:
    for key in keys:
        if key in _DATES:
            raise CannotExpand(node, f"{{{key}}} is a date already, and no name for a value.", f"{key}_value")
        if not _KEY.fullmatch(key):
            says = f"{key!r} cannot be a placeholder: letters, digits and _, and no digit first."
            raise CannotExpand(node, says, name_text(key) or "value")


def table_rows(node: yaml.Node, name: str, content: bytes) -> list[Row]:
    """The sets of values of a CSV file: its header names them, an empty cell is a value that is not given.

    Raises:
        CannotExpand: it cannot be read; `node` is where the file is named.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as why:
        line = content[: why.start].count(b"\n") + 1
        raise CannotExpand(_cell("", name, line), "The file is not UTF-8.", "save it as UTF-8") from why
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[Row] = []
    try:
        header = next((cells for cells in reader if any(c.strip() for c in cells)), [])
        keys = [key.strip() for key in header]
        place = _cell("", name, max(1, reader.line_num))
        _check_keys(place, keys)
        if len(set(keys)) < len(keys):
            raise CannotExpand(place, "Two columns have the same name.", "a name of its own for each column")
        for cells in reader:
            if not any(c.strip() for c in cells):
                continue
            if len(cells) != len(keys):
                says = f"This row has {len(cells)} cells, and the header has {len(keys)}."
                raise CannotExpand(_cell("", name, reader.line_num), says, "quotes around a cell that has a comma")
            rows.append({k: _cell(c.strip(), name, reader.line_num) for k, c in zip(keys, cells, strict=True)})
    except csv.Error as why:
        raise CannotExpand(_cell("", name, reader.line_num), f"This is not readable as CSV: {why}.", "a CSV") from why
    if not rows:
        raise CannotExpand(
            node, f"{name} has no row: the entry would stand for no source.", "a header, then one row each"
        )
    if len(rows) > MOST:
        raise CannotExpand(node, f"{name} has {len(rows):,} rows; {MOST:,} are the most.", "fewer rows")
    return rows


def _cell(text: str, name: str, line: int) -> yaml.ScalarNode:
    mark = yaml.Mark(name, 0, line - 1, 0, None, 0)
    return yaml.ScalarNode(PLAIN, text, mark, mark)


def expanded(entry: yaml.MappingNode, rows: Sequence[Row]) -> list[yaml.MappingNode]:
    """The entry once for each set of values, without its `for_each`.

    Raises:
        CannotExpand: it names a value that a set has not, or its name is the same for all of them.
    """
    template = yaml.MappingNode(
        entry.tag, [(k, v) for k, v in entry.value if k.value != "for_each"], entry.start_mark, entry.end_mark
    )
    used = list(_holes(template, set()))
    _check_use(template, used, rows)
    return [_filled(template, row) for row in rows]


def _check_use(template: yaml.MappingNode, used: list[tuple[yaml.Node, str]], rows: Sequence[Row]) -> None:
    known = list(dict.fromkeys(key for row in rows for key in row))
    offered = ", ".join(f"{{{key}}}" for key in known)
    for node, hole in used:
        guess = near(hole, known) if hole not in known and hole not in _DATES else None
        if guess:
            raise CannotExpand(node, f"`for_each` gives no {{{hole}}}; did you mean {{{guess}}}?", f"one of {offered}")
        for row in rows if hole in known else ():
            if hole not in row:
                any_of = next(iter(row.values()), node)
                raise CannotExpand(
                    any_of, f"`{hole}` is missing in these values, and the entry uses it.", f"{hole}: ..."
                )
    name = pairs(template).get("name")
    if name is not None and len(rows) > 1 and not any(hole in known for _, hole in _holes(name[1], set())):
        says = f"All {len(rows)} sources of this entry would have the same name."
        raise CannotExpand(name[1], says, f'name: "{name[1].value}_{{{known[0]}}}"')


def _holes(node: yaml.Node, seen: set[int]) -> Iterator[tuple[yaml.Node, str]]:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        yield from ((node, hole) for hole in _HOLE.findall(node.value))
        return
    for inner in node.value:
        yield from _holes(inner[1] if isinstance(inner, tuple) else inner, seen)


def _filled(template: yaml.MappingNode, row: Row) -> yaml.MappingNode:
    done: dict[int, yaml.Node] = {}
    pairs_ = [
        (key, _fill(value, row, done, naming=isinstance(key, yaml.ScalarNode) and key.value == "name"))
        for key, value in template.value
    ]
    return yaml.MappingNode(template.tag, pairs_, template.start_mark, template.end_mark)


def _fill(node: yaml.Node, row: Row, done: dict[int, yaml.Node], *, naming: bool = False) -> yaml.Node:
    """The node with its values; itself where it has no placeholder. What several aliases share is filled once."""
    if naming and isinstance(node, yaml.ScalarNode):
        return _text(node, row, name_text)
    if id(node) in done:
        return done[id(node)]
    done[id(node)] = node  # an anchor inside itself ends here
    filled: yaml.Node = node
    if isinstance(node, yaml.ScalarNode):
        whole = _HOLE.fullmatch(node.value)
        filled = row[whole[1]] if whole and whole[1] in row else _text(node, row, str)
    elif isinstance(node, yaml.MappingNode):
        inner = [(key, _fill(value, row, done)) for key, value in node.value]
        if any(new is not old for (_, new), (_, old) in zip(inner, node.value, strict=True)):
            filled = yaml.MappingNode(node.tag, inner, node.start_mark, node.end_mark)
    else:
        each = [_fill(one, row, done) for one in node.value]
        if any(new is not old for new, old in zip(each, node.value, strict=True)):
            filled = yaml.SequenceNode(node.tag, each, node.start_mark, node.end_mark)
    done[id(node)] = filled
    return filled


def _text(node: yaml.ScalarNode, row: Row, written: Callable[[str], str]) -> yaml.ScalarNode:
    def value(hole: re.Match[str]) -> str:
        held = row.get(hole[1])
        if held is None:
            return hole[0]
        if not isinstance(held, yaml.ScalarNode):
            says = f"{{{hole[1]}}} is not a text here, and stands inside one."
            raise CannotExpand(held, says, f'"{{{hole[1]}}}" alone takes a list or a mapping')
        return written(held.value)

    text = _HOLE.sub(value, node.value)
    return node if text == node.value else yaml.ScalarNode(node.tag, text, node.start_mark, node.end_mark)
