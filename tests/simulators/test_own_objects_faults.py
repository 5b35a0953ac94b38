"""Objects and tables that cannot be used get one sentence, which names the file, the fault and the remedy."""

import os

import numpy as np
import pytest
from own_object_files import CUBE, LAMP, folder_of

from thor_interact_env.errors import ThorInteractError
from thor_interact_env.simulators.mujoco.simulator import MujocoSimulator
from thor_interact_env.simulators.own_objects import making
from thor_interact_env.simulators.own_objects.making import make_object
from thor_interact_env.simulators.own_objects.table import COLUMNS, ObjectError, read_table

SHEET = "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nf 1 2 3 4\nf 4 3 2 1\n"
TILTED = "v 0 0 0\nv 1 0 0.5\nv 1 1 0.8\nv 0 1 0.3\nf 1 2 3 4\nf 4 3 2 1\n"
OPEN = "\n".join(line for line in CUBE.splitlines() if line != "f 5 6 7 8") + "\n"
PLANE = "<mujoco><worldbody><geom type='plane' size='1 1 1'/></worldbody></mujoco>"
UNSEEN = "<mujoco><worldbody><body><geom size='0.1' group='4'/></body></worldbody></mujoco>"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("cup.xml,Mug,,,,,,", "there is no file"),
        (",Mug,,,,,,", "row 1 has no file"),
        ("lamp.xml,,,,,,,", "row 1 has no type"),
        ("lamp.xml,A|B,1,,,,,", "type is 'A|B'; it must not contain '|'"),
        ("lamp.xml,Lamp,,,,,,", "has no mass, and the catalog has no type 'Lamp'; add the mass in kilograms"),
        ("lamp.xml,Lamp,heavy,,,,,", "mass is 'heavy'; it must be a positive number"),
        ("lamp.xml,Lamp,nan,,,,,", "mass is 'nan'; it must be a positive number"),
        ("lamp.xml,Lamp,1e-6,,,,,", "mass is 1e-06 kg; a movable object weighs from 0.001 to 150 kg"),
        ("lamp.xml,Lamp,150,,,,,", "mass is 150 kg"),
        ("lamp.xml,Lamp,1,Roof,,,,", "receptacles is 'Roof'; name some of "),
        ("lamp.xml,Lamp,1,,0.2,2,,", "has both a height and a scale; leave one of them empty"),
        ("lamp.xml,Lamp,1,,-1,,,", "height is '-1'; it must be a positive number"),
        ("lamp.xml,Lamp,1,,,,up,", "up is 'up'; choose one of x, -x, y, -y, z, -z"),
        ("lamp.xml,Lamp,1,,,,,maybe", "open is 'maybe'; say yes or no"),
        ("notes.txt,Lamp,1,,,,,", "'.txt' is no format of objects; convert it to GLB, OBJ or MJCF"),
        ("lamp.xml,Lamp,1,,,,,,,", "cannot be read (a row has more values than the header"),
    ],
)
def test_a_row_that_is_wrong_is_named(tmp_path, row, said):
    folder = folder_of(tmp_path, row + "\n", lamp_xml=LAMP, notes_txt="")
    with pytest.raises(ObjectError) as error:
        MujocoSimulator(objects=folder)
    text = str(error.value)
    assert said in text and str(tmp_path / "objects.csv") in text and "\n" not in text
    assert isinstance(error.value, ThorInteractError)


@pytest.mark.parametrize(
    ("name", "content", "row", "said"),
    [
        (
            "a.obj",
            "v 0 0 0\n",
            "1,,0.2,,,",
            "has no visible mesh; export it with its faces, or delete its row",
        ),
        ("a.xml", UNSEEN, "1,,0.2,,,", "has no visible mesh"),
        ("a.obj", CUBE, "1,,,,,", None),
        (
            "a.obj",
            CUBE,
            "1,,,3,,",
            "is 3 m long at the scale 3; an object is 0.01 to 2 m long: state its height",
        ),
        ("a.obj", CUBE, "1,,,0.001,,", "is 0.001 m long at the scale 0.001"),
        ("a.obj", SHEET, "1,,,0.3,z,", "is 0 m thin; give it a thickness of at least 0.001 m"),
        ("a.obj", TILTED, "1,,,0.3,z,", " m thin; give it a thickness of at least 0.001 m"),
        ("a.obj", OPEN, "1,,0.3,,,", "is not closed (23.5% of its edges"),
        ("a.obj", OPEN, "1,,0.3,,,yes", None),
        ("a.glb", "glTF but damaged", "1,,0.3,,,", "cannot be read by trimesh"),
        ("a.xml", "<mujoco><worldbody>", "1,,0.3,,,", "cannot be read by MuJoCo"),
        ("a.xml", PLANE, "1,,0.3,,,", "a plane, height field or signed distance field; remove it"),
    ],
)
def test_an_object_that_is_wrong_is_named(tmp_path, monkeypatch, name, content, row, said):
    if not name.endswith(".xml"):
        pytest.importorskip("trimesh")
        pytest.importorskip("coacd")
    monkeypatch.setenv("THOR_INTERACT_CACHE", str(tmp_path / "cache"))
    folder = folder_of(tmp_path / "things", f"{name},Thing,{row}\n", **{name.replace(".", "_"): content})
    (entry,) = read_table(folder)
    if said is None:
        assert make_object(entry).blueprint.colliders
        return
    with pytest.raises(ObjectError) as error:
        make_object(entry)
    text = str(error.value)
    assert said in text and str(folder / name) in text and "\n" not in text


