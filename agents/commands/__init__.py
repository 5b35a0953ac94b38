"""Common parts of the command lines of the agents."""
