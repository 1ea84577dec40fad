"""Verbs: values in, a reasoned decision out. No I/O and no clock: time is an argument."""
