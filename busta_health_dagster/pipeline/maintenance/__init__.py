"""Maintenance windows: listing, adding and ending them, the index that answers "is this slot inside one",
and the rollups recomputed when the past changes.

May import: app (of the rooms of `pipeline/`).
"""
