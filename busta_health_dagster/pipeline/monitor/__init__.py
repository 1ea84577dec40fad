"""The monitor as people and scripts ask it: every reading and every deed, answered with documents.

The command line and REST both call this class, and `busta --url` calls REST with the same methods (`cli/remote/`): that is
why a laptop shows what the machine of the monitor shows. Use cases are imported where they are asked for: a command pays
for its own only.
"""

from __future__ import annotations

from busta_health_dagster.pipeline.monitor.alerts import Alerts
from busta_health_dagster.pipeline.monitor.meaning import Meaning
from busta_health_dagster.pipeline.monitor.planned import PlannedWork
from busta_health_dagster.pipeline.monitor.sources import Sources


class Monitor(Sources, Alerts, PlannedWork, Meaning):
    """The monitor of a home. A name that nothing has raises UnknownName."""


__all__ = ["Monitor"]
