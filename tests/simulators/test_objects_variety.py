"""Instances of one type have its size and mass, differ visibly, and are cheap to draw and to simulate."""

from typing import Any

import numpy as np
import pytest

from thor_interact_env.simulators.mujoco.objects.catalog import CATALOG, SIZE_VARIATION, build
from thor_interact_env.simulators.mujoco.objects.facts import FACTS, OWN_BOXES

SEEDS = range(24)
MINIMUM_DIFFERENT = 20
HERO_TRIANGLES, HERO_COLLIDERS = 1500, 10
FIXED_SHAPES = {"CD", "CreditCard", "Newspaper"}
"""Types whose instances have one shape; what is printed on them carries the difference."""


@pytest.fixture(scope="module")
def instances():
    """Return 24 instances of each type, by its name."""
    return {name: [build(name, np.random.default_rng(seed)) for seed in SEEDS] for name in sorted(CATALOG)}


def triangles(blueprint):
    """Return centres in the unit box and areas of all triangles: the shape without its size."""
    low, high = blueprint.bounds()
    corners = np.concatenate([visual.mesh.vertices[visual.mesh.faces] for visual in blueprint.visuals])
    corners = (corners - low) / (high - low)
    sides = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return corners.mean(axis=1), np.linalg.norm(np.cross(*sides), axis=1) / 2


def shape(blueprint, bins=16):
    """Return how the surface is spread along x, y and z of the unit box, (3, bins), each row of sum 1."""
    centres, areas = triangles(blueprint)
    spread = [np.histogram(centres[:, axis], bins, (0, 1), weights=areas)[0] for axis in range(3)]
    return np.array(spread) / areas.sum()


def has_other_shape(one, two):
    """Return whether at least a fiftieth of the surface lies elsewhere along an axis."""
    return 0.5 * np.abs(one - two).sum(axis=1).max() > 0.02


def colours(blueprint):
    """Return base and second colour of every material, and the pattern, of each visual by its area."""
    found = []
    for visual in blueprint.visuals:
        corners = visual.mesh.vertices[visual.mesh.faces]
        area = np.linalg.norm(
            np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
        ).sum()
        found.append((float(area), visual.material.pattern, np.asarray(visual.material.colours)))
    total = sum(area for area, _, _ in found)
    return [(area / total, pattern, both) for area, pattern, both in found]


def looks_different(one, two):
    """Return whether parts that cover at least a tenth of the surface have another pattern or colour."""
    large_one, large_two = ([part for part in parts if part[0] >= 0.1] for parts in (one, two))
    if len(large_one) != len(large_two):
        return True
    return any(
        first[1] != second[1] or np.abs(first[2] - second[2]).max() > 0.03
        for first, second in zip(large_one, large_two, strict=True)
    )


def most_different(items, differ):
    """Return the size of a greedily chosen set of items that all differ from each other."""
    chosen: list[Any] = []
    for item in items:
        if all(differ(item, other) for other in chosen):
            chosen.append(item)
    return len(chosen)


def test_instances_have_the_box_and_mass_of_their_type(instances, subtests):
    for name, blueprints in instances.items():
        with subtests.test(type=name):
            extents = []
            for blueprint in blueprints:
                low, high = blueprint.bounds()
                extents.append(high - low)
                assert blueprint.mass == FACTS[name].mass
                assert abs(low[2]) < 1e-3, "it stands on the ground"
            sides = np.median(-np.sort(-np.asarray(extents), axis=1), axis=0)
            assert sides == pytest.approx(OWN_BOXES.get(name, FACTS[name].box), rel=0.15)
            assert np.all(np.abs(np.asarray(extents) / CATALOG[name].size - 1) < SIZE_VARIATION + 0.1)


def test_instances_have_different_shapes(instances):
    different = {
        name: most_different([shape(blueprint) for blueprint in blueprints], has_other_shape)
        for name, blueprints in instances.items()
        if name not in FIXED_SHAPES
    }
    alike = {name: count for name, count in different.items() if count < MINIMUM_DIFFERENT}
    assert not alike, f"fewer than {MINIMUM_DIFFERENT} of {len(SEEDS)} instances differ: {alike}"


def test_instances_have_different_colours(instances):
    different = {
        name: most_different([colours(blueprint) for blueprint in blueprints], looks_different)
        for name, blueprints in instances.items()
    }
    alike = {name: count for name, count in different.items() if count < MINIMUM_DIFFERENT}
    assert not alike, f"fewer than {MINIMUM_DIFFERENT} of {len(SEEDS)} instances differ: {alike}"


def test_the_measures_tell_equal_from_different_instances():
    one, again = (build("Mug", np.random.default_rng(1)) for _ in range(2))
    assert not has_other_shape(shape(one), shape(again))
    assert not looks_different(colours(one), colours(again))
    larger = build("Mug", np.random.default_rng(1))
    stretched = [visual.mesh.scaled((1.1, 1.2, 0.9)) for visual in larger.visuals]
    for visual, mesh in zip(larger.visuals, stretched, strict=True):
        object.__setattr__(visual, "mesh", mesh)
    assert np.allclose(triangles(one)[0], triangles(larger)[0]), "size alone is not another shape"
    assert looks_different(colours(one), colours(build("Mug", np.random.default_rng(2))))


def test_instances_are_cheap(instances, subtests):
    for name, blueprints in instances.items():
        with subtests.test(type=name):
            faces = [sum(len(visual.mesh.faces) for visual in blueprint.visuals) for blueprint in blueprints]
            assert max(faces) <= HERO_TRIANGLES
            assert max(len(blueprint.colliders) for blueprint in blueprints) <= HERO_COLLIDERS
            assert max(len({visual.material for visual in one.visuals}) for one in blueprints) <= 5


def test_most_types_are_cheaper_still(instances):
    one_each = [blueprints[0] for blueprints in instances.values()]
    assert np.median([len(blueprint.colliders) for blueprint in one_each]) <= 4
    faces = [sum(len(visual.mesh.faces) for visual in blueprint.visuals) for blueprint in one_each]
    assert np.median(faces) <= 400
