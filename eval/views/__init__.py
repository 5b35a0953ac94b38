"""Held-out views with their ground truth."""
