"""Third parties' probes and channels, found by entry point: one registry for both kinds.

What does not load costs its own sources and channels only. Its kind stays, so that the configuration can be read; its
stand-in says what went wrong and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEXT = 200


class Kind(Protocol):
    """What both have: a name in the configuration, and the model of its keys."""

    @property
    def kind(self) -> str: ...
    @property
    def config(self) -> type[BaseModel]: ...


K = TypeVar("K", bound=Kind)


class Unloaded(BaseModel):
    """Stands in for the configuration of a plug-in that did not load: everything is accepted, as nothing can be
    checked.
    """

    model_config = ConfigDict(extra="allow", frozen=True)


@dataclass(frozen=True, slots=True)
class PluginProblem:
    """Why a plug-in cannot be used. `group` is its entry point group, `module` where it was looked for; `built_in` says
    that the kind itself works, as ours.
    """

    group: str
    kind: str
    module: str
    why: str
    remedy: str
    built_in: bool = False

    def __str__(self) -> str:
        return f"the plug-in {self.kind!r} ({self.module}) cannot be used: {self.why}; {self.remedy}"


class Registry(Mapping[str, K], Generic[K]):
    """Kind -> type, ours and third parties'. `problems` are the plug-ins that cannot be used, loud in the doctor."""

    def __init__(self, types: Mapping[str, K], problems: Iterable[PluginProblem] = ()) -> None:
        self._types = dict(types)
        self.problems = tuple(problems)

    def __getitem__(self, kind: str) -> K:
        return self._types[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._types)

    def __len__(self) -> int:
        return len(self._types)

    def models(self) -> dict[str, type[BaseModel]]:
        """Kind -> the model of its keys, for settings."""
        return {kind: found.config for kind, found in self._types.items()}


def load(
    group: str,
    built_in: Mapping[str, K],
    wanted: type[K],
    adopt: Callable[[K, str], K],
    stand_in: Callable[[str, PluginProblem], K],
    points: Iterable[EntryPoint] | None = None,
) -> Registry[K]:
    """Ours and every entry point of a group. A plug-in may take neither a name of ours nor another's; of two that want
    one name no one can say which was meant, so neither has it. `points` stands in for the installed ones.
    """
    types, problems = dict(built_in), []
    found: dict[str, dict[str, EntryPoint]] = {}
    for point in sorted(entry_points(group=group) if points is None else points, key=lambda p: (p.name, p.value)):
        found.setdefault(point.name, {})[point.value] = point
    for name, named in found.items():
        modules = ", ".join(named)
        if name in built_in:
            why = f"the kind {name!r} is built in"
            remedy = "rename it in the package that brings it"
            problems.append(PluginProblem(group, name, modules, why, remedy, built_in=True))
            continue
        if len(named) == 1:
            kind = _loaded(group, name, next(iter(named.values())), wanted)
        else:
            why = f"{len(named)} plug-ins want the kind {name!r}"
            kind = PluginProblem(group, name, modules, why, "uninstall or rename all but one")
        if isinstance(kind, PluginProblem):
            problems.append(kind)
            types[name] = stand_in(name, kind)
        else:
            types[name] = adopt(kind, name)
    return Registry(types, problems)


def _loaded(group: str, name: str, point: EntryPoint, wanted: type[K]) -> K | PluginProblem:
    def problem(why: str, remedy: str = "fix or uninstall the package that brings it") -> PluginProblem:
        return PluginProblem(group, name, point.value, why, remedy)

    try:
        kind: Any = point.load()
    except ModuleNotFoundError as error:
        return problem(
            f"ModuleNotFoundError: {error}",
            f"install {error.name or 'what is missing'} beside the monitor, or fix or uninstall the package that brings it",
        )
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever a stranger's import does, ours go on
        text = str(error).splitlines()[0][:_TEXT] if str(error) else "no message"
        return problem(f"{type(error).__name__}: {text}")
    if not isinstance(kind, wanted):
        return problem(f"it is of type {type(kind).__name__}, not a {wanted.__name__}")
    config: Any = kind.config
    if not (isinstance(config, type) and issubclass(config, BaseModel)):
        return problem(f"its config, {getattr(config, '__name__', config)!s:.60}, is not a pydantic model")
    return kind
