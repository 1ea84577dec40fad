"""Another code location, which has never heard of the monitor; some of its names are like ours."""

import dagster as dg

weeks = dg.StaticPartitionsDefinition(["2026-w1", "2026-w2", "2026-w3"])


@dg.asset(key=["reports", "pnl"], partitions_def=weeks)
def pnl() -> None: ...


@dg.op
def sum_up() -> None: ...


@dg.job
def nightly() -> None:
    sum_up()


week = dg.define_asset_job("week", selection=[pnl], partitions_def=weeks)
defs = dg.Definitions(assets=[pnl], jobs=[nightly, week])
