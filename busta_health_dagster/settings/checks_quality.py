"""What the doctor knows of `quality:`: suites that are not there, comparisons with no one, scores that never come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from busta_health_dagster.wording.lists import listed
from busta_health_dagster.wording.suggestions import near

if TYPE_CHECKING:
    from busta_health_dagster.settings.check_context import CheckContext

_SUITES = frozenset({".json", ".yaml", ".yml"})


def missing_suites(review: CheckContext) -> None:
    """A suite that is named and not there: the source's quality would never be scored. All of them: once for all."""
    folder = review.expectations
    there = {path.stem for path in folder.iterdir() if path.suffix in _SUITES} if folder.is_dir() else set()
    named = [s for s in review.sources.values() if s.quality is not None and s.quality.suite is not None]
    if named and not there:
        state = "is empty of suites" if folder.is_dir() else "is not there"
        says = f"{folder} {state}: the quality of {listed(s.name for s in named)} is not scored."
        remedy = (
            f"put the suites into {folder} (in the repository: expectations/), or write them with busta quality suggest"
        )
        review.warn("sources.yaml", review.at_source(named[0].name, "quality", "suite"), says, remedy)
        return
    for source in named:
        suite = source.quality.suite if source.quality else None
        if suite is not None and suite not in there and not (folder / suite).is_file():
            guess = near(suite, there) or f"one of {', '.join(sorted(there))}"
            says = f"There is no suite {suite!r} in {folder}: the quality of {source.name} is not scored."
            review.warn("sources.yaml", review.at_source(source.name, "quality", "suite"), says, f"suite: {guess}")


def lonely_reconciliations(review: CheckContext) -> None:
    """A comparison with a source that there is not, with itself, or of a column that no one can tell apart."""
    for source in review.sources.values():
        spec = source.quality.reconcile if source.quality is not None else None
        if spec is None:
            continue
        place = review.at_source(source.name, "quality", "reconcile")
        if spec.other == source.name:
            says = f"{source.name} is compared with itself, which always agrees."
            review.found.add(review.docs["sources.yaml"], (*place, "with"), says, "with: the other source")
        elif spec.other not in review.sources:
            says = f"There is no source {spec.other!r} to compare {source.name} with."
            meant_ = near(spec.other, review.sources) or "the name of a source"
            review.found.add(review.docs["sources.yaml"], (*place, "with"), says, f"with: {meant_}")
        elif review.sources[spec.other].quality is None:
            says = f"{spec.other} has no `quality`, so that none of its records are kept to compare {source.name} with."
            review.found.add(
                review.docs["sources.yaml"], (*place, "with"), says, f"quality: {{suite: ...}} on {spec.other}"
            )
        for column in spec.tolerance.keys() - set(spec.compare):
            says = f"A tolerance for {column}, which is not compared."
            review.found.add(review.docs["sources.yaml"], (*place, "tolerance"), says, f"compare: [{column}]")


def half_a_quality(review: CheckContext) -> None:
    """A `quality:` by which nothing can be scored, or a validator whose scale is open: 0.93 may be good or a disaster."""
    for source in review.sources.values():
        quality = source.quality
        if quality is None:
            continue
        if not quality.evaluated_by:
            says = (
                f"`quality` names no suite, no validator and no dbt tests: the quality of {source.name} is not scored."
            )
            review.warn("sources.yaml", review.at_source(source.name, "quality"), says, "suite: NAME")
        elif quality.validator is not None and quality.validator_scale is None:
            says = f"A validator needs `validator_scale`, else the quality of {source.name} is not scored."
            at = review.at_source(source.name, "quality", "validator")
            review.warn("sources.yaml", at, says, "validator_scale: 1, or validator_scale: 100")
