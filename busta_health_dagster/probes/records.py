"""Records: what a JSON path for `items` comes to, and why there can be none at it."""

from __future__ import annotations

from typing import Any, NamedTuple

from busta_health_dagster.probes.json_path import find, parts, walk
from busta_health_dagster.probes.port import Finding

_KINDS = {str: "a text", bool: "true or false", int: "a number", float: "a number"}
_SHOWN_KEYS = 4


class Records(NamedTuple):
    """The records at a path. `problem` is a sentence when the document lacks the place where they should be."""

    rows: list[Any]
    problem: str = ""

    @property
    def findings(self) -> list[Finding]:
        return [Finding("warning", "shape", self.problem)] if self.problem else []


def records(path: str, document: Any) -> Records:
    """An empty list has no records, and that is an answer; a document without the list (an error with status 200, `data:
    null`) is none. A path that ends at a list counts its elements.
    """
    steps, rest = parts(path)
    values, place = [document], "$"
    for part in steps:
        if all(value is None for value in values):
            return Records([], f"nothing at {place}: it is null{_instead(document)}")
        found = walk((part.step,), values)
        problem = _no_list(values, place, part.lists) if part.every else ""
        if not found and not problem and not part.every:
            problem = f"nothing at {part.text}{_instead(document)}"
        if problem or not found:
            return Records([], problem or _errors(document))
        values, place = found, part.text
    if rest:
        return Records(find(path, document))
    if not (steps and steps[-1].every):
        if all(value is None for value in values):
            return Records([], f"nothing at {place}: it is null{_instead(document)}")
        values = [row for value in values for row in (value if type(value) is list else [value])]
    return Records(values, _errors(document))


def _no_list(values: list[Any], place: str, lists: bool) -> str:
    """Why nothing can be taken out of what stands where a list (or, with `.*`, an object) is asked for."""
    fit = (list,) if lists else (list, dict)
    if any(isinstance(value, fit) for value in values):
        return ""
    wrong = next(value for value in values if value is not None)
    if not isinstance(wrong, dict):
        return f"{place} is {_KINDS.get(type(wrong), 'no list')}, not a list"
    keys = f" with {_keys(wrong)}" if wrong else ""
    return f"{place} is an object{keys}, not a list; for its members write {place}.*"


def _instead(document: Any) -> str:
    return f"; the document has {_keys(document)}" if isinstance(document, dict) and document else ""


def _keys(document: dict[str, Any]) -> str:
    names = [str(key)[:40] for key in document]
    return ", ".join(names[:_SHOWN_KEYS]) + (" ..." if len(names) > _SHOWN_KEYS else "")


def _errors(document: Any) -> str:
    """GraphQL answers 200 with `errors`, also beside the data that it could find."""
    errors = document.get("errors") if isinstance(document, dict) and "data" in document else None
    if not isinstance(errors, list) or not errors:
        return ""
    first = errors[0]
    said = first.get("message") if isinstance(first, dict) else first
    return f"the answer carries errors: {str(said)[:120]}"
