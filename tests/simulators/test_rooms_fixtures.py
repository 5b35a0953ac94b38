"""Fixtures and furniture fill their sizes and stand on the ground."""

import numpy as np
import pytest

from thor_interact_env.simulators.mujoco.objects.catalog import CATALOG
from thor_interact_env.simulators.mujoco.objects.fixtures import bathroom as fixtures_bathroom
from thor_interact_env.simulators.mujoco.objects.fixtures import common as fixtures
from thor_interact_env.simulators.mujoco.objects.fixtures import kitchen as fixtures_kitchen
from thor_interact_env.simulators.mujoco.objects.fixtures import storage as fixtures_storage
from thor_interact_env.simulators.mujoco.rooms.layout import bounds


def test_furniture_fills_its_size_and_stands_on_the_ground(subtests):
    for name, kind in CATALOG.items():
        if not kind.pickupable:
            with subtests.test(type=name):
                for seed in range(10):
                    check(kind.builder(np.random.default_rng(seed), kind.size), kind.size)


PIECES = {
    "blinds": (1.035, 0.03, 0.2),
    "curtains": (1.6, 0.1, 2.0),
    "door": (0.9, 0.1, 2.05),
    "light_switch": (0.121, 0.025, 0.154),
    "mirror": (0.7, 0.04, 0.9),
    "painting": (0.7, 0.04, 0.6),
    "poster": (0.5, 0.008, 0.7),
    "rug": (2.0, 1.4, 0.012),
    "shelf": (0.8, 0.22, 0.2),
    "skirting": (2.0, 0.01, 0.08),
    "wainscot": (2.0, 0.01, 0.8),
    "window": (1.2, 0.08, 1.1),
}


def test_pieces_fill_their_size(subtests):
    for name, size in PIECES.items():
        with subtests.test(piece=name):
            below = 1.01 * fixtures.CURTAIN_LIFT if name == "curtains" else 0.0
            for seed in range(10):
                made = getattr(fixtures, name)(np.random.default_rng(seed), size)
                check(made, size, most=5, below=below)


UNITS = {
    "counter": (fixtures_kitchen, (1.0, 0.62, 0.9), "CounterTop Cabinet Drawer"),
    "sink_counter": (fixtures_kitchen, (0.9, 0.62, 1.12), "CounterTop Cabinet Sink SinkBasin Faucet"),
    "sink_vanity": (fixtures_kitchen, (0.9, 0.52, 1.07), "CounterTop Cabinet Sink SinkBasin Faucet"),
    "upper_cabinets": (fixtures_kitchen, (0.9, 0.35, 0.7), "Cabinet"),
    "fridge": (fixtures_kitchen, (0.8, 0.7, 1.8), "Fridge"),
    "stove": (fixtures_kitchen, (0.6, 0.64, 0.9), "StoveBurner StoveKnob"),
    "bathtub": (fixtures_bathroom, (1.6, 0.75, 0.7), "Bathtub BathtubBasin Faucet"),
    "shower_head": (fixtures_bathroom, (0.12, 0.253, 1.003), "ShowerHead"),
    "toilet": (fixtures_bathroom, (0.46, 0.7, 0.9), "Toilet"),
    "paper_hanger": (fixtures_bathroom, (0.227, 0.113, 0.083), "ToiletPaperHanger"),
    "towel_holder": (fixtures_bathroom, (0.659, 0.24, 0.16), "TowelHolder"),
    "hand_towel_holder": (fixtures_bathroom, (0.171, 0.049, 0.21), "HandTowelHolder"),
    "bookcase": (fixtures_storage, (0.8, 0.3, 1.6), "Shelf"),
    "sideboard": (fixtures_storage, (1.2, 0.42, 0.9), "Shelf Cabinet Drawer"),
}


def test_units_have_named_parts_inside_their_size(subtests):
    for name, (module, size, types) in UNITS.items():
        with subtests.test(unit=name):
            for seed in range(6):
                unit = getattr(module, name)(np.random.default_rng(seed), size)
                assert set(types.split()) <= {part for part, _ in unit}
                inside(unit, size, slack=0.13 if name == "bathtub" else 0.012)


@pytest.mark.parametrize("side", [-1, 1])
def test_a_shower_cabin_has_its_glass_away_from_the_corner(side):
    size = (0.9, 0.85, 2.0)
    unit = fixtures_bathroom.shower_cabin(np.random.default_rng(0), size, side)
    inside(unit, size, 0.05)
    low, high = dict(unit)["ShowerGlass"].bounds()
    assert np.sign(low[0]) == np.sign(high[0]) == side
    assert dict(unit)["ShowerDoor"].bounds()[1][1] < 0


def test_a_drawn_curtain_hangs_before_the_tub():
    unit = fixtures_bathroom.bathtub(np.random.default_rng(0), (1.6, 0.75, 0.55), curtain=True)
    parts = dict(unit)
    assert parts["ShowerCurtain"].bounds()[1][1] <= parts["Bathtub"].bounds()[0][1] + 0.001


def inside(unit, size, slack):
    low, high = bounds(unit)
    half = np.array(size[:2]) / 2
    assert np.all(low[:2] >= -half - slack) and np.all(high[:2] <= half + slack)
    assert np.all(high[:2] - low[:2] > 0.8 * 2 * half) and low[2] >= -1e-9 and high[2] <= size[2] + slack
    for _, blueprint in unit:
        check_solid(blueprint, size[2])


def check(made, size, most=4, below=0.0):
    low, high = made.bounds()
    assert np.allclose(high - low, size) and abs(low[2]) < 1e-9
    assert len(made.visuals) <= most
    check_solid(made, size[2], below)


def lowest(collider):
    return collider.position[2] - collider.size[2 if collider.kind == "box" else 1]


def check_solid(made, high, below=0.0):
    for collider in made.colliders:
        assert lowest(collider) + below > -1e-6 and min(collider.size[:2]) > 0.001
    for surface in made.surfaces:
        assert surface.clearance > 0.05 and surface.center[2] <= high + 1e-3
