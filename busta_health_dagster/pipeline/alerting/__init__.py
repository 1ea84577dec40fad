"""One alert pass: observations and scores through the rules and the alert lifecycle into ONE
transaction of alerts, transitions and outbox rows.

May import: app to gate (of the rooms of `pipeline/`).
"""
