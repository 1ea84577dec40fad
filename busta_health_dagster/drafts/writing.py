"""Entries as text of a file of sources: one block each, comments above, in the order of importance."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from busta_health_dagster.settings.document import FLOAT
from busta_health_dagster.wording.sentences import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from busta_health_dagster.drafts.finishing import Entry


def file_text(head: Iterable[str], entries: Iterable[Entry]) -> str:
    """A whole file."""
    return f"{comments(head)}version: 1\n\nsources:\n" + "\n".join(entry_text(e.fields, e.notes) for e in entries)


def entry_text(fields: Mapping[str, Any], notes: Iterable[str] = ()) -> str:
    """One entry of the list."""
    first, *rest = written(fields)
    lines = [*comments(notes).splitlines(), f"- {first}", *(f"  {line}" for line in rest)]
    return "".join(f"  {line}\n" for line in lines)


def comments(lines: Iterable[str]) -> str:
    """Each on a line of its own, which nothing that came from outside can end."""
    return "".join(f"# {one_line(line)}".rstrip() + "\n" for line in lines)


def written(fields: Mapping[str, Any], *, flow: bool | None = None) -> list[str]:
    """The lines of a mapping; small mappings inside it stand on one line."""
    text: str = yaml.dump(
        dict(fields), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=flow
    )
    return text.split("\n")[:-1]


class _Dumper(yaml.SafeDumper):
    """No aliases: a person edits what is written."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


# What our reader takes for a number, and PyYAML's own rules do not (`1e5`): as a text it needs its quotes.
_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(rf"(?:{FLOAT.pattern})$"), list("-+.0123456789"))
