"""Quality: `expectations/*.json` -> Great Expectations -> check results. Importing this room loads neither GX nor
pandas.
"""
