"""The simulated fleet behind `busta demo`: twelve upstreams over real HTTP, files and SQLite, and the story of their
incidents.

The tests and benchmarks use the same fleet. Nothing here is imported by the monitor itself.
"""
