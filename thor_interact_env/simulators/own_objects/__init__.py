"""Objects of a user in the rooms of the embedded simulator: MJCF, GLB or OBJ files and a table."""
