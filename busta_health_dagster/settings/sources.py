"""`sources.yaml` -> resolved sources. Each value remembers whether entry, type or defaults said it, so that an error
names that line.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from busta_health_dagster.settings.source_model import (
    COMMON,
    MERGED,
    SourceFields,
)
from busta_health_dagster.settings.source_resolving import resolve
from busta_health_dagster.settings.translating import keys_of, takes_any, translate
from busta_health_dagster.wording.suggestions import meant, near

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.settings.document import Document, Place
    from busta_health_dagster.settings.problems import Findings

_Model = TypeVar("_Model", bound=BaseModel)
NO_PROBE = "no probe"
_PLACEHOLDER = {"name": "x", "type": "x", "probe": "x"}


class SourceReader:
    """Reads one document; what is wrong goes to `found`, and the sources that can be built are returned."""

    def __init__(
        self,
        doc: Document,
        probes: Mapping[str, type[BaseModel]],
        found: Findings,
        shards: int = 1,
        vantages: Iterable[str] = (),
    ) -> None:
        self._doc, self._probes, self._found, self._shards = doc, probes, found, shards
        self._vantages = tuple(vantages)
        self._defaults = self._block(("defaults",), doc.data.get("defaults"))
        self._types = self._type_blocks()
        self.used_types: set[str] = set()
        self.place_of: dict[str, Place] = {}
        """Name -> ("sources", 3); the doctor points there."""
        self.names: set[str] = set()
        """Every name that is written, also of entries that could not be built."""

    def read(self) -> tuple[dict[str, Source], tuple[Source, ...]]:
        """(sources by name in file order, control endpoints)."""
        sources = self._entries("sources")
        none = "sources" not in self._doc.data or self._doc.data["sources"] == []
        if none and not self._found.broken(self._doc):  # an include that brings none has its problem already
            self._found.add(
                self._doc,
                ("sources",),
                "There is no source: the monitor would watch nothing.",
                "sources: [{name: ..., type: ..., probe: http, url: ...}]",
            )
        control = self._entries("control")
        return {source.name: source for source in sources}, tuple(control)

    def unlisted(self) -> dict[str, Source]:
        """What holds for sources that the file does not name (an import brings them): by type, "" for any other."""
        found = {}
        for type_ in ("", *self._types):
            merged, _ = self._merge(("unlisted",), {"type": type_ or "imported"})
            common = {key: value for key, value in merged.items() if key in COMMON and key != "quality"}
            try:
                fields = SourceFields.model_validate(_PLACEHOLDER | common)
            except ValidationError:
                continue  # reported already, as a problem of this block
            found[type_] = resolve(fields, None, {}, where="", shards=1)
        return found

    def _entries(self, section: str) -> list[Source]:
        entries = self._doc.data.get(section, [])
        if not isinstance(entries, list):
            self._found.add(self._doc, (section,), f"`{section}` is not a list.", f"{section}: [{{name: ..., ...}}]")
            return []
        built = []
        for index, entry in enumerate(entries):
            path = (section, index)
            if not isinstance(entry, dict):
                self._found.add(self._doc, path, "This entry is not a mapping.", "{name: ..., type: ..., probe: ...}")
                continue
            source = self._source(path, entry)
            if self._is_new(path, entry) and source is not None:
                built.append(source)
        return built

    def _is_new(self, path: Place, entry: dict[str, Any]) -> bool:
        name = entry.get("name")
        if not isinstance(name, str):
            return False
        if name in self.names:
            first = self._doc.line(self.place_of[name])
            self._found.add(
                self._doc,
                (*path, "name"),
                f"The name {name!r} is taken, at {first}: history and alerts of the two would mix.",
                f"name: {name}_2",
            )
            return False
        self.names.add(name)
        self.place_of[name] = path
        return True

    def _source(self, path: Place, entry: dict[str, Any]) -> Source | None:
        merged, origin = self._merge(path, entry)
        self.used_types |= {type_} if isinstance(type_ := merged.get("type"), str) else set()
        common = {key: value for key, value in merged.items() if key in COMMON}
        own = self._of_its_probe(common.get("probe"), {k: v for k, v in merged.items() if k not in COMMON}, origin)
        hints = {
            "probe": f"probe: http, here or for the type; {', '.join(self._probes)}",
            "type": "type: odds, or any family of data that shares defaults",
        }
        model = self._probes.get(str(common.get("probe")))
        strangers = [key for key in own if model is None or not (takes_any(model) or key in keys_of(model, ()))]
        if model is None:
            for key in strangers:
                if near(key, COMMON):
                    self._report_unknown(origin((key,)), key, own[key], sorted(COMMON), NO_PROBE)
        fields = self._validate(SourceFields, common, origin, hints, {near(key, COMMON) for key in strangers})
        config = self._probe_config(common.get("probe"), own, origin, path)
        if fields is None or config is None:
            return None
        return resolve(fields, config, entry, where=self._doc.line(path), shards=self._shards, vantages=self._vantages)

    def _of_its_probe(self, probe: Any, own: dict[str, Any], origin: Callable[[Place], Place]) -> dict[str, Any]:
        """Without what `defaults` say for sources of other probes: a proxy is nothing to a SQL source."""
        model = self._probes.get(probe) if isinstance(probe, str) else None
        if model is None or takes_any(model):
            return own
        known = keys_of(model, ())
        return {key: value for key, value in own.items() if key in known or origin((key,)) != ("defaults", key)}

    def _merge(self, path: Place, entry: dict[str, Any]) -> tuple[dict[str, Any], Callable[[Place], Place]]:
        """The entry over its type over the defaults; and from a path in the result to the one in the document."""
        type_ = entry.get("type", "control" if path[0] == "control" else None)
        layers: list[tuple[Place, dict[str, Any]]] = [(("defaults",), self._defaults)]
        if isinstance(type_, str):
            layers.append((("types", type_), self._types.get(type_, {})))
        layers.append((path, entry if type_ is None else {"type": type_, **entry}))
        merged: dict[str, Any] = {}
        origins: dict[Place, Place] = {}
        for place, layer in layers:
            for key, value in layer.items():
                below = merged.get(key)
                if key in MERGED and isinstance(value, dict) and isinstance(below, dict):
                    merged[key] = {**below, **value}
                    origins |= {(key, inner): place for inner in value}
                    continue
                merged[key] = value
                origins[key,] = place
                if isinstance(value, dict):
                    origins |= {(key, inner): place for inner in value}
        # An explicit nothing (`quality: null`) takes back what type or defaults say.
        merged = {key: value for key, value in merged.items() if value is not None}
        return merged, lambda inside: (*(origins.get(inside[:2]) or origins.get(inside[:1]) or path), *inside)

    def _validate(
        self,
        model: type[_Model],
        data: Any,
        origin: Callable[[Place], Place],
        hints: Mapping[str, str] | None = None,
        guessed: Collection[str | None] = (),
    ) -> _Model | None:
        try:
            return model.model_validate(data)
        except ValidationError as error:
            translate(
                error,
                model,
                data,
                lambda at, says, remedy, key: self._found.add(self._doc, origin(at), says, remedy, key=key),
                hints=hints,
                guessed=guessed,
            )
        return None

    def _probe_config(
        self, probe: Any, own: dict[str, Any], origin: Callable[[Place], Place], path: Place
    ) -> BaseModel | None:
        """The probe's own validated model; None with a problem reported, or where the probe itself is missing (reported by
        the common model).
        """
        if not isinstance(probe, str):
            return None
        model = self._probes.get(probe)
        if model is None:
            self._found.add(
                self._doc,
                origin(("probe",)),
                f"There is no probe {probe!r}.",
                f"probe: {meant(probe, list(self._probes))}",
            )
            return None
        unknown = [] if takes_any(model) else [key for key in own if key not in keys_of(model, ())]
        for key in unknown:
            self._report_unknown(
                origin((key,)), key, own[key], [*sorted(COMMON), *keys_of(model, ())], f"probe {probe}"
            )
        config = self._validate(
            model,
            {key: value for key, value in own.items() if key not in unknown},
            lambda at: origin(at) if at else path,
            _needs(model, probe),
            {near(key, keys_of(model, ())) for key in unknown},
        )
        return None if unknown else config

    def _report_unknown(self, place: Place, key: str, value: Any, known: list[str], whose: str) -> None:
        guess = near(key, known)
        written = value if isinstance(value, str | int | float) and not isinstance(value, bool) else "..."
        if guess:
            self._found.add(
                self._doc, place, f"Unknown key `{key}`; did you mean `{guess}`?", f"{guess}: {written}", key=True
            )
        else:
            listed = ", ".join(k for k in known if k not in COMMON) or "no key of its own"
            self._found.add(
                self._doc,
                place,
                f"Unknown key `{key}`: "
                + ("no probe knows it." if whose == NO_PROBE else f"{whose} does not know it."),
                f"remove it; beside the common keys: {listed}",
                key=True,
            )

    def _type_blocks(self) -> dict[str, dict[str, Any]]:
        blocks = self._doc.data.get("types", {})
        if not isinstance(blocks, dict):
            self._found.add(self._doc, ("types",), "`types` is not a mapping.", "types: {odds: {probe: http}}")
            return {}
        return {name: self._block(("types", name), block) for name, block in blocks.items()}

    def _block(self, place: Place, block: Any) -> dict[str, Any]:
        """The defaults of a type, or of all: checked on their own, since perhaps no source uses them yet."""
        if block is None:
            return {}
        if not isinstance(block, dict):
            self._found.add(self._doc, place, f"`{place[-1]}` is not a mapping.", f"{place[-1]}: {{interval: 5m}}")
            return {}
        common = {key: value for key, value in block.items() if key in COMMON and value is not None}
        for key in {"name", "type"} & block.keys():
            self._found.add(
                self._doc, (*place, key), f"`{key}` belongs to a source, not to defaults.", "remove it", key=True
            )
        self._validate(SourceFields, _PLACEHOLDER | common, lambda at: (*place, *at))
        probe = block.get("probe")
        if isinstance(probe, str) and probe not in self._probes:
            self._found.add(
                self._doc,
                (*place, "probe"),
                f"There is no probe {probe!r}.",
                f"probe: {meant(probe, list(self._probes))}",
            )
        models = (
            [self._probes[probe]] if isinstance(probe, str) and probe in self._probes else list(self._probes.values())
        )
        known = [key for model in models for key in keys_of(model, ())]
        anything = isinstance(probe, str) and any(takes_any(model) for model in models)
        strangers = [key for key in block if key not in COMMON and key not in known and not anything]
        for key in strangers:
            self._report_unknown(
                (*place, key), key, block[key], [*sorted(COMMON), *known], f"probe {probe}" if probe else NO_PROBE
            )
        return {key: value for key, value in block.items() if key not in strangers}


@lru_cache(maxsize=1024)
def _needs(model: type[BaseModel], probe: str) -> Mapping[str, str]:
    """What is said where a key is missing that the probe needs."""
    return {name: f"{name}: ..., which probe {probe} needs" for name in keys_of(model, ())}
