"""The opened application and what every use case needs of it: access, store administration, heartbeats, freshness.

May import: no other room (of the rooms of `pipeline/`).
"""
