"""`depends_on` of sources.yaml: every name is a source, and none stands on itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.dependencies import circle
from busta_health_dagster.wording.suggestions import meant

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.settings.document import Document, Place
    from busta_health_dagster.settings.problems import Findings


def check_dependencies(
    doc: Document,
    sources: Mapping[str, Source],
    names: Collection[str],
    places: Mapping[str, Place],
    found: Findings,
) -> None:
    """`names`: every source that is written, also those that could not be built."""
    for source in sources.values():
        for parent in source.depends_on:
            if parent not in names:
                says = f"{source.name} depends on {parent!r}, and no source is called so."
                remedy = f"depends_on: [{meant(parent, sorted(names))}]"
                found.add(doc, (*places[source.name], "depends_on"), says, remedy, key=True)
    around = circle({s.name: [p for p in s.depends_on if p in sources] for s in sources.values() if s.depends_on})
    if around:
        says = f"The dependencies go in a circle: {' -> '.join(around)}. Each would keep the other quiet."
        remedy = f"take {around[1]} out of the depends_on of {around[0]}"
        found.add(doc, (*places[around[0]], "depends_on"), says, remedy, key=True)
