"""Procedural textures: pure functions of the material, varied by seed, without a seam where they repeat."""

import numpy as np

from thor_interact_env.simulators.mujoco.materials import PATTERNS, TEXTURE_SIZE, Material, texture

COLOURS = ((0.8, 0.6, 0.4), (0.3, 0.2, 0.1))


def painted(pattern, seed):
    return texture(Material(pattern, COLOURS, seed=seed))


def test_a_texture_is_a_function_of_its_material(subtests):
    for pattern in PATTERNS:
        with subtests.test(pattern=pattern):
            first, second = painted(pattern, 1), painted(pattern, 2)
            assert first.shape == (TEXTURE_SIZE, TEXTURE_SIZE, 3) and first.dtype == np.uint8
            assert np.array_equal(first, painted(pattern, 1))
            assert not np.array_equal(first, second)


def test_both_colours_bound_what_is_painted(subtests):
    low, high = np.array(COLOURS[1]) * 255 - 1, np.array(COLOURS[0]) * 255
    for pattern in PATTERNS:
        with subtests.test(pattern=pattern):
            for seed in range(4):
                colours = painted(pattern, seed).reshape(-1, 3)
                assert (colours >= low).all() and (colours <= high).all()
                assert np.ptp(colours, axis=0).min() > 3  # not one flat colour


def test_a_texture_has_no_seam(subtests):
    for pattern in ("plain", "speckle", "wood", "marble", "fabric", "leaves", "brushed"):
        with subtests.test(pattern=pattern):
            for seed in range(4):
                shown = painted(pattern, seed).astype(int)
                for axis in (0, 1):
                    inside = np.abs(np.diff(shown, axis=axis)).mean(axis=(1 - axis, 2))
                    seam = np.abs(shown.take(0, axis) - shown.take(-1, axis)).mean()
                    assert seam <= inside.max() + 1


def test_floors_and_walls_come_in_several_layouts():
    """Seeds choose between boards and parquet, and between plain, shifted and two-coloured tiles."""
    for pattern, minimum in (("planks", 3), ("tiles", 2)):
        dark = [(painted(pattern, seed).mean(axis=2) < 80).mean(axis=1).round(1) for seed in range(24)]
        assert len({tuple(rows) for rows in dark}) >= minimum
