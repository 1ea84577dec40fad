"""A draft of one source from one observation: what was delivered, in; keys of an entry, each with its evidence, out."""
