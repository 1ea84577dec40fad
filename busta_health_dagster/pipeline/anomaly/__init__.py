"""Normal ranges and anomaly findings of every source: learned, evaluated and stored.

May import: app, maintenance and observing (of the rooms of `pipeline/`).
"""
