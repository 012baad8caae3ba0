"""The report of a study: what the models are worth, and how far that can be believed."""
