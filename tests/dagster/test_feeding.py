"""When what a source feeds was built, asked of a real instance."""

from __future__ import annotations

import time

import dagster as dg

from busta_health_dagster.web.asset_materializations import last_materialized


def test_the_last_materialization_of_every_name_comes_in_one_answer() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        ask = last_materialized(instance)
        assert ask([]) == {}
        assert ask(["models/moneyline"]) == {}, "a name that Dagster has never heard of is no one's asset"
        before = time.time()
        for _ in range(2):
            instance.report_runless_asset_event(dg.AssetMaterialization(dg.AssetKey(["models", "moneyline"])))
        instance.report_runless_asset_event(dg.AssetObservation(dg.AssetKey(["models", "seen"])))
        found = ask(["models/moneyline", "models/seen", "features/other"])
        assert set(found) >= {"models/moneyline"}
        assert "features/other" not in found
        assert found.get("models/seen") is None, "observed is not built"
        built = found["models/moneyline"]
        assert built is not None
        assert before - 1 <= built.timestamp() <= time.time()
        assert built.tzinfo is not None
