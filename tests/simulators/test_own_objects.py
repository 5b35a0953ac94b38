"""Objects of a folder: axes, sizes, colliders, masses, and their place in a room."""

import sys
from pathlib import Path

import numpy as np
import pytest
from gymnasium.error import DependencyNotInstalled
from own_object_files import CUBE, LAMP, folder_of, model_of, striped_board
from scipy.spatial import Delaunay

from thor_interact_env.errors import InvalidOptionError
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.mjcf.simulator import MjcfSimulator
from thor_interact_env.simulators.mujoco.materials import texture
from thor_interact_env.simulators.mujoco.objects.facts import FACTS
from thor_interact_env.simulators.mujoco.rooms.plan import plan_room, spawn
from thor_interact_env.simulators.mujoco.shapes import Hull, Mesh, Visual, ellipsoid
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator
from thor_interact_env.simulators.own_objects import reduction
from thor_interact_env.simulators.own_objects.appearance import MAXIMUM_SIDE, image_material, plain_material
from thor_interact_env.simulators.own_objects.decomposition import decompose
from thor_interact_env.simulators.own_objects.identifiers import is_own
from thor_interact_env.simulators.own_objects.making import OwnObject, collider_bounds, make_object
from thor_interact_env.simulators.own_objects.rooms import with_objects
from thor_interact_env.simulators.own_objects.table import read_table

ROOM = "FloorPlan426"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("THOR_INTERACT_CACHE", str(tmp_path / "cache"))


def made(folder: Path) -> list[OwnObject]:
    return [make_object(entry) for entry in read_table(folder)]


def lamps(folder: Path, rows: str = "lamp.xml,Lamp,0.7,CounterTop,0.15,,,\n") -> Path:
    return folder_of(folder, rows, lamp_xml=LAMP)


def views_of(simulator: MujocoSimulator, room: str = ROOM, seed: int = 1):
    """Yield locations of a room, each loaded."""
    for position in simulator.reachable_positions(room, seed):
        for rotation in (0, 90, 180, 270):
            x, y, z = position.tolist()
            location = Location(room, (x, y, z), rotation, 30, seed)
            yield location, simulator.load(location)


def test_an_mjcf_object_has_the_height_and_mass_of_the_table_and_its_own_colliders(tmp_path):
    (lamp,) = made(lamps(tmp_path))
    low, high = lamp.blueprint.bounds()
    assert low == pytest.approx([-0.03, -0.03, 0]) and high == pytest.approx([0.03, 0.03, 0.15])
    assert lamp.blueprint.mass == 0.7
    cylinder, box = lamp.blueprint.colliders
    assert (cylinder.kind, box.kind) == ("cylinder", "box")
    assert cylinder.size[:2] == pytest.approx((0.03, 0.05)) and box.size == pytest.approx(
        (0.01, 0.015, 0.025)
    )
    assert cylinder.position == pytest.approx((0, 0, 0.05)) and box.position == pytest.approx((0, 0, 0.125))
    colours = {texture(visual.material)[0, 0].tobytes() for visual in lamp.blueprint.visuals}
    assert colours == {bytes((204, 51, 51)), bytes((51, 51, 204))}


def test_a_file_that_is_written_again_is_read_again(tmp_path):
    folder = folder_of(tmp_path, "cube.obj,Box,1,CounterTop,0.1,,z,\n", cube_obj=CUBE)
    (cube,), (again,) = made(folder), made(folder)
    assert cube is again
    (folder / "cube.obj").write_text(CUBE.replace("v 1 ", "v 2 "))
    (board,) = made(folder)
    assert board.blueprint.bounds()[1] == pytest.approx([0.1, 0.05, 0.1])
    assert cube.blueprint.bounds()[1] == pytest.approx([0.05, 0.05, 0.1])


