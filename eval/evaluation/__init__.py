"""An agent on held-out views: scores, touches, tables."""
