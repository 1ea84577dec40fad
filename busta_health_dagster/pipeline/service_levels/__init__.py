"""What observations mean over time: uptime, coverage, error budget, incidents and their times.

May import: app to anomaly (of the rooms of `pipeline/`).
"""
