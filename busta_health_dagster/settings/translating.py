"""What pydantic finds wrong, in our words: the key or value at its place, what is wrong with it, and what would be right."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

from busta_health_dagster.wording.suggestions import meant, near

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from busta_health_dagster.settings.document import Place


def shown(value: Any) -> str:
    """A value in a message: short, as it was written. Containers are only named: aliases can make one endless."""
    if isinstance(value, dict | list | tuple):
        return "this mapping" if isinstance(value, dict) else "this list"
    if isinstance(value, bool):
        return "true" if value else "false"
    text = repr(value) if isinstance(value, str) else "nothing" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def said(error: ValueError) -> tuple[str, str]:
    """A ValueError of our own reads `what is wrong; what to write`."""
    message, _, remedy = str(error).partition("; ")
    return message, remedy


def translate(
    error: ValidationError,
    model: type[BaseModel],
    data: Any,
    report: Callable[[Place, str, str, bool], None],
    *,
    hints: Mapping[str, str] | None = None,
    guessed: Collection[str | None] = (),
) -> None:
    """Tell pydantic's findings in our words: `report(path, message, remedy, key)`, paths inside `data`.

    What only follows from another finding is left out: the missing `interval` beside an unknown `intervall`, and of a value
    that may have several shapes every one but the one that was nearly met. `guessed`: keys whose misspelling was reported
    already.
    """
    walked = [(detail, *_walk(detail["loc"], data)) for detail in error.errors(include_url=False)]
    misspelt = {
        (path[:-1], near(str(path[-1]), keys_of(model, path[:-1])))
        for d, path, _, _ in walked
        if d["type"] == "extra_forbidden"
    }
    unions: dict[Place, list[tuple[Place, ErrorDetails]]] = {}
    for detail, path, branch, value in walked:
        if detail["type"] == "missing":
            name = str(detail["loc"][-1])
            if (path, name) not in misspelt and name not in guessed:
                report(path, f"`{name}` is missing.", (hints or {}).get(name, f"add {name}: ..."), False)
        elif detail["type"] == "too_short" and any(
            len(p) > len(path) and p[: len(path)] == path for _, p, _, _ in walked
        ):
            continue
        elif detail["type"] == "extra_forbidden":
            report(path, *_unknown_key(str(path[-1]), value, keys_of(model, path[:-1])), True)
        elif branch is not None:
            unions.setdefault(branch, []).append((path, detail))
        else:
            report(path, *_notified(detail, value), False)
    unknown = {path[:-1] for d, path, _, _ in walked if d["type"] == "extra_forbidden"}
    for branch, tried in unions.items():
        if branch not in unknown:
            _report_union(branch, tried, report)


def _report_union(
    branch: Place, tried: list[tuple[Place, ErrorDetails]], report: Callable[[Place, str, str, bool], None]
) -> None:
    deeper = [(path, detail) for path, detail in tried if len(path) > len(branch)]
    for path, detail in deeper:
        report(path, *_notified(detail, detail["input"]), False)
    if deeper:
        return
    own = next((detail for _, detail in tried if detail["type"] == "value_error"), None)
    kinds = " nor ".join(dict.fromkeys(_KINDS.get(d["type"], "of the right kind") for _, d in tried))
    message, remedy = (
        _notified(own, own["input"]) if own else (f"{shown(tried[0][1]['input'])} is neither {kinds}.", "")
    )
    report(branch, message, remedy, False)


_KINDS = {
    "string_type": "a text",
    "model_type": "a reference {env: NAME} or {file: PATH}",
    "model_attributes_type": "a reference {env: NAME} or {file: PATH}",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "none_required": "empty",
}


def _walk(loc: tuple[int | str, ...], data: Any) -> tuple[Place, Place | None, Any]:
    """Pydantic's location as a path in the data; what is not in the data is the name of a union's branch."""
    path: list[int | str] = []
    branch: Place | None = None
    for index, part in enumerate(loc):
        held = part in data if isinstance(data, dict) else isinstance(part, int) and isinstance(data, list)
        if held:
            path.append(part)
            data = data[part]
        elif part != "[key]" and branch is None and (index < len(loc) - 1 or not _is_field(part)):
            branch = tuple(path)
    return tuple(path), branch, data


def _is_field(part: int | str) -> bool:
    """A missing field's name, as against a branch such as `str`, `SecretRef` or `function-after[...]`."""
    return (
        isinstance(part, str)
        and bool(re.fullmatch(r"[a-z_]+", part))
        and part not in {"str", "int", "float", "bool", "list", "dict", "tuple", "none"}
    )


def _unknown_key(key: str, value: Any, known: Sequence[str]) -> tuple[str, str]:
    guess = near(key, known)
    if guess:
        plain = value if isinstance(value, str | int | float) and not isinstance(value, bool) else "..."
        return f"Unknown key `{key}`; did you mean `{guess}`?", f"{guess}: {plain}"
    return f"Unknown key `{key}`.", f"remove it; known here: {', '.join(known)}" if known else "remove it"


def _notified(detail: ErrorDetails, value: Any) -> tuple[str, str]:
    """(message, remedy) of one pydantic error."""
    kind, context = detail["type"], detail.get("ctx") or {}
    if kind == "value_error":
        message, remedy = said(context["error"])
        return _sentence(message), remedy
    if kind in {"literal_error", "enum"}:
        known = re.findall(r"'([^']*)'", str(context["expected"])) or [str(context["expected"])]
        return f"{shown(value)} is not known here.", meant(shown(value).strip("'"), known)
    if kind == "string_type" and isinstance(value, int | float):
        read_as = "true or false" if isinstance(value, bool) else "a number"
        return (
            f"{shown(value)} is read as {read_as}, and a text is needed.",
            f'put it in quotes: "{value}"',
        )
    if kind == "string_type" and isinstance(value, dict | list):
        return f"{shown(value)} is not a text.", "write one text, in quotes"
    if kind in {"list_type", "tuple_type"}:
        return f"{shown(value)} is not a list.", f"[{value}]" if isinstance(
            value, str | int | float
        ) else "put square brackets around it"
    if kind == "extra_forbidden":
        return f"Unknown key `{detail['loc'][-1]}`.", "remove it"
    if kind in _KINDS:
        noun = "a mapping" if kind.startswith("model") else _KINDS[kind]
        return f"{shown(value)} is not {noun}.", ""
    return _sentence(detail["msg"].replace("Input", shown(value), 1)), ""


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "?", "!")) else text + "."


@lru_cache(maxsize=1024)
def takes_any(model: type[BaseModel]) -> bool:
    """Does it take keys that it does not name? A plug-in that did not load has to: no one knows its keys."""
    return model.model_config.get("extra") == "allow"


@lru_cache(maxsize=1024)
def keys_of(model: type[BaseModel], path: Place) -> tuple[str, ...]:
    """The keys a mapping at `path` below `model` may have, by alias."""
    models = [model]
    for part in path:
        fields = [f for m in models for name, f in m.model_fields.items() if part in {name, f.alias}]
        found = [inner for f in fields for inner in _models_in(f.annotation)]
        models = found or models
    return tuple(dict.fromkeys(str(f.alias or name) for m in models for name, f in m.model_fields.items()))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [inner for arg in get_args(annotation) for inner in _models_in(arg)]
