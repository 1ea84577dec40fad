"""Any number of a source, evaluated against what that number has done before: its usual levels and its own worst days.

thresholds.py  every threshold
rows.py        the state of every custom metric as arrays; packing to bytes
envelope.py    usual levels, the largest lasting departures of each day, the test against them
fleet.py       which metrics which source has; one call per tick
board.py       whether a board (its items) is as large, or as small, as on other days
"""
