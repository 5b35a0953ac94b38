"""Visiting locations: an agent touches points, here or on many workers, and what it taught is recorded."""