@pytest.mark.parametrize("up", ["x", "-x", "y", "-y", "z", "-z"])
def test_the_axis_that_points_up_is_that_of_the_table(tmp_path, up):
    place = np.zeros(3)
    place["xyz".index(up[-1])] = -0.2 if up.startswith("-") else 0.2
    tip = f'<geom type="capsule" size="0.02 0.03" pos="{place[0]} {place[1]} {place[2]}"/>'
    model = model_of('<geom type="sphere" size="0.1"/>' + tip)
    (made_one,) = made(folder_of(tmp_path, f"a.xml,A,1,,,2,{up},\n", a_xml=model))
    sphere, capsule = made_one.blueprint.colliders
    x, y, z = np.array(capsule.position) - sphere.position
    assert (x, y, z) == pytest.approx((0, 0, 0.4), abs=1e-9)
    assert sphere.size[0] == pytest.approx(0.2) and sphere.position[2] == pytest.approx(0.2)
    low, high = made_one.blueprint.bounds()
    assert np.stack(collider_bounds(made_one.blueprint.colliders)) == pytest.approx(
        np.stack([low, high]), abs=0.002
    )
    # The capsule lies along z of the file.
    assert (high - low)[2] == pytest.approx(0.2 + 0.4 + (0.1 if up[-1] == "z" else 0.04), abs=0.002)


def test_a_mass_that_the_table_does_not_state_is_that_of_the_catalog(tmp_path):
    folder = lamps(tmp_path, "lamp.xml,WineBottle,,,0.3,,,\nlamp.xml,Thing,0.2,,0.3,,,\n")
    bottle, thing = made(folder)
    assert bottle.blueprint.mass == FACTS["WineBottle"].mass == 1.2
    assert bottle.entry.receptacles == FACTS["WineBottle"].receptacles
    assert thing.blueprint.mass == 0.2 and thing.entry.receptacles == ()


def test_a_mesh_file_is_scaled_and_a_full_one_is_its_own_hull(tmp_path):
    pytest.importorskip("trimesh")
    folder = folder_of(tmp_path, "cube.obj,Box,0.3,,,0.25,,\n", cube_obj=CUBE)
    (cube,) = made(folder)
    assert np.ptp(np.stack(cube.blueprint.bounds()), axis=0) == pytest.approx([0.25] * 3)
    (hull,) = cube.blueprint.colliders
    assert isinstance(hull, Hull) and len(hull.points) == 8 and hull.size == pytest.approx((0.125,) * 3)
    assert not (tmp_path / "cache").exists()  # nothing was decomposed


def test_a_hollow_mesh_is_decomposed_once(tmp_path, monkeypatch):
    trimesh = pytest.importorskip("trimesh")
    pytest.importorskip("coacd")
    tube = trimesh.creation.annulus(0.07, 0.1, 0.1)
    vertices, faces = np.asarray(tube.vertices, np.float64), np.asarray(tube.faces, np.int32)
    parts = decompose(vertices, faces)
    assert len(parts) > 2
    probes = np.array([[0, 0, 0], [0.04, 0, 0], [0.085, 0, 0], [0, -0.085, 0.03]])
    solid = np.any([Delaunay(part).find_simplex(probes) >= 0 for part in parts], axis=0)
    assert solid.tolist() == [False, False, True, True]
    monkeypatch.setitem(sys.modules, "coacd", None)
    again = decompose(vertices, faces)
    assert [part.tobytes() for part in again] == [part.tobytes() for part in parts]
    (kept,) = (tmp_path / "cache").glob("hulls-*.npz")
    kept.write_bytes(b"damaged")
    with pytest.raises(DependencyNotInstalled, match=r'pip install "thor-interact\[meshes\]"'):
        decompose(vertices, faces)


