"""`busta`: a thin face over the pipeline and the store. Must start without dagster, pandas or great_expectations."""
