"""Visiting locations: an agent touches points, here or in workers, and the results are recorded."""
