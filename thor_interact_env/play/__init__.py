"""A web page for touching a room by hand, alone or beside an agent. `python -m thor_interact_env.play`."""
