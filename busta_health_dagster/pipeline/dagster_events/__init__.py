"""Which verdicts have not been sent to Dagster yet, and in which order. Sending them is `defs/`.

May import: app to reporting (of the rooms of `pipeline/`).
"""
