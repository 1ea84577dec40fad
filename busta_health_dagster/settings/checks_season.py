"""What the doctor knows of seasons: one that never comes again, and gates on sources that no one watches at present."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.domain.units import LATEST
from busta_health_dagster.engines.rules import effective_rules
from busta_health_dagster.engines.seasons import off_season_at, off_season_text
from busta_health_dagster.settings.checks import who_says

if TYPE_CHECKING:
    from collections.abc import Iterator

    from busta_health_dagster.domain.gate import Consumer
    from busta_health_dagster.domain.source import Source
    from busta_health_dagster.settings.check_context import CheckContext
    from busta_health_dagster.settings.document import Place

_FILE = "sources.yaml"


def seasons_that_are_over(review: CheckContext) -> None:
    """No season follows: the source would never be watched again."""
    now = int(review.now)
    for source in review.sources.values():
        gap = off_season_at(source.active, now)
        if gap is None or gap[1] < LATEST:
            continue
        place = who_says(review.docs[_FILE], review.at_source(source.name), source.type, "active")
        says = f"{source.name} is off season and no season follows: it is never watched again."
        remedy = "months or dates without a year, which recur; or remove the source"
        review.warn(_FILE, (*place, "active"), says, remedy)


def gates_that_no_one_watches(review: CheckContext) -> None:
    """A consumer waits for a source that is off season, or of which no rule notifies anyone."""
    now = int(review.now)
    for consumer, source, place in _uses(review):
        gap = off_season_at(source.active, now)
        if gap is not None and source.gate.tightened(consumer.policy).unknown == "block":
            says = f"{source.name} is {off_season_text(gap)}: its gate holds {consumer.name} until then."
            remedy = (
                f"widen `active` of {source.name}, take it out of {consumer.name}, or gate.unknown: allow on the source"
            )
            review.warn(_FILE, place, says, remedy)
        rules = effective_rules(source, review.rules)
        rolled_out = source.shadow_until is None or source.shadow_until <= now
        if rules and (not rolled_out or all(rule.shadow for rule in rules)):
            says = (
                f"Every rule of {source.name} is in shadow: its gate holds {consumer.name}, and no one is notified why."
            )
            review.warn(_FILE, place, says, "end its rollout, or shadow: false on source-down in alerts.yaml")


def _uses(review: CheckContext) -> Iterator[tuple[Consumer, Source, Place]]:
    """Each consumer with each source that it uses, and where that is written."""
    written = review.docs[_FILE].data.get("consumers", [])
    for index, entry in enumerate(written if isinstance(written, list) else ()):
        consumer = review.consumers.get(str(entry.get("name"))) if isinstance(entry, dict) else None
        for number, name in enumerate(consumer.sources if consumer is not None else ()):
            source = review.sources.get(name)
            if consumer is not None and source is not None:
                yield consumer, source, ("consumers", index, "sources", number)
