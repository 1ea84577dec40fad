"""A registry as platforms write them: a mapping, or an object or class with methods that list and get."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from busta_health_dagster.domain.errors import PluginError

_LISTS = ("list_sources", "list", "names", "list_all", "all", "keys", "get_all", "sources")
_GETS = ("get", "get_source", "create", "get_class", "__getitem__")


def names(path: str, registry: Any) -> list[str]:
    """Names in the registry's own order.

    Raises:
        PluginError: it is nothing that lists names.
    """
    found: Any = registry
    if not isinstance(registry, Mapping):
        for method in _LISTS:
            member = getattr(registry, method, None)
            if member is not None:
                found = _call(path, method, member)
                break
        else:
            raise PluginError(f"{path} is not a registry: it is no mapping and has none of {', '.join(_LISTS)}")
    if isinstance(found, str | bytes) or not isinstance(found, Iterable):
        raise PluginError(f"{path} lists its sources as {type(found).__name__}; a list or mapping of names is needed")
    listed = [_name(entry) for entry in found]
    if None in listed:
        raise PluginError(f"{path} lists entries without a name; names or classes with a name are needed")
    return [name for name in listed if name is not None]


def entry(path: str, registry: Any, name: str) -> Any:
    """What is registered under a name.

    Raises:
        PluginError: nothing is, or the registry cannot be asked.
    """
    if isinstance(registry, Mapping):
        found = registry.get(name)
    else:
        method = next((m for m in _GETS if hasattr(registry, m)), None)
        if method is None:
            raise PluginError(f"{path} is not a registry: it has none of {', '.join(_GETS)}")
        try:
            found = _call(path, method, getattr(registry, method), name)
        except LookupError:
            found = None
    if found is None:
        known = ", ".join(names(path, registry)[:20]) or "nothing; import the modules that register sources in it"
        raise PluginError(f"{path} has no source {name!r}; it has {known}")
    return found


def _call(path: str, method: str, member: Any, *arguments: Any) -> Any:
    if not callable(member):
        return member
    try:
        return member(*arguments)
    except TypeError as error:
        raise PluginError(f"{path}.{method}: {error}; name the registry instance, not its class") from error


def _name(entry: Any) -> str | None:
    if isinstance(entry, str):
        return entry
    name = getattr(entry, "name", None)
    return name if isinstance(name, str) else None
