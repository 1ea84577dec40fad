"""What a source that fails hits, and what people did to its gate: the sentences that messages, page and terminal add."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from busta_health_dagster.domain.units import from_epoch
from busta_health_dagster.pipeline.gate.stored_lineage import blast_radii
from busta_health_dagster.pipeline.gate.verdicts import verdicts
from busta_health_dagster.wording.lists import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from busta_health_dagster.domain.gate import BlastRadius, UsableVerdict
    from busta_health_dagster.domain.observation import SourceState
    from busta_health_dagster.pipeline.app.app import App
    from busta_health_dagster.store import UnitOfWork


@dataclass(frozen=True, slots=True)
class Impact:
    """`radius` is None where nothing is known to be built from the source. `feeds` are what its configuration names."""

    verdict: UsableVerdict
    radius: BlastRadius | None
    feeds: tuple[str, ...] = ()

    @property
    def override(self) -> str:
        """`The gate is open by hand until 17:20 UTC: checked (ann).`; empty where no one touched it."""
        override = self.verdict.override
        if override is None:
            return ""
        state = "open" if override.usable else "closed"
        return f"The gate is {state} by hand until {from_epoch(override.until):%H:%M} UTC: {override.reason} ({override.by})."

    @property
    def hits(self) -> str:
        """`Hits 3 assets, 2 jobs; next place_bets 15:00 UTC.`; empty where `feeds` says all there is to say."""
        if self.radius is None or (not self.radius.jobs and set(self.radius.assets) <= set(self.feeds)):
            return ""
        return f"Hits {self.radius.sentence}."

    @property
    def blocks(self) -> str:
        """`Blocks models/moneyline; place_bets held since 16:50 UTC.`; empty while it may be used."""
        if self.radius is None or self.verdict.usable:
            return ""
        held = [f"{run.job} held since {from_epoch(run.held_since or 0):%H:%M} UTC" for run in self.radius.held]
        waiting = {run.job for run in self.radius.held}
        named = [*self.radius.assets, *(run.job for run in self.radius.jobs if run.job not in waiting)]
        shown = listed(named)
        return f"Blocks {'; '.join([*([shown] if named else []), *held])}." if named else f"{'; '.join(held)}."

    @property
    def sentences(self) -> tuple[str, ...]:
        """For a message about the source."""
        return tuple(said for said in (self.override, self.hits) if said)


def impacts(app: App, uow: UnitOfWork, states: Mapping[str, SourceState], names: Sequence[str]) -> dict[str, Impact]:
    """Of these sources, as far as they are configured."""
    known = [name for name in names if name in app.config.sources]
    if not known:
        return {}
    radii = blast_radii(app, uow)
    found = verdicts(app, uow, states, known)
    return {name: Impact(found[name], radii.get(name), app.config.sources[name].feeds) for name in known}
