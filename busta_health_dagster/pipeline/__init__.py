"""Use cases: read, decide, write. The only layer that both reads and acts.

Sixteen rooms, bottom up; each may import only those before it (import-linter keeps it so):

    app < maintenance < observing < anomaly < service_levels < alerting < delivery < drill
    < quality < backtest < imports < reporting < dagster_events < views < tick < facade
"""
