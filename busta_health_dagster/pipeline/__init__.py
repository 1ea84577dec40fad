"""Use cases, one per file: read, decide, write. The only room that both looks and acts."""
