"""Every threshold of the custom metrics. Chosen on one recorded league (NFL); docs/detection.md has the others."""

from typing import Final

DAY_S: Final = 86_400
BIN_S: Final = 7200
DAYS: Final = 28
BINS: Final = DAYS * DAY_S // BIN_S
WEEK_BINS: Final = 7 * DAY_S // BIN_S
DAY_BINS: Final = DAY_S // BIN_S

WINDOWS: Final = (2, 4, 8, 16)  # polls that a departure has lasted
LONGEST: Final = WINDOWS[-1]
BEHAVES_AT: Final = 1  # the window by which a metric is taken for one that behaves
PATIENCE: Final = (1.4, 1.2, 1.0, 1.0)  # what the floor counts for in each window: short ones want more

ANCHOR: Final = 12  # values that choose the scale
FLOOR: Final = 0.3  # on the model's scale: about 26% less, or 35% more
UNITS: Final = 2.0  # of a count, fewer than so many may be chance
WORST: Final = 1.5  # a departure must pass the largest of the last 28 days by this factor,
SECOND: Final = 2.0  # or the second largest by this one: a single bad day must not blind the test
USABLE: Final = (
    0.45  # what must be passed for a departure over four polls; above it a metric cannot tell a loss of a third
)
YOUNG_DAYS: Final = 14.0  # until then every limit is wider, up to twice
FIRST_DAYS: Final = 7  # before that nothing is evaluated
UNSEEN_BOARD: Final = 2.0  # the factor on every limit while the items are in a range that few days have shown
BOARD_DAYS: Final = 2  # so many earlier days make a range of items a known one
GAP_S: Final = 6 * 3600  # after so long without a value a departure begins again
NEW_NORMAL_S: Final = DAY_S  # a departure that has lasted a day is the new level
SAME_BOARD: Final = (
    0.7  # on a logarithm: a level taken as normal holds for boards up to twice and down to half the size
)
AGE: Final = "age_s"  # an age, by the unit in its name, that falls is no trouble
MOST: Final = 16  # custom metrics per source
GONE_S: Final = 86_400  # without a value for so long, a metric gives its place to a new one