def test_damaged_colliders_of_the_cache_are_made_again(tmp_path, monkeypatch):
    from thor_interact_env.simulators.own_objects import decomposition

    corner = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (0.2, 0.2, 0.2)]
    vertices, faces = np.array(corner, float), np.array([(0, 1, 2), (0, 3, 1), (0, 2, 3), (1, 3, 4)])
    monkeypatch.setattr(decomposition, "CONVEX", 2.0)  # nothing is its own hull
    monkeypatch.setattr("coacd.run_coacd", lambda *given, **options: [(vertices, faces)], raising=False)
    first = decompose(vertices, faces)
    (kept,) = (tmp_path / "cache").glob("hulls-*.npz")
    whole = kept.read_bytes()
    kept.write_bytes(whole[: len(whole) // 2])
    again = decompose(vertices, faces)
    assert [part.tolist() for part in again] == [part.tolist() for part in first]
    assert kept.read_bytes() == whole


def test_the_colour_of_a_geom_takes_precedence_over_that_of_its_material(tmp_path):
    material = '<asset><material name="red" rgba="1 0 0 1"/></asset>'
    own = '<geom type="box" size="0.1 0.1 0.1" material="red" rgba="0 0 1 1"/>'
    ghost = '<geom type="box" size="0.5 0.5 0.5" material="red" rgba="0 0 0 0" contype="0" conaffinity="0"/>'
    plain = '<geom type="box" size="0.1 0.1 0.1" pos="0 0 0.3" material="red"/>'
    text = model_of(own + ghost + plain).replace("<worldbody>", material + "<worldbody>")
    (lamp,) = made(folder_of(tmp_path, "a.xml,A,1,,,,,\n", a_xml=text))
    assert lamp.blueprint.bounds()[1] == pytest.approx([0.1, 0.1, 0.5])
    materials = [visual.material for visual in lamp.blueprint.visuals]
    assert materials == [plain_material(np.array(colour, float)) for colour in ((0, 0, 1), (1, 0, 0))]


@pytest.mark.parametrize(
    ("colours", "mean"),
    [
        ([(1, 1, 0)] * 8, [1, 1, 0]),
        ([(0, 0, 0)] * 7 + [(7, 0, 3)], [1, 0, 0]),
        ([(255, 0, 50)] * 8, [255, 0, 50]),
    ],
    ids=["nearly black", "black but for a corner", "red"],
)
def test_colours_of_vertices_are_averaged(tmp_path, colours, mean):
    trimesh = pytest.importorskip("trimesh")
    cube = trimesh.creation.box((1.0, 1.0, 1.0))
    cube.visual.vertex_colors = np.array(colours, np.uint8)
    folder = folder_of(tmp_path, "cube.glb,Box,1,,0.2,,,\n")
    cube.export(folder / "cube.glb")
    (made_one,) = made(folder)
    (visual,) = made_one.blueprint.visuals
    assert texture(visual.material)[0, 0].tolist() == mean


def test_a_missing_reader_is_named_with_its_command(tmp_path, monkeypatch):
    folder = folder_of(tmp_path, "cube.obj,Box,0.3,,0.2,,,\n", cube_obj=CUBE)
    monkeypatch.setitem(sys.modules, "trimesh", None)
    with pytest.raises(DependencyNotInstalled, match=r'trimesh: pip install "thor-interact\[meshes\]"'):
        made(folder)


def test_colliders_that_do_not_fit_are_computed_from_what_is_seen(tmp_path):
    seen = '<geom type="box" size="0.1 0.1 0.1" contype="0" conaffinity="0"/>'
    for height, kinds in ((0.098, ["box"]), (0.05, ["hull"])):
        model = model_of(seen + f'<geom type="box" size="0.1 0.1 {height}"/>')
        (made_one,) = made(folder_of(tmp_path / str(height), "a.xml,A,1,,,,,\n", a_xml=model))
        colliders = made_one.blueprint.colliders
        assert [collider.kind for collider in colliders] == kinds
        low, high = collider_bounds(colliders)
        # Both stand on the lowest visible point.
        assert low == pytest.approx([-0.1, -0.1, 0])
        assert high == pytest.approx([0.1, 0.1, 0.196 if kinds == ["box"] else 0.2])


def test_only_geoms_that_do_not_collide_are_seen_if_there_are_any(tmp_path):
    model = model_of(
        '<geom type="box" size="0.1 0.1 0.1" rgba="0 1 0 1"/>'
        '<geom type="sphere" size="0.1" contype="0" conaffinity="0" rgba="0 0 1 1" group="1"/>'
    )
    (ball,) = made(folder_of(tmp_path, "a.xml,A,1,,,,,\n", a_xml=model))
    (visual,) = ball.blueprint.visuals
    assert texture(visual.material)[0, 0].tolist() == [0, 0, 255]


def test_the_mass_of_an_object_is_spread_over_its_surface(tmp_path):
    handle = '<geom type="box" size="0.2 0.005 0.005" pos="0.3 0 0"/>'
    model = (
        f'<mujoco><worldbody><body><geom type="box" size="0.1 0.1 0.1"/>{handle}</body></worldbody></mujoco>'
    )
    (pan,) = made(folder_of(tmp_path, "a.xml,Pan,1,,,,,\n", a_xml=model))
    # The boxes have 0.24 and 0.0162 m2, and their centres are 0.3 m apart; the origin is the middle of both.
    assert pan.blueprint.center_of_mass() == pytest.approx([-0.2 + 0.3 * 0.0162 / 0.2562, 0, 0.1], abs=1e-9)


def test_large_images_are_reduced_and_colours_multiply_them():
    image = np.full((1024, 2048, 3), 200, np.uint8)
    material = image_material(image, (1.0, 0.5, 0.0))
    assert material.size == (MAXIMUM_SIDE // 2, MAXIMUM_SIDE)
    assert material.pixels[:3] == bytes((200, 100, 0))


def test_scans_keep_their_shape_with_fewer_triangles():
    dense = ellipsoid((0.1, 0.1, 0.15), segments=160)
    assert len(dense.faces) > 2 * reduction.FACES
    (less,) = reduction.reduced([Visual(dense, plain_material((1, 0, 0)))])
    assert reduction.FACES / 3 < len(less.mesh.faces) <= reduction.FACES
    radii = np.sqrt(((less.mesh.vertices / [0.1, 0.1, 0.15]) ** 2).sum(axis=1))
    assert radii.max() <= 1 + 1e-9 and radii.min() > 0.97
    # Vertices at one place are one: then every edge belongs to an even number of triangles.
    _, same = np.unique(less.mesh.vertices, axis=0, return_inverse=True)
    faces = same.ravel()[less.mesh.faces]
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), axis=1)
    assert (np.unique(edges, axis=0, return_counts=True)[1] % 2 == 0).all()
    assert reduction.reduced([less]) == (less,)


def test_small_parts_of_a_large_object_stay_as_they_are():
    material = plain_material(np.ones(3))
    large, small = (
        ellipsoid(radii, segments=segments)
        for radii, segments in (((0.1, 0.1, 0.1), 160), ((0.02, 0.01, 0.01), 8))
    )
    assert len(large.faces) > reduction.FACES > 20 * len(small.faces)
    first, second = reduction.reduced([Visual(large, material), Visual(small, material)])
    assert len(first.mesh.faces) <= reduction.FACES and second.mesh is small


def test_sides_of_a_seam_keep_their_texture_coordinates():
    # Two triangles that share an edge but not its place in the image.
    vertices = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float)
    uv = np.array([[0.0, 0], [0.1, 0], [0, 0.1], [0.9, 0.9], [1, 1], [0.9, 0.95]])
    mesh = Mesh(vertices, np.array([[0, 1, 2], [3, 4, 5]], np.int32), uv)
    charts = reduction.charts_of(mesh)
    assert charts[0] != charts[3]
    made_one = reduction.clustered(mesh, 2, charts)
    rows = {tuple(row) for row in np.round(np.column_stack([made_one.vertices, made_one.uv]), 6).tolist()}
    assert rows == {tuple(row) for row in np.column_stack([vertices, uv]).tolist()}


