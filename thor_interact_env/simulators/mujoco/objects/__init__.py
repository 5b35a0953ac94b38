"""Object types: one small builder each, grouped by family; the facts about them are in `catalog`.

A builder takes a random generator and full extents (x, y, z) in metres and returns a `Blueprint` of
that size.
"""
