"""Meshes: closed, counter-clockwise seen from outside, as large as asked for, wherever they stand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thor_interact_env.simulators.mujoco.shapes import (
    Mesh,
    arc,
    box,
    cylinder,
    ellipsoid,
    extrude,
    lathe,
    rod,
)

lengths = st.floats(0.01, 2.0)
places = st.tuples(*[st.floats(-3.0, 3.0)] * 3)
corners = st.integers(3, 24)


def volume(mesh: Mesh, seen_from=(0.0, 0.0, 0.0)) -> float:
    """Return the signed volume; for a closed mesh it does not depend on where it is seen from."""
    a, b, c = (mesh.vertices[mesh.faces[:, corner]] - np.asarray(seen_from) for corner in range(3))
    return float(np.einsum("ni,ni->n", a, np.cross(b, c)).sum() / 6)


def polygon(corners: int) -> float:
    """Return the area of a section of radius 1: a regular polygon in a circle, or the square around it."""
    return 4.0 if corners == 4 else corners / 2 * np.sin(2 * np.pi / corners)


def is_closed_and_of(mesh: Mesh, expected: float) -> bool:
    return all(
        volume(mesh, eye) == pytest.approx(expected, rel=1e-6, abs=1e-9) for eye in ((0, 0, 0), (3, -2, 5))
    )


@given(st.tuples(lengths, lengths, lengths), places)
def test_a_box_has_its_volume(size, center):
    assert is_closed_and_of(box(size, center), np.prod(size))


@given(lengths, lengths, places, corners)
def test_a_cylinder_is_a_prism_over_a_polygon(radius, height, base, segments):
    mesh = cylinder(radius, height, base, segments)
    assert is_closed_and_of(mesh, radius**2 * polygon(segments) * height)
    assert mesh.vertices[:, 2].min() == pytest.approx(base[2])


@given(places, places, st.floats(0.01, 0.2), corners)
def test_a_rod_is_a_prism_from_start_to_end(start, end, radius, segments):
    length = np.linalg.norm(np.subtract(end, start))
    if length < 0.01:
        return
    assert is_closed_and_of(rod(start, end, radius, segments), radius**2 * polygon(segments) * length)


@given(st.tuples(lengths, lengths, lengths), places)
def test_an_ellipsoid_nears_its_volume_from_below(radii, center):
    coarse, fine = (ellipsoid(radii, center, segments) for segments in (12, 96))
    whole = 4 / 3 * np.pi * np.prod(radii)
    assert 0.85 * whole < volume(coarse, center) < volume(fine, center) < whole
    assert volume(fine, center) == pytest.approx(whole, rel=0.01)
    assert is_closed_and_of(fine, volume(fine, center))


@given(lengths, st.floats(0.05, 0.9), st.floats(-3, 3), st.floats(0.2, 2 * np.pi), st.integers(3, 12))
def test_an_arc_is_closed_and_nears_the_volume_of_a_bent_bar(radius, fraction, start, bend, sides):
    thickness = fraction * radius
    mesh = arc((1, -2, 3), radius, start, start + bend, thickness, segments=96, sides=sides)
    assert is_closed_and_of(mesh, volume(mesh))
    # Pappus: the section's area times the path of its centroid.
    assert volume(mesh) == pytest.approx(thickness**2 * polygon(sides) * bend * radius, rel=0.01)
    reach = np.linalg.norm((mesh.vertices - [1, -2, 3])[:, [0, 2]], axis=1)
    assert reach.max() <= radius + thickness + 1e-9


@given(st.lists(lengths, min_size=3, max_size=9), lengths)
def test_an_extruded_outline_is_a_prism(radii, height):
    angles = np.linspace(0, 2 * np.pi, len(radii), endpoint=False)
    outline = 1.0 + 0.01 * np.asarray(radii)
    x, y = outline * np.cos(angles), outline * np.sin(angles)
    area = 0.5 * float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
    assert is_closed_and_of(extrude(np.column_stack([x, y]), height), area * height)


def test_a_lathe_closes_where_its_profile_touches_the_axis():
    cone = lathe([(0, 0), (1, 0), (0, 3)], 32)
    assert is_closed_and_of(cone, polygon(32))
    hat = lathe([(1, 0), (0, 3)], 32)
    assert not is_closed_and_of(hat, volume(hat))


def test_shared_arrays_cannot_be_written_to():
    """All boxes, and all round shapes of as many corners, share some of their arrays."""
    with pytest.raises(ValueError, match="read-only"):
        box((1, 1, 1)).faces[0] = 0
    with pytest.raises(ValueError, match="read-only"):
        ellipsoid((1, 1, 1)).faces[0] = 0
