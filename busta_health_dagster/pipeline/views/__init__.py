"""Read models for page, terminal, REST and metrics. They read the store and write nothing; nothing on the write path imports them.

May import: app to dagster_events (of the rooms of `pipeline/`).
"""
