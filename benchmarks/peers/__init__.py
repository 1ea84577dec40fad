"""The same fleet, watched by others in the same run."""
