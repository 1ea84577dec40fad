"""Bring recorded history into the store, so that incidents and service levels exist for it.

May import: app to backtest (of the rooms of `pipeline/`).
"""
