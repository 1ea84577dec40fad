"""From a payload as its provider nests it to flat rows under the names of a suite: pure, but for pandas' columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.errors import BadInput
from busta_health_dagster.wording.lists import listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from busta_health_dagster.quality.suite import Layout


def rows_of(payload: Any, layout: Layout) -> Any:
    """The rows of a payload: itself, or what `rows` of the suite leads to in a document.

    Raises:
        BadInput: neither a list nor a document with that list.
    """
    if isinstance(payload, dict) and layout.rows is not None:
        return _inside(payload, layout.rows.split("."))
    if hasattr(payload, "iloc"):
        return payload
    if isinstance(payload, dict | str | bytes) or not hasattr(payload, "__iter__"):
        raise BadInput(
            f"the payload is not a table: a list of objects is needed, it is {kind_of(payload)}. Point `rows` at the list."
        )
    return payload


def _inside(document: dict[str, Any], keys: list[str]) -> list[Any]:
    """Through a list of each key. Null is a list of nothing, and one of many parents may lack its list; when all do, `rows`
    leads nowhere, and no rows would be a finding that no one made.
    """
    found: list[Any] = [document]
    where = "the document"
    for key in keys:
        held = [item[key] for item in found if isinstance(item, dict) and key in item]
        if found and not held:
            there = list(dict.fromkeys(str(k) for item in found if isinstance(item, dict) for k in item))
            raise BadInput(
                f"{where} has no `{key}`, where `rows` of the suite leads; it has {listed(there, 8) or 'no keys'}."
            )
        if odd := [value for value in held if not isinstance(value, list | None)]:
            raise BadInput(f"`{key}` in {where} is {kind_of(odd[0])}, and `rows` of the suite leads to lists only.")
        found = [item for items in held for item in items or ()]
        where = f"`{key}`" if where == "the document" else f"{where[:-1]}.{key}`"
    return found


def named(frame: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """Columns under the names of the suite; of several for one name the first with a value counts."""
    import pandas as pd

    taken: dict[str, str] = {}
    for column, name in layout.rename.items():
        if column not in frame.columns:
            continue
        if name in taken:
            frame = frame.assign(**{taken[name]: frame[taken[name]].combine_first(frame[column])}).drop(columns=column)
        else:
            taken[name] = column
    frame = frame.rename(columns={column: name for name, column in taken.items()})
    if layout.nulls:
        frame = frame.mask(frame.isin(list(layout.nulls)))
    missing = [name for name in layout.optional if name not in frame.columns]
    return frame.assign(**{name: pd.Series([None] * len(frame), index=frame.index, dtype="object") for name in missing})


def expand(row: dict[str, Any], unnest: list[str], pivot: Mapping[str, str]) -> list[dict[str, Any]]:
    flat: dict[str, Any] = {}
    _flatten(row, "", flat)
    for name in [name for name in pivot if isinstance(flat.get(name), list)]:
        for child in flat.pop(name):
            if isinstance(child, dict) and child.get(pivot[name]) is not None:
                _flatten(child, f"{name}.{child[pivot[name]]}.", flat)
    if not unnest:
        return [flat]
    children = flat.pop(unnest[0], None)
    if not isinstance(children, list) or not children:
        return [flat]  # no children: the parent stays one row, whose missing fields the null checks count
    found = []
    for child in children:
        inner: dict[str, Any] = {}
        _flatten(child if isinstance(child, dict) else {"value": child}, f"{unnest[0]}.", inner)
        found.extend(expand({**flat, **inner}, unnest[1:], pivot))
    return found


def _flatten(row: dict[str, Any], prefix: str, out: dict[str, Any]) -> None:
    for key, value in row.items():
        if isinstance(value, dict):
            _flatten(value, f"{prefix}{key}.", out)
        else:
            out[f"{prefix}{key}"] = value


def kind_of(value: Any) -> str:
    return {"dict": "one object", "str": "text", "bytes": "bytes", "NoneType": "null", "list": "a list"}.get(
        type(value).__name__, type(value).__name__
    )
