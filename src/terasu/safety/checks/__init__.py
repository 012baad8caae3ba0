"""One file a question that a physicist asks of the case; each takes what it needs and returns findings."""
