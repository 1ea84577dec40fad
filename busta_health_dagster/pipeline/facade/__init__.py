"""The monitor as people and scripts ask it: every reading and every deed, answered with documents.

The command line and REST both call this class, and `busta --url` calls REST with the same methods (`cli/remote_monitor.py`): that is
why a laptop shows what the machine of the monitor shows. Use cases are imported where they are asked for: a command pays
for its own only.

May import: every room (of the rooms of `pipeline/`).
"""

from __future__ import annotations

from busta_health_dagster.pipeline.facade.access import Access
from busta_health_dagster.pipeline.facade.alerts import Alerts
from busta_health_dagster.pipeline.facade.gate import Gate
from busta_health_dagster.pipeline.facade.maintenance import Maintenance
from busta_health_dagster.pipeline.facade.service_levels_and_reports import ServiceLevelsAndReports
from busta_health_dagster.pipeline.facade.sources import Sources


class Monitor(Sources, Alerts, Gate, Maintenance, ServiceLevelsAndReports, Access):
    """The monitor of a home. A name that nothing has raises UnknownName."""


__all__ = ["Monitor"]
