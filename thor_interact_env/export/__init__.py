"""Rooms of the embedded world as MJCF: `python -m thor_interact_env.export FloorPlan1 --out scenes`."""
