"""The weekly report: gathered from the store, rendered elsewhere, sent by the outbox once per period.

May import: app to imports (of the rooms of `pipeline/`).
"""
