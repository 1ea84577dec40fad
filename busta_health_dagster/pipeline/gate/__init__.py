"""The gate: may anything be built from a source now, overrides by people, and the jobs that wait.

May import: app to service_levels (of the rooms of `pipeline/`).
"""
