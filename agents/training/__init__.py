"""What all agents that learn share: configuration, batches, updates, checkpoints and run folders."""