def test_objects_stand_upright_on_surfaces_of_the_room(tmp_path):
    rows = "".join(f"lamp.xml,Lamp{number},0.7,,0.15,,,\n" for number in range(4))
    folder = lamps(tmp_path, rows)
    simulator = MujocoSimulator(objects=folder)
    simulator.reachable_positions(ROOM, 1)
    next(views_of(simulator))
    room = simulator.compiled(ROOM)
    own = [movable for movable in room.movables if is_own(movable.id)]
    assert [movable.type for movable in own] == [f"Lamp{number}" for number in range(4)]
    assert [movable.mass for movable in own] == [0.7] * 4
    planned = spawn(room.plan, 1)[-4:]
    for movable, pose in zip(own, planned, strict=True):
        assert pose is not None and pose[2] > 0.3
        x, y, z, *turn = room.positions()[movable.position_address : movable.position_address + 7]
        assert (x, y, z) == pytest.approx(pose[:3], abs=0.004)
        assert turn[0] ** 2 + turn[3] ** 2 > 0.999
    simulator.close()


def test_objects_are_put_on_the_receptacles_of_the_table(tmp_path):
    heights = []
    for where in ("CounterTop", "Floor"):
        rows = "".join(f"lamp.xml,Lamp{number},0.7,{where},0.15,,,\n" for number in range(4))
        plan = with_objects(plan_room("FloorPlan1"), read_table(lamps(tmp_path / where, rows)), 4)
        heights.append([pose[2] for seed in range(5) for pose in spawn(plan, seed)[-4:] if pose])
    assert min(heights[0]) > 0.5 and max(heights[1]) < 0.05


