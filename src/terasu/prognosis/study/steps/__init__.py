"""What is done to features before a model sees them, each fitted on training rows only."""
