"""Which known name was probably meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_ALIKE = 0.7


def near(word: str, known: Iterable[str], alike: float = _ALIKE) -> str | None:
    """The known word nearest to this one, whatever its case; None where nothing is near."""
    from difflib import get_close_matches  # only where something is wrong: 3 ms of every start

    by_lower = {k.lower(): k for k in known}
    found = get_close_matches(word.lower(), by_lower, n=1, cutoff=alike)
    return by_lower[found[0]] if found else None


def meant(word: str, known: Sequence[str], alike: float = _ALIKE) -> str:
    """The remedy for an unknown word: the nearest one, else what there is."""
    if not known:
        return "there is none yet"
    return near(word, known, alike) or one_of(known[:12]) + (" ..." if len(known) > 12 else "")


def one_of(known: Iterable[str]) -> str:
    """One of a, b, c."""
    return "one of " + ", ".join(known)


def unknown_source(name: str, known: Iterable[str]) -> str:
    """No source is called 'odsd_api'. Did you mean odds_api?"""
    guess = near(name, known)
    hint = f"Did you mean {guess}?" if guess else "Names: busta sources list"
    return f"No source is called {name!r}. {hint}"
