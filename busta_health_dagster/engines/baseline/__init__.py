"""What is normal: the profile of a source's metric over day, weekend and known event, its noise, and its band.

    units.py      transforms between a metric's unit and the scale the model lives on; the order of the metrics
    profile.py    the hats (basis functions), their evaluation, and the robust ridge that fits them
    noise.py      AR(1) + white noise from residuals, and the pooling by type
    known_events.py  known events: which one covers an instant, where in it we stand
    history.py    three weeks of polls of one source (the cold state) as bytes
    normal_ranges.py p5 / p50 / p95 of a metric for charts

numpy and pure functions: no I/O, no clock.
"""
