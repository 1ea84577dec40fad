"""Detects first when a data source of a betting platform is late, slow, wrong or gone, and notifies the right person once."""

__version__ = "0.2.0"
