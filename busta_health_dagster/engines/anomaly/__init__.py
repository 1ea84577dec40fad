"""The detector: causal, streaming, vectorised over all sources of a tick. docs/detection.md tells what was tried.

thresholds.py  every threshold, the dial
rows.py       the hot state of every source as arrays; packing to bytes, bit for bit
tick.py       what one tick hands in
filter.py     profile + level + AR(1) -> innovations
steps.py      likelihood-ratio step test over 13 windows, gross jumps, level incidents, new normal
shape.py      bursts of spikes (response), excess variance (items)
rules.py      failures, stale data, frozen feeds
learning.py   the daily write of history and the refit of profile and noise
explain.py    findings and their sentences
finding_state.py  which terms of which source stand open
verdicts.py   good, bad or not known, per source and tick
bank.py       DetectorBank: one call per tick
series.py     score_series: any timestamp,value series through the same filter
"""
