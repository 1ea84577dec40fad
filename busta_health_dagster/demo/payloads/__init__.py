"""What each upstream delivers: pure functions of (now, newest, count, bad share), so that a payload can be asked for
twice.

`newest` is the epoch of the newest item, `bad` the share of rows that are spoilt (0 when nothing is wrong).
"""
