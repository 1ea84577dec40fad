"""Replay recorded observations through the real rules on a virtual clock: what would have been sent, what other thresholds would have cost.

May import: app to quality (of the rooms of `pipeline/`).
"""
