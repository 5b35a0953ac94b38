"""Small objects that tests write to files, and folders of them."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

LAMP = """<mujoco model="lamp">
  <worldbody>
    <body name="lamp" pos="0 0 0.3">
      <geom type="cylinder" size="0.06 0.1" mass="40" rgba="0.8 0.2 0.2 1"/>
      <geom type="box" size="0.02 0.03 0.05" pos="0 0 0.15" mass="40" rgba="0.2 0.2 0.8 1"/>
    </body>
  </worldbody>
</mujoco>"""
"""Two geoms, a cylinder and a box on it: 0.12 x 0.12 x 0.3 m, of 80 kg."""

CUBE = """v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
v 0 0 1
v 1 0 1
v 1 1 1
v 0 1 1
f 1 4 3 2
f 5 6 7 8
f 1 2 6 5
f 2 3 7 6
f 3 4 8 7
f 4 1 5 8
"""
"""A closed cube with a side of 1 in the units of the file, as OBJ."""

HEADER = "file,type,mass,receptacles,height,scale,up,open\n"


def model_of(geoms: str) -> str:
    """Return an MJCF model of one body with these geoms."""
    return f"<mujoco><worldbody><body>{geoms}</body></worldbody></mujoco>"


def folder_of(path: Path, rows: str, **files: str) -> Path:
    """Write a folder with `objects.csv` of these rows, and files; the last "_" of a name stands for "."."""
    path.mkdir(parents=True, exist_ok=True)
    (path / "objects.csv").write_text(HEADER + rows)
    for name, content in files.items():
        (path / ".".join(name.rsplit("_", 1))).write_text(content)
    return path


def striped_board(trimesh: Any) -> Any:
    """Return a board, y up, 1 wide and high, whose image has a red upper half and a blue lower one."""
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:4], pixels[4:] = (255, 0, 0), (0, 0, 255)
    board = trimesh.creation.box((1.0, 1.0, 0.1))
    uv = np.asarray(board.vertices)[:, :2] + 0.5  # from the lower left corner of the image
    material = trimesh.visual.material.PBRMaterial(baseColorTexture=Image.fromarray(pixels))
    board.visual = trimesh.visual.TextureVisuals(uv=uv, material=material)
    return board
