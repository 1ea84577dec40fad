"""Asking the platform's own validator. Its result is handed on as it is: `quality` maps it by the scale that the file
declares.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from busta_health_dagster.domain.errors import PluginError
from busta_health_dagster.framework.loading import load, resolved

_METHODS = ("validate", "validate_data", "validate_source")
_CHECKS = {
    "connection": ("check_connection", "validate_connection", "test_connection"),
    "authentication": ("check_authentication", "validate_authentication", "test_authentication"),
}
_VERDICTS = ("ok", "success", "passed", "valid", "is_valid", "connected", "authenticated")


def validate(path: str, rows: Sequence[Mapping[str, Any]]) -> Any:
    """What the validator at `path` (class, instance or function) says of these records. Blocks; an async one is
    awaited.

    Raises:
        PluginError: it cannot be imported or built, has no validate(data), or raised.
    """
    validator = _instance(path)
    method = next((getattr(validator, m) for m in _METHODS if callable(getattr(validator, m, None))), None)
    if method is None and inspect.isfunction(validator):
        method = validator
    if method is None:
        raise PluginError(f"{path} has none of {', '.join(_METHODS)}; a validator has validate(data)")
    try:
        return resolved(method(list(rows)))
    except Exception as error:
        text = str(error).splitlines()[0][:200] if str(error) else "no message"
        raise PluginError(f"{path}: validate raised {type(error).__name__}: {text}") from error


def checks(path: str) -> dict[str, bool | None]:
    """`connection` and `authentication` as the validator sees them; None where it has no such check.

    Raises:
        PluginError: the validator cannot be built, or answers neither yes nor no.
    """
    validator = _instance(path)
    found: dict[str, bool | None] = {}
    for name, methods in _CHECKS.items():
        method = next((getattr(validator, m) for m in methods if callable(getattr(validator, m, None))), None)
        found[name] = None if method is None else _verdict(path, name, method)
    return found


def _instance(path: str) -> Any:
    found = load(path)
    if not inspect.isclass(found):
        return found
    try:
        return found()
    except Exception as error:
        text = (
            f"{path} cannot be built without arguments: {type(error).__name__}: {error}; name an instance or function"
        )
        raise PluginError(text) from error


def _verdict(path: str, name: str, method: Any) -> bool:
    try:
        answer = resolved(method())
    except ConnectionError:
        return False
    except PermissionError:
        return False
    except Exception as error:
        raise PluginError(f"{path}: the {name} check raised {type(error).__name__}: {str(error)[:160]}") from error
    if isinstance(answer, tuple) and answer:
        answer = answer[0]
    if isinstance(answer, bool):
        return answer
    for field in _VERDICTS:
        value = answer.get(field) if isinstance(answer, Mapping) else getattr(answer, field, None)
        if isinstance(value, bool):
            return value
    raise PluginError(f"{path}: the {name} check answered {type(answer).__name__}, neither true nor false")
