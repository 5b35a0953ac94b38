"""What the command lines of the agents share."""
