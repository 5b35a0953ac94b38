"""Common parts of all agents that learn: configuration, batches, updates, checkpoints, run folders."""
