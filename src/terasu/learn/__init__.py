"""Training: prepared cases, one loop, checkpoints with their card, jobs."""
