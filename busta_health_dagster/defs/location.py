"""The code location as Dagster asks for it, part by part.

The process of a run loads the code location to find one job. The tick needs no asset of a source, and building those
would cost each tick 0.4 CPU seconds with 1,000 sources, 2.6 with 5,000. So the tick, the retention and the vantage points are
found among the fleet's own definitions; everything else, and everything that the code server lists, comes from the whole.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import dagster as dg

from busta_health_dagster.defs.build import fleet_definitions, read_config, report_definitions_of, source_definitions

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from busta_health_dagster.settings import Config


class Location(dg.RepositoryData):
    """What `build()` defines, each half of it built when it is first needed."""

    @cached_property
    def _config(self) -> Config:
        return read_config()

    @cached_property
    def _of_fleet(self) -> dg.Definitions:
        return fleet_definitions(self._config)

    @cached_property
    def _fleet(self) -> dg.RepositoryDefinition:
        return self._of_fleet.get_repository_def()

    @cached_property
    def _fleet_jobs(self) -> frozenset[str]:
        """Without Dagster's own job over all assets, which is another one in the whole."""
        return frozenset(job.name for job in self._of_fleet.jobs or ())

    @cached_property
    def _whole(self) -> dg.RepositoryDefinition:
        return dg.Definitions.merge(
            self._of_fleet,
            report_definitions_of(self._config),
            source_definitions(self._config),
            # This location is ours alone: materializing a source by hand needs no process of its own.
            dg.Definitions(executor=dg.in_process_executor),
        ).get_repository_def()

    def get_job(self, job_name: str) -> dg.JobDefinition:
        return (self._fleet if job_name in self._fleet_jobs else self._whole).get_job(job_name)

    def get_job_names(self) -> Sequence[str]:
        return self._whole.job_names

    def get_all_jobs(self) -> Sequence[dg.JobDefinition]:
        return self._whole.get_all_jobs()

    def get_all_schedules(self) -> Sequence[dg.ScheduleDefinition]:
        return self._whole.schedule_defs

    def get_all_sensors(self) -> Sequence[dg.SensorDefinition]:
        return self._whole.sensor_defs

    def get_assets_defs_by_key(self) -> Mapping[dg.AssetKey, dg.AssetsDefinition]:
        return self._whole.assets_defs_by_key

    def get_asset_checks_defs_by_key(self) -> Mapping[dg.AssetCheckKey, dg.AssetChecksDefinition]:
        return self._whole.asset_checks_defs_by_key

    def get_top_level_resources(self) -> Mapping[str, dg.ResourceDefinition]:
        return self._whole.get_top_level_resources()

    def get_env_vars_by_top_level_resource(self) -> Mapping[str, AbstractSet[str]]:
        return self._whole.get_env_vars_by_top_level_resource()
