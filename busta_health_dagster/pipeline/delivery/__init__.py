"""From the outbox to the channels: claim, send, record the result, retry, fall back; and the dead-man's switch.

May import: app to alerting (of the rooms of `pipeline/`).
"""
