"""Entries as text of a file of sources: one block each, comments above, in the order of importance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from busta_health_dagster.drafts.finishing import Entry


def file_text(head: Iterable[str], entries: Iterable[Entry]) -> str:
    """A whole file."""
    comments = "".join(f"# {line}".rstrip() + "\n" for line in head)
    return f"{comments}version: 1\n\nsources:\n" + "\n".join(entry_text(e.fields, e.notes) for e in entries)


def entry_text(fields: Mapping[str, Any], notes: Iterable[str] = ()) -> str:
    """One entry of the list."""
    text = yaml.dump(
        dict(fields), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=None
    )
    lines = [f"# {note}" for note in notes]
    first, *rest = text.splitlines()
    return "".join(f"  {line}\n" for line in [*lines, f"- {first}", *(f"  {line}" for line in rest)])


class _Dumper(yaml.SafeDumper):
    """Small mappings on one line, no aliases: a person edits what is written."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True
