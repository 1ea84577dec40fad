"""Quality scores: which sources are due, scoring their sample or their database, trends, the quality page.

May import: app to drill (of the rooms of `pipeline/`).
"""
