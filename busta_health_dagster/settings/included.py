"""Which further files `sources.yaml` is made of: `include:` names files of sources, `for_each: {file: ...}` tables of values.

All of them lie in the configuration's directory, so that its last good copy can hold them.
"""

from __future__ import annotations

import errno
import posixpath
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import yaml

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.settings.document import UnreadableYaml, compose

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

ROOT = "sources.yaml"
SECTIONS = ("sources", "control")
_MENTIONS = re.compile(rb"\b(include|for_each|ical)\b")
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class Reference:
    """What an entry names: files of sources (`include`), or a table of values or calendar, which names no others. `from_root`:
    it lies beside sources.yaml, whichever file names it.
    """

    pattern: str
    is_table: bool = False
    from_root: bool = False


def pairs(node: yaml.Node | None) -> dict[str, tuple[yaml.Node, yaml.Node]]:
    """Key -> (key node, value node) of a mapping; nothing of anything else."""
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {key.value: (key, value) for key, value in node.value if isinstance(key, yaml.ScalarNode)}


def repeated(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """The keys that a mapping has a second time; `pairs` keeps the last one alone."""
    seen: set[str] = set()
    for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
        if isinstance(key, yaml.ScalarNode):
            if key.value in seen:
                yield key
            seen.add(key.value)


def named_files(node: yaml.Node) -> list[yaml.ScalarNode]:
    """The patterns of an `include`: one, or a list."""
    each = node.value if isinstance(node, yaml.SequenceNode) else [node]
    return [one for one in each if isinstance(one, yaml.ScalarNode)]


@lru_cache(maxsize=256)
def references(content: bytes) -> tuple[Reference, ...]:
    """What a file of sources refers to; nothing where it cannot be read, which its reader reports."""
    if not _MENTIONS.search(content):
        return ()  # the usual case: no second reading of 5,000 entries
    try:
        root = compose("", content.decode("utf-8-sig"))
    except (UnicodeDecodeError, UnreadableYaml):
        return ()
    return tuple(_references(root))


def _references(root: yaml.Node | None) -> Iterator[Reference]:
    sections = pairs(root)
    _, defaults = sections.get("defaults", (None, None))
    yield from _calendars(defaults)
    _, types = sections.get("types", (None, None))
    for _, block in pairs(types).values():
        yield from _calendars(block)
    for section in SECTIONS:
        _, entries = sections.get(section, (None, None))
        for entry in entries.value if isinstance(entries, yaml.SequenceNode) else ():
            keys = pairs(entry)
            yield from _calendars(entry)
            if "include" in keys:
                yield from (Reference(one.value) for one in named_files(keys["include"][1]))
            if "for_each" in keys:
                table = pairs(keys["for_each"][1]).get("file")
                if table is not None and isinstance(table[1], yaml.ScalarNode):
                    yield Reference(table[1].value, is_table=True)


def _calendars(block: yaml.Node | None) -> Iterator[Reference]:
    """The calendars of its seasons."""
    _, active = pairs(block).get("active", (None, None))
    for one in active.value if isinstance(active, yaml.SequenceNode) else [active]:
        _, name = pairs(one).get("ical", (None, None))
        if isinstance(name, yaml.ScalarNode):
            yield Reference(name.value, is_table=True, from_root=True)


def resolve(config_dir: Path, base: str, pattern: str) -> list[str]:
    """The files that a pattern in the file `base` names, relative to the configuration's directory, in order of name. One
    without a wildcard names its file whether it is there or not.

    Raises:
        BadInput: it leads out of the directory, or is no pattern.
    """
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(base), pattern.strip()))
    if not pattern.strip() or posixpath.isabs(joined) or joined.split("/")[0] == ".." or "\0" in joined:
        raise BadInput(
            f"{pattern!r} does not lie in the configuration's directory, and a copy of that must hold everything"
        )
    if not _MAGIC.search(joined):
        return [joined]
    try:
        found = [path.relative_to(config_dir) for path in config_dir.glob(joined) if path.is_file()]
    except ValueError as error:
        raise BadInput(f"{pattern!r} is not a pattern of files: {error}") from error
    # A ConfigMap of Kubernetes holds every file twice, once in a hidden directory.
    return sorted(path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts))


def walk(config_dir: Path, references_of: Callable[[str], Sequence[Reference]]) -> list[str]:
    """Every file that sources.yaml is made of, itself first; each once, however many name it."""
    names = [ROOT]
    tables: list[str] = []
    for name in names:  # grows while it is read
        for reference in references_of(name):
            with suppress(BadInput):  # reported with its place, where it is expanded
                found = resolve(config_dir, ROOT if reference.from_root else name, reference.pattern)
                into = tables if reference.is_table else names
                into += [one for one in dict.fromkeys(found) if one not in into]
    return [*names, *(table for table in tables if table not in names)]


def read(config_dir: Path, name: str) -> bytes | None:
    """The bytes of a file that is there; reading a pipe would wait for ever."""
    path = config_dir / name
    try:
        return path.read_bytes() if path.is_file() else None
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENAMETOOLONG}:
            return None
        raise


def made_of(config_dir: Path) -> dict[str, bytes]:
    """The bytes of each of these files that is there, by name."""
    texts: dict[str, bytes] = {}

    def references_of(name: str) -> Sequence[Reference]:
        content = read(config_dir, name)
        if content is None:
            return ()
        texts[name] = content
        return references(content)

    for name in walk(config_dir, references_of):
        if name not in texts and (content := read(config_dir, name)) is not None:
            texts[name] = content
    return texts


Mark = tuple[str, int, int, int]


def mark(config_dir: Path, name: str) -> Mark | None:
    """When a file was last written, as cheaply as that can be told; None where it is not there."""
    try:
        stat = (config_dir / name).stat()
    except OSError:  # not there is a state like any other
        return None
    return (name, stat.st_mtime_ns, stat.st_size, stat.st_ino)


def marks(config_dir: Path, others: Sequence[str]) -> tuple[Mark, ...]:
    """The marks of `others` and of every file that sources.yaml is made of now: a file more or less is a change."""

    def references_of(name: str) -> Sequence[Reference]:
        found = mark(config_dir, name)
        return () if found is None else _references_as_of(config_dir, found)

    names = dict.fromkeys((*others, *walk(config_dir, references_of)))
    return tuple(found for name in names if (found := mark(config_dir, name)) is not None)


@lru_cache(maxsize=1024)
def _references_as_of(config_dir: Path, at: Mark) -> tuple[Reference, ...]:
    content = read(config_dir, at[0])
    return () if content is None else references(content)
