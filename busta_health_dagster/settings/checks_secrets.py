"""What the doctor knows of secrets: each reference that leads nowhere, and what does not work until it does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from busta_health_dagster.domain.errors import MissingSecret
from busta_health_dagster.domain.fields import SecretRef
from busta_health_dagster.wording.lists import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from busta_health_dagster.settings.check_context import CheckContext
    from busta_health_dagster.settings.document import Document, Place


def missing_secrets(review: CheckContext) -> None:
    """Each reference that leads nowhere, once, with what will not work until it does."""
    for file, doc in review.docs.items():
        wanted: dict[SecretRef, list[Place]] = {}
        for place, ref in _references(doc.data, (), set()):
            wanted.setdefault(ref, []).append(place)
        for ref, places in wanted.items():
            try:
                review.secrets(ref)
            except MissingSecret as why:
                message, _, remedy = str(why).partition(". ")
                review.warn(file, places[0], f"{message}. Until then {_consequence(file, places, doc)}.", remedy)


def secrets_of_no_use(review: CheckContext) -> None:
    """What a reference holds and its channel can never use: that channel is rejected, the others work."""
    places = {entry.get("name"): i for i, entry in enumerate(review.docs["alerts.yaml"].data.get("channels", ()))}
    for name, spec in review.policy.channels.items():
        inspect = getattr(spec.config, "refused_secret", None)
        if inspect is not None and (refused := inspect(review.secrets)) is not None:
            key, says, remedy = refused
            doc = review.docs["alerts.yaml"]
            review.found.add(doc, ("channels", places[name], key), says, remedy, blocks=False)


def _consequence(file: str, places: list[Place], doc: Document) -> str:
    names = []
    for section, index, *_ in ((*place, None) for place in places):
        entries = doc.data[str(section)]
        named = isinstance(entries, list) and isinstance(index, int) and isinstance(entries[index], dict)
        names.append(str(entries[index].get("name")) if named else str(section))
    recipients = listed(dict.fromkeys(names))
    several = len(set(names)) > 1
    if file == "alerts.yaml":
        if places[0][0] == "on_call":
            return f"the calendar of {recipients} is not read"
        return f"the channel{'s' if several else ''} {recipients} cannot send"
    if file == "sources.yaml":
        takers = (
            "every source that takes it from there is"
            if places[0][0] in {"types", "defaults"}
            else f"{recipients} {'are' if several else 'is'}"
        )
        return f"{takers} unknown"
    return f"{recipients} does not work"


def _references(data: Any, place: Place, seen: set[int]) -> Iterator[tuple[Place, SecretRef]]:
    """Every reference as the file has it; a part that several aliases share is checked once."""
    if not isinstance(data, dict | list) or id(data) in seen:
        return
    seen.add(id(data))
    if isinstance(data, dict) and len(reference := [(k, v) for k, v in data.items() if k != "prefix"]) == 1:
        ((kind, held),) = reference
        if kind in {"env", "file"} and isinstance(held, str):
            yield place, SecretRef(env=held) if kind == "env" else SecretRef(file=held)
            return
    for key, inner in data.items() if isinstance(data, dict) else enumerate(data):
        yield from _references(inner, (*place, key), seen)
