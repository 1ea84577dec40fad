"""Observe sources: decide what is due, probe it, store the result. The only room that calls a probe.

May import: app and maintenance (of the rooms of `pipeline/`).
"""
