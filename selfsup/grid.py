"""The image and the grid of cells on which everything is learned."""

STRIDE = 3
"""Pixels per grid cell, along both axes."""

IMAGE_SIZE = 300
"""Pixels of an image, along both axes."""

GRID = IMAGE_SIZE // STRIDE
"""Cells of the grid, along both axes."""

MINIMUM_SUPERPIXEL = 200
"""Minimum size of a superpixel, in pixels of the image."""
