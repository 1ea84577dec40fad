"""What stands on what among the sources: `depends_on`, followed upwards; and circles, also of what is built from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from busta_health_dagster.domain.source import Source


@dataclass(frozen=True, slots=True)
class Dependencies:
    """`above`: of each source that stands on others all of them, the nearest first. What is evaluated in the order of `depth` is
    evaluated after everything it stands on.
    """

    above: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, sources: Iterable[Source]) -> Dependencies:
        direct = {s.name: s.depends_on for s in sources if s.depends_on}
        return cls({name: _above(name, direct) for name in direct})

    def depth(self, name: str) -> int:
        """A source stands on all that its parent stands on, and on the parent: it lies deeper."""
        return len(self.above.get(name, ()))


def circle(direct: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The first circle there is, its first name again at its end: `a`, `b`, `a`; nothing where there is none."""
    done: set[str] = set()
    for start in direct:
        path, ahead = [start], [iter(direct[start])]
        while ahead:
            name = next(ahead[-1], None)
            if name is None:
                done.add(path.pop())
                ahead.pop()
            elif name in path:
                return (*path[path.index(name) :], name)
            elif name not in done:
                path.append(name)
                ahead.append(iter(direct.get(name, ())))
    return ()


def built_in_a_circle(sources: Iterable[Source]) -> tuple[str, ...]:
    """Assets of yours that would be built from themselves: a source stands on the first (`asset`) and feeds the next."""
    feeding: dict[str, list[str]] = {}
    for source in sources:
        if source.asset is not None:
            feeding.setdefault(source.asset, []).extend(source.feeds)
    return circle(feeding)


def _above(name: str, direct: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    level: Sequence[str] = direct[name]
    while level:
        new = [n for n in dict.fromkeys(level) if n not in found and n != name]
        found |= dict.fromkeys(new)
        level = [parent for n in new for parent in direct.get(n, ())]
    return tuple(found)
