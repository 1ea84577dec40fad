"""How a failure that the sources of one provider share is said, in messages, on the page and in the terminal."""

from __future__ import annotations


def root_cause_text(provider: str, failing: int, of: int, what: str, *, still: bool = False) -> str:
    """`the-odds-api: 4 of 4 sources down`; `still`: some of them are well again. `what`: `down`, or `in alert (no-data)`."""
    return f"{provider}: {failing} of {of} source{'s' if of != 1 else ''} {'still ' if still else ''}{what}"


def root_cause_over(provider: str, recovered: int, of: int) -> str:
    """`the-odds-api: all 4 sources are up again`; where fewer had failed: `the-odds-api: its 3 failed sources are up again`."""
    return f"{provider}: {f'all {of}' if recovered == of else f'its {recovered} failed'} sources are up again"
