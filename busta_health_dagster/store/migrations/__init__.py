"""Alembic's folder. A new revision: a file in `versions/`, and its number in `store/versions.py`."""
