"""A rehearsal on a virtual clock: a made-up outage through the real rules, routes and (if asked) channels.

May import: app to delivery (of the rooms of `pipeline/`).
"""
