"""`alerts.yaml` -> rules and the alert policy. What one part names, another must define."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from busta_health_dagster.domain.policy import (
    AlertPolicy,
    ChannelSpec,
    Escalation,
    Grouping,
    Inhibition,
    ProviderGrouping,
    Route,
    Step,
)
from busta_health_dagster.domain.rule import Rule, Severity
from busta_health_dagster.settings.alert_model import CHANNEL_COMMON, ChannelFields, RuleFields
from busta_health_dagster.settings.on_call import read_rotation
from busta_health_dagster.settings.on_call_model import RotationFields
from busta_health_dagster.settings.route_model import EscalationFields, GroupingFields, InhibitFields, RouteFields
from busta_health_dagster.settings.rules import RuleReader
from busta_health_dagster.settings.translating import keys_of, takes_any, translate
from busta_health_dagster.wording.suggestions import meant, near

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from busta_health_dagster.domain.on_call import Rotation
    from busta_health_dagster.settings.document import Document, Place
    from busta_health_dagster.settings.problems import Findings

_Model = TypeVar("_Model", bound=BaseModel)


class AlertReader:
    """Reads one document; what is wrong goes to `found`."""

    def __init__(self, doc: Document, kinds: Mapping[str, type[BaseModel]], found: Findings) -> None:
        self._doc, self._kinds, self._found = doc, kinds, found

    def read(self) -> tuple[tuple[Rule, ...], AlertPolicy]:
        reader = RuleReader(self._doc, self._found)
        rules = [reader.read(place, fields, self._at(place)) for place, fields in self._named("rules", RuleFields)]
        channels = self._channels()
        on_call = self._rotations(channels)
        escalations = {e.name: e for e in self._escalations([*channels, *on_call])}
        routes = tuple(self._routes(escalations))
        inhibit = [
            Inhibition(f.source.domain(), f.target.domain(), f.equal) for _, f in self._list("inhibit", InhibitFields)
        ]
        grouping = self._grouping()
        policy = AlertPolicy(
            escalations,
            routes,
            tuple(inhibit),
            grouping,
            {c.name: c for c in channels.values() if c is not None},
            {name: rotation for name, rotation in on_call.items() if rotation is not None},
        )
        return tuple(rule for rule in rules if rule is not None), policy

    def _channels(self) -> dict[str, ChannelSpec | None]:
        """By name; None for one that is named but wrong, so that a step that uses it is not called unknown as well."""
        channels: dict[str, ChannelSpec | None] = {}
        for place, entry in self._entries("channels"):
            common = {key: value for key, value in entry.items() if key in CHANNEL_COMMON}
            own = {key: value for key, value in entry.items() if key not in CHANNEL_COMMON}
            fields = self._valid(ChannelFields, common, place)
            kind = common.get("kind")
            model = self._kinds.get(kind) if isinstance(kind, str) else None
            if isinstance(kind, str) and model is None:
                self._found.add(
                    self._doc,
                    (*place, "kind"),
                    f"There is no channel kind {kind!r}.",
                    f"kind: {meant(kind, list(self._kinds))}",
                )
            config = self._channel_config(model, own, place, str(kind)) if model is not None else None
            name = common.get("name")
            if isinstance(name, str) and self._is_new(place, name, channels):
                channels[name] = (
                    None
                    if fields is None or config is None
                    else ChannelSpec(
                        name,
                        fields.kind,
                        config,
                        fields.fallback,
                        fields.events,
                        fields.per_minute,
                        self._doc.line(place),
                    )
                )
        self._check_fallbacks(channels)
        return channels

    def _channel_config(self, model: type[BaseModel], own: dict[str, Any], place: Place, kind: str) -> BaseModel | None:
        known = keys_of(model, ())
        unknown = [] if takes_any(model) else [key for key in own if key not in known]
        for key in unknown:
            guess = near(key, [*known, *CHANNEL_COMMON])
            tail = f"; did you mean `{guess}`?" if guess else f": kind {kind} does not know it."
            self._found.add(
                self._doc,
                (*place, key),
                f"Unknown key `{key}`{tail}",
                f"{guess}: ..." if guess else f"remove it; known: {', '.join(known)}",
                key=True,
            )
        config = self._valid(model, {key: value for key, value in own.items() if key not in unknown}, place)
        return None if unknown else config

    def _check_fallbacks(self, channels: Mapping[str, ChannelSpec | None]) -> None:
        places = {entry.get("name"): (*place, "fallback") for place, entry in self._entries("channels")}
        for name, spec in channels.items():
            fallback = spec.fallback if spec else None
            if fallback is not None and fallback not in channels:
                self._found.add(
                    self._doc,
                    places[name],
                    f"There is no channel {fallback!r}.",
                    f"fallback: {meant(fallback, list(channels))}",
                )
            seen = [name]
            while fallback is not None and fallback not in seen:
                seen.append(fallback)
                following = channels.get(fallback)
                fallback = following.fallback if following else None
            if fallback == name:
                says = f"The fallbacks go in a circle: {' -> '.join([*seen, name])}."
                self._found.add(self._doc, places[name], says, "let the last of them have no fallback")

    def _rotations(self, channels: Collection[str]) -> dict[str, Rotation | None]:
        """By name; None for one that is named but wrong."""
        rotations: dict[str, Rotation | None] = {
            name: None for _, entry in self._entries("on_call") if isinstance(name := entry.get("name"), str)
        }
        for place, fields in self._named("on_call", RotationFields):
            rotations[fields.name] = read_rotation(self._doc, place, fields, channels, self._found)
        return rotations

    def _escalations(self, channels: Collection[str]) -> Iterator[Escalation]:
        for place, fields in self._named("escalations", EscalationFields):
            steps: list[Step] = []
            last: Step | None = None
            for index, step in enumerate(fields.steps):
                at = (*place, "steps", index)
                for n, name in enumerate(step.notify):
                    if name not in channels:
                        self._found.add(
                            self._doc,
                            (*at, "notify", n),
                            f"There is no channel {name!r}: this step would notify no one.",
                            f"notify: [{meant(name, list(channels))}]",
                        )
                if last is not None and step.after <= last.after_s:
                    self._found.add(
                        self._doc,
                        (*at, "after"),
                        "The steps are not in the order of their times.",
                        "sort them by `after`; two steps cannot have one time",
                    )
                severity = Severity[step.severity.upper()] if step.severity else None
                reached = [s.severity for s in steps if s.severity is not None]
                if severity is not None and reached and severity < max(reached):
                    says = f"This step lowers the severity to {severity.word}: it only rises while an alert is open."
                    self._found.add(
                        self._doc, (*at, "severity"), says, f"severity: {max(reached).word}, or leave it out"
                    )
                last = Step(int(step.after), step.notify, severity)
                steps.append(last)
            yield Escalation(
                fields.name,
                tuple(steps),
                None if fields.repeat is None else int(fields.repeat.every),
                int(fields.ack_timeout),
                fields.ack == "sticky",
                fields.repeat is not None and fields.repeat.when == "changed",
            )

    def _routes(self, escalations: Mapping[str, Escalation]) -> Iterator[Route]:
        declared = [str(entry.get("name")) for _, entry in self._entries("escalations")]
        for place, fields in self._list("routes", RouteFields):
            if fields.escalation not in declared:
                remedy = f"escalation: {meant(fields.escalation, declared)}"
                self._found.add(
                    self._doc, (*place, "escalation"), f"There is no escalation {fields.escalation!r}.", remedy
                )
            elif fields.escalation in escalations:
                mute = fields.mute.domain() if fields.mute is not None else None
                digest = fields.digest.domain() if fields.digest is not None else None
                where = self._doc.line(place)
                yield Route(fields.select.domain(), fields.escalation, fields.continue_, where, mute, digest)

    def _grouping(self) -> Grouping:
        fields = self._valid(GroupingFields, self._doc.data.get("grouping", {}), ("grouping",))
        if fields is None:
            return Grouping()
        shared = fields.provider
        provider = None if shared is None else ProviderGrouping(shared.least, float(shared.share), int(shared.within))
        return Grouping(fields.by, int(fields.wait), int(fields.interval), fields.storm, provider)

    def _named(self, section: str, model: type[_Model]) -> Iterator[tuple[Place, _Model]]:
        """Valid entries with a name of their own."""
        taken: dict[str, Any] = {}
        for place, fields in self._list(section, model):
            if self._is_new(place, str(fields.name), taken):  # type: ignore[attr-defined]  # every model handed in has a name
                taken[str(fields.name)] = None  # type: ignore[attr-defined]
                yield place, fields

    def _is_new(self, place: Place, name: str, taken: Mapping[str, Any]) -> bool:
        if name in taken:
            self._found.add(
                self._doc,
                (*place, "name"),
                f"The name {name!r} is taken: {place[0]} have one name each.",
                f"name: {name}-2",
            )
        return name not in taken

    def _list(self, section: str, model: type[_Model]) -> Iterator[tuple[Place, _Model]]:
        for place, entry in self._entries(section):
            fields = self._valid(model, entry, place)
            if fields is not None:
                yield place, fields

    def _entries(self, section: str) -> Iterator[tuple[Place, dict[str, Any]]]:
        entries = self._doc.data.get(section, [])
        if not isinstance(entries, list):
            self._found.add(self._doc, (section,), f"`{section}` is not a list.", f"{section}: [{{...}}]")
            return
        for index, entry in enumerate(entries):
            if isinstance(entry, dict):
                yield (section, index), entry
            else:
                self._found.add(self._doc, (section, index), "This entry is not a mapping.", "{name: ..., ...}")

    def _at(self, place: Place) -> dict[str, Any]:
        entry: dict[str, Any] = self._doc.data[str(place[0])][place[1]]
        return entry

    def _valid(self, model: type[_Model], data: Any, place: Place) -> _Model | None:
        try:
            return model.model_validate(data)
        except ValidationError as error:
            translate(
                error,
                model,
                data,
                lambda at, says, remedy, key: self._found.add(self._doc, (*place, *at), says, remedy, key=key),
            )
        return None
