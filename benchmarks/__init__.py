"""Numbers beside their targets, measured side by side in one run: `make bench`, or one of them with `python -m benchmarks.tick`."""
