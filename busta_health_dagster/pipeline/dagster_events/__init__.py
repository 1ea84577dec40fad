"""Which verdicts Dagster has not been told yet, and in which order. Sending them is `defs/`.

May import: app to reporting (of the rooms of `pipeline/`).
"""
