"""`python -m busta_health_dagster.cli` is `busta`."""

from busta_health_dagster.cli.main import main

main()
