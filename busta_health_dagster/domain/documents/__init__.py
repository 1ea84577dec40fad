"""What the monitor hands out: the shapes of `-o json` and of REST, which are one, and all that a terminal's views draw.

A document is plain data (texts, numbers, null, lists, objects): instants are ISO 8601 in UTC, shares are percentages. The
command line and REST get them from `pipeline.facade`; `busta --url` gets the same ones over REST. What a view shows must
therefore stand in a document, and then it shows the same from everywhere.
"""
