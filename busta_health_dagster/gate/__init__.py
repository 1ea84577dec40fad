"""The gate in front of your jobs and assets: nothing is built from a source that may not be used.

`gated_sensor` (or `gated_schedule`, with the words of a schedule) starts a job on its cron schedule while its sources are usable,
holds it while one is not, and releases it once. `HealthGate` is the resource for the inside of an op or asset. Importing
this opens no store; docs/gate.md has the whole picture.
"""

from busta_health_dagster.gate.resource import HealthGate
from busta_health_dagster.gate.sensor import gated_schedule, gated_sensor

__all__ = ["HealthGate", "gated_schedule", "gated_sensor"]
