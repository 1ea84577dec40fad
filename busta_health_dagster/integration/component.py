"""`busta_health_dagster.integration.SourceHealth`: the monitor in a project of Dagster's components, in YAML."""

import dagster as dg


class SourceHealth(dg.Component, dg.Model, dg.Resolvable):
    """Watches the external data sources of sources.yaml: health, quality, anomalies, alerts and SLA, and a gate in front of what is
    built from them.
    """

    config_dir: str | None = None
    home: str | None = None
    key_prefix: str | None = None

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """Relative paths are those of the component's own directory."""
        from busta_health_dagster.integration.definitions import build_defs

        config_dir, home = (None if path is None else context.path / path for path in (self.config_dir, self.home))
        return build_defs(config_dir=config_dir, home=home, key_prefix=self.key_prefix)