def test_vertices_that_are_not_finite_are_named(tmp_path):
    trimesh = pytest.importorskip("trimesh")
    cube = trimesh.creation.box((1.0, 1.0, 1.0))
    vertices = np.asarray(cube.vertices).copy()
    vertices[3, 1] = np.nan
    folder_of(tmp_path, "a.glb,Thing,1,,0.3,,,\n")
    trimesh.Trimesh(vertices, cube.faces, process=False).export(tmp_path / "a.glb")
    with pytest.raises(ObjectError, match="has vertices that are not finite numbers; export it again"):
        make_object(read_table(tmp_path)[0])


def test_too_many_triangles_are_named_with_their_number(tmp_path, monkeypatch):
    monkeypatch.setattr(making, "FACES", 11)
    pytest.importorskip("trimesh")
    folder_of(tmp_path, "a.obj,Thing,1,,0.3,,,\n", a_obj=CUBE)
    with pytest.raises(ObjectError, match="has 12 triangles; reduce it to at most 11"):
        make_object(read_table(tmp_path)[0])


def test_an_object_is_made_again_when_a_file_that_it_refers_to_changes(tmp_path):
    mesh = '<mujoco><asset><mesh name="m" file="parts/a.obj"/></asset><worldbody><body><geom type="mesh"'
    folder = folder_of(
        tmp_path, "a.xml,Thing,1,,,0.1,,\n", a_xml=f'{mesh} mesh="m"/></body></worldbody></mujoco>'
    )
    (folder / "parts").mkdir()
    (folder / "parts" / "a.obj").write_text(CUBE)
    (entry,) = read_table(folder)
    first = make_object(entry)
    assert make_object(entry) is first
    (folder / "notes.txt").write_text("no part of an object")
    assert make_object(entry) is first
    (folder / "parts" / "a.obj").write_text(CUBE.replace("1\n", "2\n"))
    os.utime(folder / "parts" / "a.obj", (1, 1))  # MuJoCo too keeps meshes, by the second of their writing
    heights = [np.ptp(made.blueprint.visuals[0].mesh.vertices[:, 2]) for made in (first, make_object(entry))]
    np.testing.assert_allclose(heights, [0.1, 0.2], atol=1e-6)


def test_a_folder_without_exactly_one_table_is_named(tmp_path):
    with pytest.raises(ObjectError, match="there is no folder"):
        read_table(tmp_path / "nowhere")
    with pytest.raises(
        ObjectError, match=r"has neither of objects\.csv and objects\.toml; it needs exactly one"
    ):
        read_table(tmp_path)
    folder_of(tmp_path, "", lamp_xml=LAMP)
    with pytest.raises(ObjectError, match="has no row; add one for each object"):
        read_table(tmp_path)
    (tmp_path / "objects.toml").write_text("")
    with pytest.raises(ObjectError, match="has both of"):
        read_table(tmp_path)


def test_an_unknown_column_is_named_with_those_there_are(tmp_path):
    folder_of(tmp_path, "", lamp_xml=LAMP)
    (tmp_path / "objects.csv").write_text("file,type,weight\nlamp.xml,Lamp,1\n")
    with pytest.raises(ObjectError, match=f"unknown columns weight; there are {', '.join(COLUMNS)}"):
        read_table(tmp_path)


def test_both_forms_of_the_table_mean_the_same(tmp_path):
    rows = "# a comment\n\nlamp.xml,Lamp,0.5,Desk Shelf,0.2,,x,yes\nlamp.xml,Mug,,,,0.5,,\n"
    folder_of(tmp_path, rows, lamp_xml=LAMP)
    of_csv = read_table(tmp_path)
    (tmp_path / "objects.csv").unlink()
    (tmp_path / "objects.toml").write_text(
        '[[objects]]\nfile = "lamp.xml"\ntype = "Lamp"\nmass = 0.5\nreceptacles = ["Desk", "Shelf"]\n'
        'height = 0.2\nup = "x"\nopen = true\n[[objects]]\nfile = "lamp.xml"\ntype = "Mug"\nscale = 0.5\n'
    )
    assert read_table(tmp_path) == of_csv
    assert of_csv[0].open and not of_csv[1].open and of_csv[1].scale == 0.5 and of_csv[1].up == "z"


@pytest.mark.parametrize(
    "text",
    [
        *("objects = 3", "objects = [1]", 'objects = ["o.glb"]', "[[object]]\nfile = 1", "[[objects]"),
        "extra = 1\n[[objects]]",
    ],
)
def test_a_damaged_toml_table_is_named(tmp_path, text):
    (tmp_path / "objects.toml").write_text(text)
    with pytest.raises(ObjectError, match=r"objects\.toml' cannot be read .*; correct it"):
        read_table(tmp_path)