def test_images_are_upright_and_touches_move_an_object(tmp_path):
    trimesh = pytest.importorskip("trimesh")
    folder = folder_of(tmp_path, "board.glb,Board,0.4,CounterTop Shelf,0.25,,,\n")
    striped_board(trimesh).export(folder / "board.glb")
    simulator = MujocoSimulator(objects=folder)
    seen = [
        (location, mask, kind, mass)
        for location, _ in views_of(simulator)
        for truth in [simulator.instances()]
        for mask, mass, kind, name in zip(truth.masks, truth.masses, truth.types, truth.ids, strict=True)
        if is_own(name)
    ]
    location, mask, kind, mass = max(seen, key=lambda each: each[1].sum())
    view = simulator.load(location)
    assert kind == "Board" and mass == 0.4
    rgb = view["rgb"].astype(int)
    red = mask & (rgb[..., 0] > 2 * rgb[..., 2])
    blue = mask & (rgb[..., 2] > 2 * rgb[..., 0])
    assert red.sum() > 200 and blue.sum() > 200
    assert np.argwhere(red)[:, 0].mean() < np.argwhere(blue)[:, 0].mean() - 5
    assert (red | blue).sum() > 0.75 * mask.sum()  # between the halves the colours are mixed
    row, column = np.argwhere(mask)[mask.sum() // 2]
    before = simulator.get_state()
    after = simulator.touch(int(row), int(column), 200.0, np.array([0.0, 0.0, 1.0]))
    assert np.abs(after["rgb"][mask].astype(int) - view["rgb"][mask]).mean() > 20
    assert simulator.set_state(before)["rgb"].tobytes() == view["rgb"].tobytes()
    simulator.close()


def test_equal_folders_and_seeds_give_equal_bytes_and_others_do_not(tmp_path):
    rows = "lamp.xml,Lamp,0.7,CounterTop,0.15,,,\nlamp.xml,Mug,,,0.1,,,\n"
    views = []
    for folder, seed in (
        (lamps(tmp_path / "a", rows), 1),
        (lamps(tmp_path / "b", rows), 1),
        (tmp_path / "b", 2),
    ):
        simulator = MujocoSimulator(objects=folder)
        ground = simulator.reachable_positions(ROOM, seed)
        x, y, z = ground[0].tolist()
        location = Location(ROOM, (x, y, z), 90, 30, seed)
        view = simulator.load(location)
        views.append((view["rgb"].tobytes(), view["depth"].tobytes(), simulator.get_state().tobytes()))
        simulator.close()
    assert views[0] == views[1] and views[0][2] != views[2][2]


def test_the_things_of_the_room_are_those_without_objects(tmp_path):
    plan = plan_room(ROOM)
    more = with_objects(plan, read_table(lamps(tmp_path)), 5)
    assert more.portables[:-1] == plan.portables and more.furniture == plan.furniture
    assert more.identifiers()[:-1] == plan.identifiers()
    assert [is_own(name) for name in more.identifiers()[-2:]] == [False, True]
    assert [more.receptacles(index) for index in range(len(plan.portables))] == [
        plan.receptacles(index) for index in range(len(plan.portables))
    ]
    assert more.receptacles(len(plan.portables)) == ("CounterTop",)


def test_of_a_large_folder_each_room_draws_as_many_as_asked(tmp_path):
    entries = read_table(lamps(tmp_path, "".join(f"lamp.xml,Lamp{n},1,,0.1,,,\n" for n in range(9))))
    drawn = {}
    for name in ("FloorPlan1", "FloorPlan401", "FloorPlan402"):
        own = with_objects(plan_room(name), entries, 4).own
        assert own == with_objects(plan_room(name), entries, 4).own
        drawn[name] = [each.entry.type for each in own]
        assert len(set(drawn[name])) == 4 and drawn[name] == sorted(drawn[name])
    assert len({tuple(types) for types in drawn.values()}) == 3


def test_wrong_options_are_refused(tmp_path):
    with pytest.raises(InvalidOptionError, match="objects_per_room is 0; it must be at least 1"):
        MujocoSimulator(objects=lamps(tmp_path), objects_per_room=0)
    with pytest.raises(InvalidOptionError, match="embedded simulator only"):
        MjcfSimulator(scenes=tmp_path, objects=tmp_path)
