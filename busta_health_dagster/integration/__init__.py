"""The monitor as a part of your Dagster project."""
