"""Dotted paths to objects, with errors that name the path and the remedy."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from typing import Any

from busta_health_dagster.domain.errors import PluginError


def load(path: str) -> Any:
    """The object at `package.module:Name`.

    Raises:
        PluginError: not such a path, the module or what it imports is missing, or it has no such name.
    """
    module_name, _, name = path.partition(":")
    if not module_name or not name:
        raise PluginError(f"{path!r} is not a dotted path; write package.module:Class")
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or module_name
        if module_name == missing or module_name.startswith(f"{missing}."):
            text = f"{path}: there is no module {missing!r}; install its package here, or set PYTHONPATH"
        else:
            text = f"{path}: the module needs {missing!r}, which is not installed here; install it beside the monitor"
        raise PluginError(text) from error
    except Exception as error:
        text = str(error).splitlines()[0][:200] if str(error) else "no message"
        raise PluginError(
            f"{path}: importing the module raised {type(error).__name__}: {text}; it must import without side effects"
        ) from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise PluginError(f"{path}: {module_name} has no {part!r}; {_alike(found)}")
        found = getattr(found, part)
    return found


def _alike(module: Any) -> str:
    here = getattr(module, "__name__", None)
    names = [n for n, found in vars(module).items() if inspect.isclass(found) and found.__module__ == here]
    return f"it has {', '.join(names[:10])}" if names else "it has no classes of its own"


def build(path: str, found: Any, arguments: dict[str, Any]) -> Any:
    """An instance: of a class or factory by calling it, anything else as it is.

    Raises:
        PluginError: the constructor does not take these arguments, or raised.
    """
    if not callable(found) or (not inspect.isclass(found) and hasattr(found, "collect")):
        return found
    try:
        return found(**arguments)
    except TypeError as error:
        given = ", ".join(arguments) or "none"
        raise PluginError(f"{path} cannot be built with arguments {given}: {error}; set arguments: {{...}}") from error
    except Exception as error:
        text = str(error).splitlines()[0][:200] if str(error) else "no message"
        raise PluginError(f"{path}: building it raised {type(error).__name__}: {text}") from error


def resolved(value: Any) -> Any:
    """The value itself, or what it comes to when awaited. We are in a thread of our own: a loop of our own is fine."""
    if not inspect.isawaitable(value):
        return value

    async def wait() -> Any:
        return await value

    return asyncio.run(wait())
