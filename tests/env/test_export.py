"""Rooms as MJCF: read again they are the same bits; files are whole or not there; refusals in one line."""

import json
import zipfile
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
from command_lines import complaint
from pictures import read_picture

from thor_interact_env.export import exporting, writing
from thor_interact_env.export.command_line import main
from thor_interact_env.export.exporting import export_room
from thor_interact_env.locations.location import Location
from thor_interact_env.simulators.mjcf.physics import DAMPING, SETTLED
from thor_interact_env.simulators.mujoco.drawing.rendering import SHELL, Renderer
from thor_interact_env.simulators.mujoco.objects.catalog import CATALOG
from thor_interact_env.simulators.mujoco.physics import CAMERA, PARKING_HEIGHT
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator
from thor_interact_env.world import world_of

# Rooms and spawns: in the first, one object finds no place.
ROOMS = [("FloorPlan1", 0), ("FloorPlan211", 3), ("FloorPlan402", 5)]


class Pair:
    """An exported room as MuJoCo reads it, and the embedded one, in which everything rests."""

    def __init__(self, room: str, seed: int, folder: Path) -> None:
        main([room, "--seed", str(seed), "--out", str(folder)])
        self.metadata = json.loads((folder / f"{room}_physics_metadata.json").read_text())
        self.path = folder / f"{room}_physics.xml"
        self.model = mujoco.MjModel.from_xml_path(str(self.path))
        self.data = mujoco.MjData(self.model)
        mujoco.mj_forward(self.model, self.data)
        self.simulator = MujocoSimulator()
        positions = self.simulator.reachable_positions(room, seed)
        self.location = Location(room, tuple(positions[len(positions) // 2].tolist()), 45.0, 30.0, seed)
        self.view = self.simulator.load(self.location)
        self.room = self.simulator.compiled(room)
        self.bodies = self.same_bodies()

    def same_bodies(self) -> list[tuple[int, int]]:
        """Identifiers of the same bodies: in the exported model and in the embedded one."""
        ids = {scene_object["object_id"]: body for body, scene_object in self.metadata["objects"].items()}
        pairs = [
            (self.model.body(ids[movable.id]).id, movable.body)
            for movable in self.room.movables
            if movable.id in ids
        ]
        # Fixtures and floor, walls and ceiling follow, in the same order.
        first, second = self.model.nbody - 1, self.room.model.nbody - 1
        count = self.model.nbody - 1 - len(pairs)
        return [(0, 0), *pairs, *((first - back, second - back) for back in range(count))]

    def same_geoms(self) -> list[tuple[int, int]]:
        pairs: list[tuple[int, int]] = []
        for first, second in self.bodies:
            mine, theirs = self.model.body(first), self.room.model.body(second)
            assert mine.geomnum == theirs.geomnum
            start, other = int(mine.geomadr[0]), int(theirs.geomadr[0])
            pairs += [(start + index, other + index) for index in range(int(mine.geomnum[0]))]
        return pairs


@pytest.fixture(scope="module", params=ROOMS, ids=lambda room: f"{room[0]}-{room[1]}")
def pair(request, tmp_path_factory):
    room, seed = request.param
    made = Pair(room, seed, tmp_path_factory.mktemp("scenes") / "new")
    yield made
    made.simulator.close()


def test_every_object_of_the_room_is_there(pair):
    ids = {scene_object["object_id"] for scene_object in pair.metadata["objects"].values()}
    heights = pair.room.positions().reshape(-1, 7)[:, 2]
    for movable, height in zip(pair.room.movables, heights, strict=True):
        assert (movable.id in ids) == (height > PARKING_HEIGHT / 2)
    assert len(pair.bodies) == pair.model.nbody


def test_masses_inertias_and_poses_are_the_same_bits(pair):
    mine, theirs = (list(ids) for ids in zip(*pair.bodies, strict=True))
    for name in ("body_mass", "body_inertia", "body_ipos", "body_iquat"):
        assert np.array_equal(getattr(pair.model, name)[mine], getattr(pair.room.model, name)[theirs]), name
    for name in ("xpos", "xquat", "xipos", "ximat"):
        assert np.array_equal(getattr(pair.data, name)[mine], getattr(pair.room.data, name)[theirs]), name
    assert (pair.model.body_mass[pair.model.body_dofnum == 6] > 0).all()


def test_shapes_contacts_and_light_are_the_same_bits(pair):
    mine, theirs = (list(ids) for ids in zip(*pair.same_geoms(), strict=True))
    assert sorted(mine) == list(range(pair.model.ngeom))
    for name in (
        *("type", "size", "pos", "quat", "friction", "condim", "contype", "conaffinity", "priority"),
        *("solref", "solimp", "margin", "gap", "rgba", "rbound", "aabb"),
    ):
        first, second = (
            getattr(model, f"geom_{name}")[ids]
            for model, ids in ((pair.model, mine), (pair.room.model, theirs))
        )
        assert np.array_equal(first, second), name
    for first, second in zip(settings_of(pair.model), settings_of(pair.room.model), strict=True):
        assert first == second
    for name in [name for name in dir(pair.model) if name.startswith("light_") and "com0" not in name]:
        assert np.array_equal(getattr(pair.model, name), getattr(pair.room.model, name)), name


def settings_of(model):
    visual = model.vis
    return [
        line
        for part in (model.opt, visual.map, visual.headlight, visual.global_, model.stat)
        for line in repr(part).splitlines()
        if not line.startswith(("<", "  off", "  meanmass", "  meaninertia", "  meansize"))
    ]


def test_meshes_and_textures_are_the_same_bits(pair):
    models = (pair.model, pair.room.model)
    seen = [ids for ids in pair.same_geoms() if pair.model.geom_matid[ids[0]] >= 0]
    assert seen
    for geoms in seen:
        for part in ("vert", "texcoord", "face", "normal"):
            arrays = [
                mesh_part(model, part, model.geom_dataid[geom])
                for model, geom in zip(models, geoms, strict=True)
            ]
            assert np.array_equal(*arrays), part
        materials = [model.mat(model.geom_matid[geom]) for model, geom in zip(models, geoms, strict=True)]
        for name in ("rgba", "specular", "shininess", "reflectance", "emission", "texrepeat"):
            assert np.array_equal(*(getattr(material, name) for material in materials)), name
        colours = int(mujoco.mjtTextureRole.mjTEXROLE_RGB)
        textures = [
            texture_data(model, material.texid[colours])
            for model, material in zip(models, materials, strict=True)
        ]
        assert np.array_equal(*textures)


def mesh_part(model, part, mesh):
    start = getattr(model, f"mesh_{part}adr")[mesh]
    return getattr(model, f"mesh_{part}")[start : start + getattr(model, f"mesh_{part}num")[mesh]]


def texture_data(model, texture):
    found = model.tex(texture)
    count = int(found.height[0] * found.width[0] * found.nchannel[0])
    return model.tex_data[found.adr[0] : found.adr[0] + count]


def test_textures_are_png_files(pair):
    files = sorted(pair.path.with_suffix("").iterdir())
    assert len(files) == pair.model.ntex
    for file in files:
        picture = read_picture(file)
        assert np.array_equal(picture[..., ::-1].ravel(), texture_data(pair.model, file.stem))


def test_a_view_is_the_same_bytes(pair):
    camera = pair.model.camera(CAMERA).id
    for name in ("cam_pos", "cam_quat", "cam_fovy"):
        getattr(pair.model, name)[camera] = getattr(pair.room.model, name)[0]
    mujoco.mj_resetData(pair.model, pair.data)
    mujoco.mj_forward(pair.model, pair.data)
    renderer = Renderer(pair.model)
    rgb, depth = renderer.view(pair.data, CAMERA)
    geoms = renderer.geoms(pair.data, CAMERA)
    renderer.close()
    assert np.array_equal(rgb, pair.view["rgb"]) and np.array_equal(depth, pair.view["depth"])
    truth = pair.simulator.instances()
    assert len(truth) > 0
    ids = {
        scene_object["object_id"]: (body, scene_object)
        for body, scene_object in pair.metadata["objects"].items()
    }
    for mask, kind, mass, name in zip(truth.masks, truth.types, truth.masses, truth.ids, strict=True):
        body, scene_object = ids[name]
        assert scene_object["category"] == kind and pair.model.body(body).mass[0] == mass
        assert np.array_equal(pair.model.geom_bodyid[geoms] == pair.model.body(body).id, mask)


def test_its_own_camera_stands_in_the_room(pair):
    eye = pair.data.cam_xpos[pair.model.camera(CAMERA).id]
    ground = np.array(pair.metadata["thor_interact"]["positions"])
    assert np.abs(ground - eye[:2]).max(axis=1).min() < 1e-9
    expected = pair.simulator.reachable_positions(pair.location.scene, pair.location.seed)
    assert np.array_equal(ground, expected[:, [0, 2]])


def test_what_is_beyond_mjcf_is_kept(pair):
    settled = pair.model.numeric(SETTLED).data
    there = pair.room.positions().reshape(-1, 7)[:, 2] > PARKING_HEIGHT / 2
    assert np.array_equal(settled.reshape(-1, 7), pair.room.positions().reshape(-1, 7)[there])
    damping = pair.model.numeric(DAMPING).data
    assert np.array_equal(damping.reshape(-1, 6), pair.room.model.dof_damping.reshape(-1, 6)[there])
    facts = pair.metadata["thor_interact"]
    assert (facts["room"], facts["seed"]) == (pair.location.scene, pair.location.seed)
    assert facts["room_type"] == pair.room.plan.room_type and facts["world"] == world_of("mujoco")


def test_everything_stays_at_rest(pair):
    before = pair.data.qpos.copy()
    mujoco.mj_step(pair.model, pair.data, 200)
    assert np.abs(pair.data.qpos - before).max() < 1e-9


def test_metadata_name_types_and_what_stands_on_what(pair):
    objects = pair.metadata["objects"]
    bodies = {pair.model.body(body).name for body in range(1, pair.model.nbody)}
    assert set(objects) == bodies - {SHELL}
    tops = {}
    for body, scene_object in objects.items():
        body_id = pair.model.body(body).id
        assert scene_object["is_static"] == (pair.model.body_dofnum[body_id] == 0)
        assert scene_object["is_static"] or scene_object["category"] in CATALOG
        assert body.startswith(scene_object["category"].lower() + "_") and scene_object["hash_name"] == body
        for joint in scene_object["name_map"]["joints"]:
            assert pair.model.jnt_bodyid[pair.model.joint(joint).id] == body_id
        tops[body] = pair.data.xpos[body_id][2]
    assert len({scene_object["asset_id"] for scene_object in objects.values()}) == len(objects)
    stand = {body: scene_object["parent"] for body, scene_object in objects.items() if scene_object["parent"]}
    assert stand
    for body, parent in stand.items():
        assert body in objects[parent]["children"] and not objects[body]["is_static"]
    assert sum(len(scene_object["children"]) for scene_object in objects.values()) == len(stand)
    # An object is higher than the place on which its support stands.
    assert all(tops[body] > tops[parent] - 1e-3 for body, parent in stand.items())


def test_geoms_are_of_the_classes_that_say_what_they_do(pair):
    for geom in range(pair.model.ngeom):
        kind = pair.model.geom(geom)
        seen = "_visual_" in kind.name
        assert seen != ("_collision_" in kind.name)
        assert kind.group[0] == (0 if seen else 4)
        assert (kind.contype[0] | kind.conaffinity[0]) == (0 if seen else 1)
    assert {"floor_visual_0", "floor_collision_0"} <= {
        pair.model.geom(geom).name for geom in range(pair.model.ngeom)
    }


def test_archives_hold_the_same_room_and_the_same_bytes_again(tmp_path, capsys):
    scene = export_room("FloorPlan404", 2)
    for name in ("room.zip", "again.zip", "room.mjz"):
        main(["FloorPlan404", "--seed", "2", "--out", str(tmp_path / "archives" / name)])
        assert capsys.readouterr().out == f"{tmp_path / 'archives' / name}\n"
    contents = [(tmp_path / "archives" / name).read_bytes() for name in ("room.zip", "again.zip", "room.mjz")]
    assert contents[0] == contents[1] == contents[2]
    with zipfile.ZipFile(tmp_path / "archives" / "room.zip") as archive:
        model, *others = archive.namelist()
        assert model == "model.xml" and archive.read(model) == scene.model
        expected = scene.files()
        assert {name: archive.read(name) for name in others} == dict(list(expected.items())[1:])
    models = [mujoco.MjSpec.from_zip(str(tmp_path / "archives" / "room.zip")).compile()]
    if hasattr(mujoco.MjSpec, "encode"):  # releases that open archives by themselves
        models += [
            mujoco.MjSpec.from_file(str(tmp_path / "archives" / name)).compile()
            for name in ("room.zip", "room.mjz")
        ]
    main(["FloorPlan404", "--seed", "2", "--out", str(tmp_path / "folder")])
    whole = mujoco.MjModel.from_xml_path(str(tmp_path / "folder" / "FloorPlan404_physics.xml"))
    for model in models:
        assert np.array_equal(model.qpos0, whole.qpos0) and np.array_equal(model.tex_data, whole.tex_data)
        assert np.array_equal(model.mesh_vert, whole.mesh_vert)


def test_seeds_place_objects_elsewhere():
    models = [
        mujoco.MjSpec.from_string(
            scene.model.decode(), assets={f"{scene.name}/{name}": png for name, png in scene.textures.items()}
        ).compile()
        for scene in (export_room("FloorPlan404", seed) for seed in (0, 1))
    ]
    assert not np.array_equal(models[0].qpos0, models[1].qpos0)


def test_several_rooms_share_a_folder(tmp_path, capsys):
    out = tmp_path / "deep" / "scenes"
    main(["FloorPlan404", "Procedural3", "FloorPlan404", "--out", str(out)])
    models = [out / f"{name}_physics.xml" for name in ("FloorPlan404", "Procedural3")]
    assert capsys.readouterr().out.split() == [str(model) for model in models]
    assert len(list(out.iterdir())) == 6
    assert all(mujoco.MjModel.from_xml_path(str(model)).ngeom for model in models)
    assert list(out.parent.iterdir()) == [out]


def test_an_empty_folder_is_filled_and_others_are_refused(tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    main(["FloorPlan404", "--out", str(empty)])
    before = {path: path.stat().st_mtime_ns for path in empty.rglob("*")}
    assert "empty" in complaint(main, capsys, "FloorPlan403", "--out", empty)
    assert {path: path.stat().st_mtime_ns for path in empty.rglob("*")} == before


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["FloorPlan31", "--out", "new"], "'FloorPlan31'"),
        (["FloorPlan1", "FloorPlan31", "--out", "new"], "'FloorPlan31'"),
        (["FloorPlan1", "--seed", "-1", "--out", "new"], "--seed: -1 is not in 0..2147483647"),
        (["FloorPlan1", "--seed", "one", "--out", "new"], "'one'"),
        (["FloorPlan1", "--out", "taken"], "'taken' is a file"),
        (["FloorPlan1", "--out", "taken/new"], "taken"),
        (["FloorPlan1", "--out", "there.zip"], "'there.zip' exists"),
        (["FloorPlan1", "FloorPlan2", "--out", "new.ZIP"], "holds one room, and 2 were named"),
        (["FloorPlan1", "FloorPlan1", "--out", "there.zip"], "'there.zip' exists"),
        (["FloorPlan1", "FloorPlan2", "--out", "new.mjz"], "holds one room, and 2 were named"),
        (["FloorPlan1"], "--out"),
        (["--out", "new"], "ROOM"),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(tmp_path, monkeypatch, capsys, words, named):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").write_text("")
    (tmp_path / "there.zip").write_bytes(b"")
    assert named in complaint(main, capsys, *words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken", "there.zip"]


@pytest.mark.parametrize("where", ["scene", "rename"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_folder_is_whole_or_not_there(tmp_path, monkeypatch, where, error):
    def fail(*arguments):
        raise error

    def scenes():
        yield {"a.xml": b"<mujoco/>", "a/one.png": b"1"}
        assert not (tmp_path / "new").exists()
        if where == "scene":
            fail()

    if where == "rename":
        monkeypatch.setattr(writing.os, "replace", fail)
    with pytest.raises(type(error)) as raised:
        writing.write_folder(tmp_path / "new", scenes())
    assert not list(tmp_path.iterdir())
    assert isinstance(error, KeyboardInterrupt) or "new" in str(raised.value)


def test_an_archive_that_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("selfsup.files.os.replace", full)
    with pytest.raises(OSError, match=r"new\.zip"):
        writing.write_archive(tmp_path / "new.zip", {"a.xml": b"<mujoco/>"})
    assert not list(tmp_path.iterdir())


def test_a_seed_out_of_range_is_named():
    wrong: tuple[Any, ...] = (-1, 2**31, 0.5)
    for seed in wrong:
        with pytest.raises(exporting.InvalidLocationError, match=f"seed {seed}"):
            export_room("FloorPlan1", seed)
