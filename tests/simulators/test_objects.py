"""Every object type: size, mass, colliders, determinism."""

import numpy as np
import pytest

from thor_interact_env.simulators.mujoco.materials import PATTERNS, Material, texture
from thor_interact_env.simulators.mujoco.objects.catalog import CATALOG, SIZE_VARIATION, build

SEEDS = range(6)


def collider_corners(collider):
    """Return the extreme heights and radii of a collider, ignoring its (rare) tilt."""
    half = np.array(collider.size, float)
    if collider.kind in ("cylinder", "capsule"):
        half = np.array([collider.size[0], collider.size[0], collider.size[1]])
    elif collider.kind == "sphere":
        half = np.full(3, collider.size[0])
    return np.asarray(collider.position) - half, np.asarray(collider.position) + half


def test_the_catalog_is_large_and_covers_every_room_type():
    assert len(CATALOG) >= 40
    for room in ("kitchen", "living_room", "bedroom", "bathroom"):
        assert sum(room in found.rooms for found in CATALOG.values()) >= 8
    assert {"light", "medium", "heavy"} == {
        "light" if found.mass < 0.5 else "medium" if found.mass < 2 else "heavy" for found in CATALOG.values()
    }


@pytest.mark.parametrize("name", CATALOG)
def test_instances_have_the_size_and_mass_of_their_type(name):
    found = CATALOG[name]
    extents = []
    for seed in SEEDS:
        blueprint = build(name, np.random.default_rng(seed))
        low, high = blueprint.bounds()
        extents.append(high - low)
        assert blueprint.mass == found.mass
        assert abs(low[2]) < 1e-3, "it stands on the ground"
    ratio = np.median(extents, axis=0) / np.asarray(found.size)
    assert np.all(np.abs(ratio - 1) < 0.16)
    assert np.all(np.abs(np.asarray(extents) / found.size - 1) < SIZE_VARIATION + 0.16)


@pytest.mark.parametrize("name", CATALOG)
def test_colliders_stand_on_the_ground_inside_what_is_seen(name):
    for seed in SEEDS:
        blueprint = build(name, np.random.default_rng(seed))
        low, high = blueprint.bounds()
        corners = [
            collider_corners(collider) for collider in blueprint.colliders if not any(collider.rotation)
        ]
        assert corners
        assert abs(min(lowest[2] for lowest, _ in corners)) < 2e-3
        for lowest, highest in corners:
            assert np.all(lowest > low - 0.02) and np.all(highest < high + 0.02)
        for surface in blueprint.surfaces:
            assert low[2] < surface.center[2] <= high[2] + 1e-6


@pytest.mark.parametrize("name", CATALOG)
def test_an_instance_is_a_pure_function_of_its_seed(name):
    first, again = (build(name, np.random.default_rng(3)) for _ in range(2))
    other = build(name, np.random.default_rng(4))
    assert len(first.visuals) == len(again.visuals)
    for one, two in zip(first.visuals, again.visuals, strict=True):
        assert one.material == two.material
        assert np.array_equal(one.mesh.vertices, two.mesh.vertices)
    assert any(
        one.material != two.material or one.mesh.vertices.shape != two.mesh.vertices.shape
        for one, two in zip(first.visuals, other.visuals, strict=False)
    ) or not np.allclose(first.bounds(), other.bounds())


@pytest.mark.parametrize("name", CATALOG)
def test_meshes_are_sound(name):
    for visual in build(name, np.random.default_rng(1)).visuals:
        mesh = visual.mesh
        assert np.isfinite(mesh.vertices).all() and np.isfinite(mesh.uv).all()
        assert len(mesh.uv) == len(mesh.vertices)
        assert mesh.faces.min() >= 0 and mesh.faces.max() < len(mesh.vertices)


def test_unknown_types_and_patterns_are_refused():
    with pytest.raises(KeyError, match="Spaceship"):
        build("Spaceship", np.random.default_rng(0))
    with pytest.raises(ValueError, match="tartan"):
        texture(Material(pattern="tartan"))


@pytest.mark.parametrize("pattern", PATTERNS)
def test_textures_are_deterministic_and_not_flat(pattern):
    material = Material(pattern, ((0.8, 0.2, 0.2), (0.1, 0.1, 0.6)), seed=5)
    painted = texture(material)
    assert np.array_equal(painted, texture(material))
    assert painted.std() > 1
