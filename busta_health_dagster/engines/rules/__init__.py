"""Rules: what the store's windows say about a source, as verdicts with their reasons. Concepts: docs/alerts.md."""

from busta_health_dagster.engines.rules.asset_checks import (
    ANOMALY_CHECK,
    CHECKS,
    anomaly_check,
    check_verdicts,
    decidable_checks,
    failure_check,
    quality_check,
    quality_limit,
)
from busta_health_dagster.engines.rules.catalog_colour import painted
from busta_health_dagster.engines.rules.compile import (
    Inputs,
    SourceRules,
    evaluate,
    evaluate_rules,
    rules_for,
    survey,
)
from busta_health_dagster.engines.rules.external import INSTANCE_PATTERNS, evaluate_external
from busta_health_dagster.engines.rules.limits import classify, effective, effective_rules, limits_for, rolled_out
from busta_health_dagster.engines.rules.needs import Needs
from busta_health_dagster.engines.rules.window import SourceWindow
from busta_health_dagster.engines.rules.window_state import to_state

__all__ = [
    "ANOMALY_CHECK",
    "CHECKS",
    "INSTANCE_PATTERNS",
    "Inputs",
    "Needs",
    "SourceRules",
    "SourceWindow",
    "anomaly_check",
    "check_verdicts",
    "classify",
    "decidable_checks",
    "effective",
    "effective_rules",
    "evaluate",
    "evaluate_external",
    "evaluate_rules",
    "failure_check",
    "limits_for",
    "painted",
    "quality_check",
    "quality_limit",
    "rolled_out",
    "rules_for",
    "survey",
    "to_state",
]
