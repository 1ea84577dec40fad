"""The code location: loads `defs`, nothing else."""

from busta_health_dagster.defs.build import build

defs = build()
