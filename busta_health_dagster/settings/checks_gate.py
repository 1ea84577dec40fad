"""What the doctor knows of gates and of what is built behind them: a gate that can never open, an asset that two sources
claim, and `feeds` that name no asset or the source's own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.dependencies import built_in_a_circle
from busta_health_dagster.settings.checks import who_says
from busta_health_dagster.wording.lists import listed

if TYPE_CHECKING:
    from busta_health_dagster.settings.check_context import CheckContext
    from busta_health_dagster.settings.document import Place


def undecidable_gates(review: CheckContext) -> None:
    """A quality of what no one scores, an age of what tells none: the gate would be closed for ever."""
    never: dict[tuple[Place, str], list[str]] = {}
    doc = review.docs["sources.yaml"]
    for source in review.sources.values():
        gate = source.gate
        place = who_says(doc, review.at_source(source.name), source.type, "gate")
        if gate.unknown == "block" and gate.min_quality is not None and source.quality is None:
            never.setdefault((place, "min_quality"), []).append(source.name)
        if (
            gate.unknown == "block"
            and gate.max_data_age_s is not None
            and not getattr(source.config, "tells_age", True)
        ):
            never.setdefault((place, "max_data_age"), []).append(source.name)
    wanted = {
        "min_quality": ("a score, and nothing scores", "quality: {suite: ...} on the source, or remove it"),
        "max_data_age": ("an age, and nothing tells that of", "data_age: {path: ...} on the source, or remove it"),
    }
    for (place, key), names in never.items():
        asks, remedy = wanted[key]
        says = f"gate.{key} asks for {asks} {listed(names)}: never usable."
        review.found.add(doc, (*place, "gate", key), says, remedy, key=True, blocks=False)


def shared_assets(review: CheckContext) -> None:
    """Two sources on one asset: their checks would have one name, and each would overwrite the other's."""
    owners: dict[str, str] = {}
    for source in review.sources.values():
        if source.asset is None:
            continue
        first = owners.setdefault(source.asset, source.name)
        if first != source.name:
            says = f"The asset {source.asset} has the checks of source {first} already: those of {source.name} would overwrite them."
            remedy = "an asset for each source, or one source without `asset`"
            review.found.add(review.docs["sources.yaml"], review.at_source(source.name, "asset"), says, remedy)


def feeds_that_are_no_keys(review: CheckContext) -> None:
    """A key with an empty part is the key of no asset: what was to depend on the source would not."""
    doc = review.docs["sources.yaml"]
    empty: dict[tuple[Place, str], list[str]] = {}
    for source in review.sources.values():
        for key in source.feeds:
            if not all(part.strip() for part in key.split("/")):
                place = who_says(doc, review.at_source(source.name), source.type, "feeds")
                empty.setdefault((place, key), []).append(source.name)
    for (place, key), names in empty.items():
        says = f"{key!r} is no asset key: nothing depends on {listed(names)} by it."
        remedy = "write the parts of the key with / between them: feeds: [models/moneyline]"
        review.found.add(doc, (*place, "feeds"), says, remedy, key=True, blocks=False)


def built_from_itself(review: CheckContext) -> None:
    """An asset that a source stands on and that is, over the `feeds`, built from that source: Dagster loads no circle."""
    around = built_in_a_circle(review.sources.values())
    if not around:
        return
    doc = review.docs["sources.yaml"]
    source = next(s for s in review.sources.values() if s.asset == around[0] and around[1] in s.feeds)
    place = who_says(doc, review.at_source(source.name), source.type, "feeds")
    says = (
        f"An asset would be built from itself, by `asset` and `feeds`: {' -> '.join(around)}. Dagster loads no circle."
    )
    remedy = f"take {around[1]} out of the feeds of {source.name}; name there what is built from {around[0]}"
    review.found.add(doc, (*place, "feeds"), says, remedy, key=True, blocks=False)
