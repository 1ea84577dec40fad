"""A channel and a probe, to copy from."""
