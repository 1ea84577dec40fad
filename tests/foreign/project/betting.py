"""A betting project of somebody else's, with the monitor merged in: what docs/into-your-dagster.md and docs/gate.md tell to write."""

import dagster as dg

from busta_health_dagster.gate import HealthGate, gated_sensor
from busta_health_dagster.integration import build_defs, with_sources


@dg.asset(
    key=["models", "moneyline"],
    owners=["team:quants"],
    automation_condition=dg.AutomationCondition.eager() & dg.AutomationCondition.all_deps_blocking_checks_passed(),
)
def moneyline() -> None:
    """`feeds: [models/moneyline]` makes it depend on the odds."""


@dg.op(retry_policy=dg.RetryPolicy(max_retries=2))
def place(gate: HealthGate) -> None:
    gate.require("odds_api")


@dg.job(resource_defs={"gate": HealthGate()})
def place_bets() -> None:
    place()


bets = gated_sensor(place_bets, cron="* * * * *", sources=["odds_api"], hold_for="20m", every_s=5)
automation = dg.AutomationConditionSensorDefinition(
    "automation",
    target=dg.AssetSelection.assets(["models", "moneyline"]),
    minimum_interval_seconds=5,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
one_step_at_a_time = dg.multiprocess_executor.configured({"max_concurrent": 1}, name="one_step_at_a_time")
defs = dg.Definitions.merge(
    build_defs(),
    with_sources(
        dg.Definitions(assets=[moneyline], jobs=[place_bets], sensors=[bets, automation], executor=one_step_at_a_time)
    ),
)
