"""Images of what an agent sees in a view."""
