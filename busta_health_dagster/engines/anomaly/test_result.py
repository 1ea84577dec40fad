"""What a rule or a shape test says about every source at one poll."""

from dataclasses import dataclass

from busta_health_dagster.engines.baseline.units import Array


@dataclass(slots=True)
class TestResult:
    """All (N,): `lit` now, `quiet` (evidence of recovery) now, likelihood ratio `g` (natural log), the polls it spans,
    and what was expected and observed, in the unit of the term (counts, a ratio, seconds).
    """

    lit: Array
    quiet: Array
    g: Array
    polls: Array
    expected: Array
    observed: Array
