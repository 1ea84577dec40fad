"""One scheduled tick, and one manual check: observe, run the alert pass, deliver.

May import: every room below facade (of the rooms of `pipeline/`).
"""
