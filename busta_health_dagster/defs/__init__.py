"""The Dagster face: assets, checks, jobs, schedules, sensors. Thin: it calls the pipeline and tells Dagster what came
of it.
"""
