"""One ASGI application behind one door: Dagster's UI and GraphQL, the page, REST, metrics. Thin: the pipeline does the
work.
"""
