"""The gate: may anything downstream use these sources, what waits, and what people opened or closed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.units import iso
from busta_health_dagster.pipeline.facade.base import MonitorBase

if TYPE_CHECKING:
    from collections.abc import Sequence

    from busta_health_dagster.domain.documents.gate import GateState, UsableRow
    from busta_health_dagster.domain.gate import GatePolicy


class Gate(MonitorBase):
    """What is asked about the gate."""

    def gate(
        self, names: Sequence[str] | None = None, *, consumer: str | None = None, policy: GatePolicy | None = None
    ) -> GateState:
        """The gate of these sources, or of those that a consumer uses (neither: of all), and the jobs behind it. `policy` may only
        ask for more than theirs.

        Raises:
            UnknownName: a source or a consumer that is not configured.
        """
        from busta_health_dagster.pipeline.gate.jobs import jobs_of
        from busta_health_dagster.pipeline.gate.verdicts import NOTHING_MORE, ask

        chosen = list(names or ()) or ([] if consumer is not None else list(self.app.config.sources))
        with self.app.store.read() as uow:
            answer = ask(self.app, chosen, consumer=consumer, policy=policy or NOTHING_MORE, within=uow)
            # Of all: a job whose source is misspelt is held, and is behind no configured one.
            everything = not names and consumer is None
            jobs = jobs_of(self.app, uow, None if everything else [v.source for v in answer.verdicts])
        return {
            "at": iso(answer.at),
            "usable": answer.usable,
            "sources": [verdict.as_json() for verdict in answer.verdicts],
            "jobs": [job.as_json(answer.at) for job in jobs],
        }

    def open_gate(self, name: str, *, for_s: float, reason: str) -> UsableRow:
        """Let everything downstream use this source for a while, whatever its verdict. Raises BadInput."""
        return self._set_gate(name, for_s, reason, usable=True)

    def close_gate(self, name: str, *, for_s: float, reason: str) -> UsableRow:
        """Let nothing downstream use this source for a while, whatever its verdict. Raises BadInput."""
        return self._set_gate(name, for_s, reason, usable=False)

    def reset_gate(self, name: str) -> UsableRow:
        """The gate follows the verdict again. Raises Refused where no one opened or closed it."""
        from busta_health_dagster.pipeline.gate.overrides import end_override

        self.known([name])
        end_override(self.app, name, actor=self.actor)
        return self.gate([name])["sources"][0]

    def _set_gate(self, name: str, for_s: float, reason: str, *, usable: bool) -> UsableRow:
        from busta_health_dagster.pipeline.gate.overrides import set_override

        self.known([name])
        set_override(self.app, name, usable=usable, for_s=for_s, reason=reason, actor=self.actor)
        return self.gate([name])["sources"][0]
