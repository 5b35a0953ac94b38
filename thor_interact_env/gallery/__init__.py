"""Images of rooms and object types. `python -m thor_interact_env.gallery`."""
