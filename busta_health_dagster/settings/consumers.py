"""`consumers:` of sources.yaml: what uses sources, and what it asks of them beyond their own `gate:`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from busta_health_dagster.domain.gate import Consumer, GatePolicy
from busta_health_dagster.domain.units import config_duration
from busta_health_dagster.settings.source_model import ConsumerFields
from busta_health_dagster.settings.translating import translate
from busta_health_dagster.wording.suggestions import meant

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.settings.document import Document, Place
    from busta_health_dagster.settings.problems import Findings

_EXAMPLE = "consumers: [{name: place-bets, sources: [odds_api], min_quality: 95}]"


def read_consumers(
    doc: Document, sources: Mapping[str, Source], names: Collection[str], found: Findings
) -> dict[str, Consumer]:
    """By name; what is wrong with one goes to `found`. `names`: every source that is written, also those that could not
    be built.
    """
    entries = doc.data.get("consumers", [])
    if not isinstance(entries, list):
        found.add(doc, ("consumers",), "`consumers` is not a list.", _EXAMPLE)
        return {}
    built: dict[str, Consumer] = {}
    for index, entry in enumerate(entries):
        place: Place = ("consumers", index)
        fields = _fields(doc, place, entry, found)
        if fields is None:
            continue
        if fields.name in built:
            says = f"The name {fields.name!r} is taken: consumers have one name each."
            found.add(doc, (*place, "name"), says, f"name: {fields.name}-2")
            continue
        age = None if fields.max_data_age is None else int(fields.max_data_age)
        consumer = Consumer(
            fields.name, fields.sources, GatePolicy(fields.min_quality, age, fields.unknown), doc.line(place)
        )
        for number, name in enumerate(fields.sources):
            if name not in names:
                says = f"No source is called {name!r}: the gate could never say that it is usable."
                found.add(doc, (*place, "sources", number), says, meant(name, sorted(names)))
            elif name in sources:
                _refuse_looser(doc, place, consumer, sources[name], found)
        built[fields.name] = consumer
    return built


def _fields(doc: Document, place: Place, entry: object, found: Findings) -> ConsumerFields | None:
    try:
        return ConsumerFields.model_validate(entry)
    except ValidationError as error:

        def report(at: Place, says: str, remedy: str, key: bool) -> None:
            found.add(doc, (*place, *at), says, remedy, key=key)

        translate(error, ConsumerFields, entry, report, hints={"name": "name: place-bets"})
    return None


def _refuse_looser(doc: Document, place: Place, consumer: Consumer, source: Source, found: Findings) -> None:
    own, asked = source.gate, consumer.policy
    looser: list[tuple[str, str, str]] = []
    if asked.min_quality is not None and own.min_quality is not None and asked.min_quality < own.min_quality:
        looser.append(("min_quality", f"{asked.min_quality:g}", f"{own.min_quality:g}"))
    if (
        asked.max_data_age_s is not None
        and own.max_data_age_s is not None
        and asked.max_data_age_s > own.max_data_age_s
    ):
        looser.append(("max_data_age", config_duration(asked.max_data_age_s), config_duration(own.max_data_age_s)))
    if asked.unknown == "allow" and own.unknown == "block":
        looser.append(("unknown", "allow", "block"))
    for key, wanted, held in looser:
        says = f"{key} {wanted} is looser than the {held} of source {source.name}: a consumer may only ask for more."
        found.add(doc, (*place, key), says, f"{key}: {held}, or change gate.{key} of {source.name}")
