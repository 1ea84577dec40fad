"""What the doctor knows of your code that the configuration names: is its module there? Nothing of it is executed."""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.settings.check_context import CheckContext


def missing_modules(review: CheckContext) -> None:
    """A validator or data source whose module is not there: met at night, its source is not scored, or unknown."""
    said: dict[str, tuple[str, str] | None] = {}
    for source in review.sources.values():
        for inside, path, becomes in _named(source):
            if path not in said:
                said[path] = _wrong(path)
            wrong = said[path]
            if wrong is not None:
                says = f"{wrong[0]}: {becomes}."
                review.warn("sources.yaml", review.at_source(source.name, *inside), says, wrong[1])


def _named(source: Source) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """(the key, the dotted path, what becomes of the source without it)."""
    if source.quality is not None and source.quality.validator is not None:
        yield ("quality", "validator"), source.quality.validator, f"the quality of {source.name} is not scored"
    if source.probe == "framework":
        for key in ("source", "registry", "validator"):
            path = getattr(source.config, key, None)
            if path is not None:
                yield (key,), path, f"{source.name} cannot be observed"


def _wrong(path: str) -> tuple[str, str] | None:
    """What is wrong with it, and the remedy."""
    module, colon, name = path.partition(":")
    if not (colon and all(part.isidentifier() for part in [*module.split("."), *name.split(".")])):
        return f"{path!r} is not a dotted path", "write package.module:Class"
    missing, inside = _missing(module)
    if missing is None:
        return None
    if inside:
        return (
            f"There is no module {missing!r}: {inside!r} is a module and no package ({_file(inside)})",
            "give yours a name that no other module has",
        )
    return f"There is no module {missing!r} here", "install its package beside the monitor, or set PYTHONPATH"


def _missing(module: str) -> tuple[str | None, str]:
    """(the first part that is not there, the module inside of which it cannot be). `find_spec` of a whole path would import
    its packages: each part is looked for in the folders of the one before.
    """
    parts = module.split(".")
    try:
        spec = importlib.util.find_spec(parts[0])
    except ValueError:  # it is loaded, and no one can tell from where
        return None, ""
    for count in range(1, len(parts) + 1):
        if spec is None:
            return ".".join(parts[:count]), ""
        if count == len(parts):
            break
        name = ".".join(parts[: count + 1])
        if spec.submodule_search_locations is None:
            return name, ".".join(parts[:count])
        spec = (
            sys.modules[name].__spec__
            if name in sys.modules
            else PathFinder.find_spec(name, list(spec.submodule_search_locations))
        )
    return None, ""


def _file(module: str) -> str:
    spec = importlib.util.find_spec(module) if "." not in module else None
    origin = None if spec is None else spec.origin
    return origin or "built in"
