"""Visiting locations: an agent touches points, in this process or in workers, and the results are
recorded."""
