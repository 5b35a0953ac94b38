"""Every object type: colliders, meshes, determinism."""

import numpy as np
import pytest

from thor_interact_env.simulators.mujoco.materials import Material, texture
from thor_interact_env.simulators.mujoco.objects.catalog import CATALOG, build
from thor_interact_env.simulators.mujoco.objects.facts import FACTS, OWN_BOXES, ROOMS

SEEDS = range(6)


def collider_corners(collider):
    """Return the extreme heights and radii of a collider, ignoring its (rare) tilt."""
    half = np.array(collider.size, float)
    if collider.kind == "cylinder":
        half = np.array([collider.size[0], collider.size[0], collider.size[1]])
    elif collider.kind == "capsule":
        half = np.array([collider.size[0], collider.size[0], collider.size[1] + collider.size[0]])
    elif collider.kind == "sphere":
        half = np.full(3, collider.size[0])
    return np.asarray(collider.position) - half, np.asarray(collider.position) + half


def test_the_catalog_has_every_movable_type_of_ithor():
    assert len(CATALOG) == 90
    assert set(CATALOG) == set(FACTS)
    for room in ROOMS:
        assert sum(room in found.rooms for found in CATALOG.values()) >= 8
    assert {"light", "medium", "heavy"} == {
        "light" if found.mass < 0.5 else "medium" if found.mass < 2 else "heavy" for found in CATALOG.values()
    }


def test_expected_numbers_split_all_instances_over_the_rooms_that_have_them():
    chair = CATALOG["Chair"].rooms  # 122 chairs in 12 kitchens, 20 living rooms and 22 bedrooms.
    assert set(chair) == {"kitchen", "living_room", "bedroom"}
    assert 30 * sum(chair.values()) == pytest.approx(122)
    assert chair["kitchen"] / chair["bedroom"] == pytest.approx(12 / 22)
    assert CATALOG["ToiletPaper"].rooms == {"bathroom": pytest.approx(2.0)}


def test_exceptions_from_the_boxes_are_few_and_no_larger_than_them():
    assert len(OWN_BOXES) <= 10
    for name, own in OWN_BOXES.items():
        assert list(own) == sorted(own, reverse=True)
        assert all(side <= box for side, box in zip(own, FACTS[name].box, strict=True))
        assert own[0] == FACTS[name].box[0], "only widths are read anew"
    for name, facts in FACTS.items():
        assert list(facts.box) == sorted(facts.box, reverse=True)
        assert sorted(facts.size, reverse=True) == list(OWN_BOXES.get(name, facts.box))


def test_colliders_stand_on_the_ground_inside_what_is_seen(subtests):
    for name in CATALOG:
        with subtests.test(type=name):
            for seed in SEEDS:
                check_colliders(build(name, np.random.default_rng(seed)))


def check_colliders(blueprint):
    low, high = blueprint.bounds()
    corners = [collider_corners(collider) for collider in blueprint.colliders if not any(collider.rotation)]
    assert corners
    assert abs(min(lowest[2] for lowest, _ in corners)) < 2e-3
    for lowest, highest in corners:
        assert np.all(lowest > low - 0.02) and np.all(highest < high + 0.02)
    for surface in blueprint.surfaces:
        assert low[2] < surface.center[2] <= high[2] + 1e-6


def test_an_instance_is_a_pure_function_of_its_seed(subtests):
    for name in CATALOG:
        with subtests.test(type=name):
            first, again, other = (build(name, np.random.default_rng(seed)) for seed in (3, 3, 4))
            assert len(first.visuals) == len(again.visuals)
            for one, two in zip(first.visuals, again.visuals, strict=True):
                assert one.material == two.material
                assert np.array_equal(one.mesh.vertices, two.mesh.vertices)
            assert any(
                one.material != two.material or one.mesh.vertices.shape != two.mesh.vertices.shape
                for one, two in zip(first.visuals, other.visuals, strict=False)
            ) or not np.allclose(first.bounds(), other.bounds())


def test_meshes_are_sound(subtests):
    for name in CATALOG:
        with subtests.test(type=name):
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
